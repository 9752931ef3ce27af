"""Answers as requests and urllib3 have them, on streams of the engine."""

from __future__ import annotations

import contextlib
import http.client
import io
from collections.abc import Generator, Iterable, Iterator
from typing import Any, Optional, cast
from urllib.parse import urlsplit

import requests.adapters
import requests.cookies
import requests.structures
import requests.utils
import urllib3
import urllib3.exceptions
from urllib3.response import HTTPResponse

from . import _errors as errors
from ._native import Manager
from ._streaming import StreamingResponse

#: Bytes read from a file, or from an answer, at once.
CHUNK = 256 * 1024
_VERSIONS = {"HTTP/1.0": 10, "HTTP/1.1": 11, "HTTP/2": 20}


class _Body(io.BufferedIOBase):
    """The body of an answer as a file. It closes itself at the end, as `http.client.HTTPResponse` does."""

    def __init__(self, response: StreamingResponse, manager: Manager, url: str) -> None:
        super().__init__()
        # The manager ends its requests when it is dropped; requests lets answers outlive their session.
        self._manager = manager
        self._response = response
        self._url = url
        self._pieces: Iterator[bytes] = response.iter_bytes()
        self._piece = b""
        self._at = 0
        self._left: Optional[int] = None

    def expect(self, length: Optional[int]) -> None:
        """Notes how long the body is, so that the connection is free once all of it has come."""
        self._left = length
        if length == 0:
            self._end()
            self.close()

    def _end(self) -> None:
        """Takes the end of a request whose body is complete: what fails now harms nobody."""
        self._left = None
        with contextlib.suppress(errors.Error):
            next(self._pieces, b"")

    def _next(self) -> bytes:
        try:
            return next(self._pieces, b"")
        except errors.TlsFailed as error:
            raise urllib3.exceptions.SSLError(str(error)) from error
        except errors.TimeoutError as error:
            pool = cast(Any, None)
            raise urllib3.exceptions.ReadTimeoutError(pool, self._url, str(error)) from error
        except errors.Error as error:
            raise urllib3.exceptions.ProtocolError(f"Connection broken: {error}", error) from error

    def _pull(self) -> bool:
        """Takes the next piece; False at the end."""
        self._piece, self._at = self._next(), 0
        if self._left is not None:
            self._left -= len(self._piece)
            if self._left == 0 and self._piece:
                self._end()
        return bool(self._piece)

    def read1(self, size: Optional[int] = -1, /) -> bytes:
        """What has come, `size` bytes at most; waits where nothing has."""
        if size == 0 or self.closed:
            return b""
        if self._at == len(self._piece) and not self._pull():
            self.close()
            return b""
        piece, start = self._piece, self._at
        end = len(piece) if size is None or size < 0 else min(len(piece), start + size)
        self._at = end
        if end == len(piece):
            self._piece, self._at = b"", 0
            if self._response._summary is not None and not self._response._early:
                self.close()
        return piece[start:end]

    def read(self, size: Optional[int] = -1, /) -> bytes:
        """`size` bytes, or all there are; fewer only at the end."""
        left = None if size is None or size < 0 else size
        parts = []
        while left is None or left > 0:
            piece = self.read1(left)
            if not piece:
                break
            parts.append(piece)
            left = None if left is None else left - len(piece)
        return b"".join(parts)

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        """Gives the request up if it has not ended."""
        if not self.closed:
            super().close()
            self._piece = b""
            self._response.close()


class _Original:
    """What requests and its friends look for in `raw._original_response`: the header fields, for the cookies."""

    def __init__(self, fields: Iterable[tuple[str, str]], body: _Body) -> None:
        self.msg = http.client.HTTPMessage()
        for name, value in fields:
            self.msg.set_raw(name, value)
        self._body = body

    def isclosed(self) -> bool:
        return self._body.closed

    def close(self) -> None:
        self._body.close()


class _Raw(HTTPResponse):
    """An answer as urllib3 has it, so that whoever knows `Response.raw` finds what they expect."""

    def stream(
        self, amt: Optional[int] = CHUNK, decode_content: Optional[bool] = None
    ) -> Generator[bytes, None, None]:
        """Pieces of `amt` bytes; where the length is not known, as they come: the peer may take its time."""
        if self.length_remaining is not None:
            yield from super().stream(amt, decode_content)
            return
        while data := self.read1(amt, decode_content):
            yield data

    def read_chunked(
        self, amt: Optional[int] = None, decode_content: Optional[bool] = None
    ) -> Generator[bytes, None, None]:
        """As `stream`: the chunks of the wire are not known here."""
        return self.stream(amt, decode_content)


def make_response(
    adapter: requests.adapters.BaseAdapter,
    request: requests.PreparedRequest,
    answer: StreamingResponse,
    manager: Manager,
    url: str,
) -> requests.Response:
    """An answer as requests has it; the body is read when it is asked for."""
    body = _Body(answer, manager, url)
    # As http.client reads them: bytes as Latin-1, whatever they mean.
    fields = [(name.decode("ascii"), value.decode("latin-1")) for name, value in answer.headers.raw]
    raw = _Raw(
        body,
        urllib3.HTTPHeaderDict(fields),
        answer.status_code,
        _VERSIONS.get(answer.http_version, 0),
        reason=answer.reason_phrase,
        preload_content=False,
        decode_content=False,
        original_response=cast(Any, _Original(fields, body)),
        request_method=request.method,
        request_url=urlsplit(answer.url)._replace(scheme="", netloc="").geturl(),
    )
    raw.version_string = answer.http_version
    if raw.version < 20:
        # An HTTP/2 stream may go on after the last byte: it is not waited for before that is asked.
        body.expect(raw.length_remaining)
    response = requests.Response()
    response.status_code = answer.status_code
    response.headers = requests.structures.CaseInsensitiveDict(raw.headers)
    response.encoding = requests.utils.get_encoding_from_headers(response.headers)
    response.raw = raw
    response.reason = answer.reason_phrase
    response.url = cast(str, request.url)
    if "set-cookie" in raw.headers:
        requests.cookies.extract_cookies_to_jar(response.cookies, request, raw)
    response.request = request
    response.connection = cast(Any, adapter)
    return response
