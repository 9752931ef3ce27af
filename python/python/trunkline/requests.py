"""An adapter for requests: `session.mount("https://", Adapter())`.

It carries one request and nothing else: redirects, authentication, cookies, decoding and errors by status are requests'
own. requests is imported here, and needed only by who imports this module.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import os
import threading
import warnings
from collections.abc import Generator, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Optional, Union, cast
from urllib.parse import urlsplit

import requests.adapters
import requests.cookies
import requests.exceptions
import requests.structures
import requests.utils
import urllib3.exceptions
import urllib3.util
from urllib3.response import HTTPResponse

from . import _errors as errors
from ._adapting import CONNECTION, bare_manager, check_options, deadlines, nearest
from ._native import Manager, Timeout
from ._streaming import StreamingResponse

if TYPE_CHECKING:
    TimeoutTypes = Union[float, tuple[Optional[float], Optional[float]], urllib3.util.Timeout, None]
    CertTypes = Union[str, tuple[str, str], None]

__all__ = ["Adapter"]

#: Bytes read from a file at once.
CHUNK = 256 * 1024
#: What requests says with each request: the adapter is not asked for it.
_EACH_TIME = ("verify", "cert", "proxy", "trust_env", "no_proxy")
#: What requests raises for the library's errors before the answer's head; the nearest class counts.
_ERRORS: dict[type[BaseException], type[requests.exceptions.RequestException]] = {
    errors.InvalidUrl: requests.exceptions.InvalidURL,
    errors.InvalidHeader: requests.exceptions.InvalidHeader,
    errors.UploadFailed: requests.exceptions.ConnectionError,
    errors.Cancelled: requests.exceptions.ConnectionError,
    errors.Shutdown: requests.exceptions.ConnectionError,
    errors.TimeoutError: requests.exceptions.ReadTimeout,
    errors.PoolTimeout: requests.exceptions.ConnectionError,
    errors.WriteTimeout: requests.exceptions.ConnectionError,
    errors.ResolveTimeout: requests.exceptions.ConnectTimeout,
    errors.ConnectTimeout: requests.exceptions.ConnectTimeout,
    errors.TlsTimeout: requests.exceptions.ConnectTimeout,
    errors.NetworkError: requests.exceptions.ConnectionError,
    errors.ProxyFailed: requests.exceptions.ProxyError,
    errors.TlsFailed: requests.exceptions.SSLError,
    errors.ProtocolError: requests.exceptions.ConnectionError,
}
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


def _timeout(timeout: TimeoutTypes) -> Timeout:
    if timeout is None:
        return deadlines(None, None, None, None)
    if isinstance(timeout, tuple):
        if len(timeout) != 2:
            raise ValueError(f"timeout is a number or (connect, read), not {timeout}")
        timeout = urllib3.util.Timeout(connect=timeout[0], read=timeout[1])
    elif isinstance(timeout, urllib3.util.Timeout):
        timeout = timeout.clone()
    else:
        timeout = urllib3.util.Timeout(connect=timeout, read=timeout)
    # The time to read is counted from the connection on, which begins now.
    timeout.start_connect()
    connect, read = timeout.connect_timeout, timeout.read_timeout
    connect = connect if isinstance(connect, (int, float)) else None
    return deadlines(connect, read if isinstance(read, (int, float)) else None, connect, None)


def _certificates(path: str) -> bytes:
    """The certificates of a bundle, or of every file of a folder."""
    if not os.path.exists(path):
        raise OSError(f"no TLS CA certificate bundle at {path}")
    paths = [path]
    if os.path.isdir(path):
        entries = (os.path.join(path, name) for name in sorted(os.listdir(path)))
        paths = [entry for entry in entries if os.path.isfile(entry)]
    pem = []
    for one in paths:
        with open(one, "rb") as file:
            pem.append(file.read())
    return b"\n".join(pem)


def _pieces(body: Any) -> Iterator[bytes]:
    """A body piece by piece: a file or its like, or an iterable."""
    read = getattr(body, "read", None)
    if read is None:
        yield from filter(None, body)
        return
    while chunk := read(CHUNK):
        yield chunk


def _fields(headers: Mapping[str, Union[str, bytes]]) -> list[tuple[str, Optional[bytes]]]:
    """Header fields as `http.client` encodes them."""
    fields: list[tuple[str, Optional[bytes]]] = [
        (name, value.encode("latin-1") if isinstance(value, str) else value)
        for name, value in ((_text(name), value) for name, value in headers.items())
        if name.lower() not in CONNECTION
    ]
    if "accept" not in headers:
        # The engine would add it, and who uses requests has taken it away.
        fields.append(("accept", None))
    return fields


def _text(name: Union[str, bytes]) -> str:
    return name.decode("ascii") if isinstance(name, bytes) else name


class Adapter(requests.adapters.BaseAdapter):
    """An adapter for `requests.Session`; threads may share it.

    Options are those of `trunkline.ClientOptions` that requests has no words for: `http_versions` ("auto": HTTP/2 where
    TLS negotiates it), `limits`, `drive`, `resolve`, `uds`, `server_hostname` and others. `verify=True` stands for the
    platform's trust store, not for certifi's bundle.

    A request is sent again only where it is known to be unsent, or idempotent and its kept connection was lost.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__()
        check_options("Adapter", options, _EACH_TIME)
        self._options = options
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._managers: dict[Any, Manager] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        # Sessions are pickled with their adapters.
        return (partial(type(self), **self._options), ())

    def _manager(self, verify: Union[bool, str], cert: CertTypes) -> Manager:
        """The manager for these certificates; connections are shared under the same ones only."""
        if self._process != os.getpid():
            # A forked child has connections of its own: programs often make their sessions before they fork.
            self._reset()
        key = (verify, cert)
        with self._lock:
            manager = self._managers.get(key)
            if manager is None:
                if verify is False:
                    kind = urllib3.exceptions.InsecureRequestWarning
                    warnings.warn("the peers' certificates are not checked", kind, stacklevel=4)
                options: dict[str, Any] = {
                    **self._options,
                    "verify": verify if isinstance(verify, bool) else _certificates(verify),
                }
                options["proxy_verify"] = options["verify"]
                if cert is not None:
                    options["cert"] = cert
                manager = bare_manager(options)
                self._managers[key] = manager
        return manager

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: TimeoutTypes = None,
        verify: Union[bool, str, os.PathLike[str], None] = True,
        cert: Union[str, tuple[str, ...], list[str], None] = None,
        proxies: Optional[Mapping[str, str]] = None,
    ) -> requests.Response:
        """Sends a request; answers when the head of the answer is there."""
        if not request.url or not request.method:
            raise requests.exceptions.MissingSchema("the request was not prepared")
        url = requests.utils.urldefragauth(request.url)
        extra: dict[str, Any] = {}
        proxy = requests.utils.select_proxy(request.url, cast(Any, proxies))
        if proxy:
            proxy = requests.utils.prepend_scheme_if_needed(proxy, "http")
            extra["proxy"] = proxy
        secure = url[:6].lower() == "https:" or (proxy or "")[:6].lower() == "https:"
        pair = tuple(cert) if isinstance(cert, (tuple, list)) else cert
        manager = self._manager(
            (verify if isinstance(verify, bool) else os.fspath(verify or "") or False)
            if secure
            else True,
            cast("CertTypes", (pair or None) if secure else None),
        )
        body: Any = request.body
        source = None
        if body is not None and not isinstance(body, (bytes, str, bytearray, memoryview)):
            source, body = _pieces(body), None
            extra["streamed"] = None
        try:
            exchange = manager.open(
                request.method,
                url,
                _fields(request.headers),
                body or None,
                _timeout(timeout),
                extra or None,
            )
            response = StreamingResponse(exchange, request.method, url, source)
            try:
                response._begin()
            except BaseException:
                response.close()
                raise
        except errors.Error as error:
            raise _mapped(error, request) from error
        return self._response(request, response, _Body(response, manager, url))

    def _response(
        self, request: requests.PreparedRequest, answer: StreamingResponse, body: _Body
    ) -> requests.Response:
        # As http.client reads them: bytes as Latin-1, whatever they mean.
        fields = [
            (name.decode("ascii"), value.decode("latin-1")) for name, value in answer.headers.raw
        ]
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
        response.connection = cast(Any, self)
        return response

    def close(self) -> None:
        """Closes the connections once the answers that are still read have ended. It may be used again."""
        with self._lock:
            self._managers.clear()


def _mapped(
    error: errors.Error, request: requests.PreparedRequest
) -> requests.exceptions.RequestException:
    """What requests raises for an error of the library."""
    if isinstance(error, errors.InvalidArgument) and error.message.startswith("proxy:"):
        return requests.exceptions.InvalidProxyURL(error, request=request)
    kind = nearest(_ERRORS, error)
    return (kind or requests.exceptions.RequestException)(error, request=request)
