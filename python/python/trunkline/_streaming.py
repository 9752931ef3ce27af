"""Answers whose body is taken piece by piece, and uploads that are sent piece by piece."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json as _json
import os
from collections.abc import AsyncIterator, Awaitable, Iterator
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Callable, Generic, Optional, TypeVar, Union, cast

from ._errors import BodyTooLarge, EndOfParts, Error, HTTPStatusError, InvalidState, StateError
from ._native import (
    AsyncExchange,
    Data,
    Done,
    EventReader,
    Exchange,
    Head,
    Headers,
    LineReader,
    Redirect,
    Response,
    ServerSentEvent,
    Summary,
    Trailers,
    Writable,
    cookies_of,
    encoding_of,
    text_of,
)

if TYPE_CHECKING:
    from typing import Literal

    from ._body import Source
    from ._native import ConnectionInfo, Timings

    Outcome = Literal["done", "pause", "halt"]

#: The longest line, in bytes.
LINE = 16 * 1024 * 1024
#: The most data of a server-sent event, in bytes.
EVENT = 16 * 1024 * 1024

E = TypeVar("E", Exchange, AsyncExchange)


def _goes_on(says: object) -> bool:
    """Whether what `into` answered asks for more."""
    if says is None or says == "continue":
        return True
    if says in ("pause", "halt"):
        return False
    raise TypeError(f"into answers 'continue' (or None), 'pause' or 'halt', not {says!r}")


def _count(left: int, size: int) -> int:
    """What may still come after `size` bytes (0: any number)."""
    if 0 < left < size:
        raise BodyTooLarge("the body is larger than allowed", 62, "body_too_large")
    return left - size or -1 if left else 0


class _Streamed(Generic[E]):
    """What streamed answers have in common. The head is there from the start; the rest is known at the end."""

    def __init__(
        self,
        exchange: E,
        method: str,
        url: str,
        into: Optional[Callable[[bytes], Any]] = None,
        decode: bool = False,
    ) -> None:
        self._exchange: E = exchange
        self._into = into
        self._decode = decode
        self._head: Optional[Head] = None
        self._summary: Optional[Summary] = None
        self._content: Optional[bytes] = None
        self._taken = False
        #: The method that was asked for; a redirect may have made it GET.
        self.method = method
        #: The URL of this answer: the one that was asked for, or the one that the last redirect led to.
        self.url = url
        #: The redirects that were followed, the first one first.
        self.history: list[Redirect] = []
        #: The informational (1xx) answers that came before this one.
        self.informational: list[Head] = []
        #: The header fields that came after the body; empty until then, and where none did.
        self.trailers = Headers()

    def _known(self) -> Head:
        if self._head is None:
            raise InvalidState("the answer has not begun", 6, "invalid_state")
        return self._head

    def _ended(self) -> Summary:
        if self._summary is None:
            raise InvalidState("the answer was not read to its end", 6, "invalid_state")
        return self._summary

    def _see(self, part: object) -> Optional[bytes]:
        """Notes a part; the bytes, if it is data."""
        if isinstance(part, Data):
            return part.data
        if isinstance(part, Head):
            if part.informational:
                self.informational.append(part)
            else:
                self._head = part
        elif isinstance(part, Redirect):
            self.history.append(part)
            self.url = part.next_url
        elif isinstance(part, Trailers):
            self.trailers = part.headers
        elif isinstance(part, Done):
            self._summary = part.summary
        return None

    def _take(self) -> None:
        if self._taken:
            raise InvalidState("the body has been taken already", 6, "invalid_state")
        self._taken = True

    def _whole(self, content: bytes) -> Response:
        return Response.assemble(
            self.method,
            self.history[0].url if self.history else self.url,
            self._known(),
            self.informational,
            self.history,
            content,
            self.trailers,
            self._summary,
        )

    def _want_raw(self) -> None:
        if self._decode:
            raise InvalidState(
                "the body is decoded: make the request with decode=False", 6, "invalid_state"
            )

    @property
    def status_code(self) -> int:
        """The status code."""
        return self._known().status_code

    @property
    def reason_phrase(self) -> str:
        """The usual words for the status code."""
        return self._known().reason_phrase

    @property
    def http_version(self) -> str:
        """`HTTP/1.0`, `HTTP/1.1` or `HTTP/2`."""
        return self._known().http_version

    @property
    def headers(self) -> Headers:
        """The header fields."""
        return self._known().headers

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that this answer set, value by name."""
        return cookies_of(self.url, self.headers)

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status_code < 300

    @property
    def is_error(self) -> bool:
        """Whether the status is 4xx or 5xx."""
        return self.status_code >= 400

    @property
    def content(self) -> bytes:
        """The body, once `read` (or `aread`) has taken it."""
        if self._content is None:
            raise InvalidState(
                "the body was not read: call read() or aread() first", 6, "invalid_state"
            )
        return self._content

    @property
    def encoding(self) -> str:
        """The name of the encoding that `text` and lines use; see `Response.encoding`."""
        return encoding_of(self._content_type)

    @property
    def text(self) -> str:
        """The body as text, once it was read. Bytes that the encoding does not allow become U+FFFD."""
        return text_of(self._content_type, self.content)

    @property
    def _content_type(self) -> str:
        return self.headers.get("content-type", "")

    def json(self, **kwargs: Any) -> Any:
        """The body parsed as JSON, once it was read."""
        return _json.loads(self.content, **kwargs)

    @property
    def elapsed(self) -> float:
        """Seconds from submission to the end, once it was reached."""
        return self._ended().timings.total

    @property
    def timings(self) -> Timings:
        """When the request passed each point of its life, once it has ended."""
        return self._ended().timings

    @property
    def connection(self) -> Optional[ConnectionInfo]:
        """The connection that served the request, once it has ended."""
        return self._ended().connection

    @property
    def attempts(self) -> int:
        """How often the request was sent, once it has ended."""
        return self._ended().attempts

    @property
    def is_closed(self) -> bool:
        """Whether the request has ended."""
        return self._summary is not None or self._exchange.is_ended

    def __repr__(self) -> str:
        status = self._head.status_code if self._head else "not begun"
        return f"<{type(self).__name__} [{status}]>"


class StreamingResponse(_Streamed[Exchange]):
    """An answer whose body is taken piece by piece: the peer is read only as fast as the pieces are taken.

    A streamed upload goes on while the answer is read, on the same thread.
    """

    def __init__(
        self,
        exchange: Exchange,
        method: str,
        url: str,
        source: Optional[Iterator[bytes]],
        into: Optional[Callable[[bytes], Any]] = None,
        decode: bool = False,
    ) -> None:
        super().__init__(exchange, method, url, into, decode)
        self._pieces: Optional[Iterator[bytes]] = None
        self._source = source
        self._piece: Optional[bytes] = None

    def _push(self) -> None:
        """Hands over as much of the upload as is taken now."""
        while self._source is not None:
            if self._piece is None:
                try:
                    self._piece = next(self._source, None)
                except BaseException as error:
                    self._source = None
                    with contextlib.suppress(StateError):
                        self._exchange.fail(f"{type(error).__name__}: {error}")
                    raise
            try:
                if self._piece is None:
                    self._source = None
                    self._exchange.finish()
                elif self._exchange.try_write(self._piece):
                    self._piece = None
                else:
                    return
            except InvalidState:
                self._source = (
                    None  # the peer wants no more of it, or the request has ended: its parts tell
                )

    def _next(self) -> object:
        while True:
            self._push()
            part = self._exchange.recv_any()
            if not isinstance(part, Writable):
                return part

    def _begin(self) -> None:
        while self._head is None:
            self._see(self._next())

    def _collect(self, max_bytes: int) -> Response:
        """The whole answer; the request is over in any case."""
        try:
            chunks = []
            for chunk in self.iter_bytes():
                chunks.append(chunk)
                max_bytes = _count(max_bytes, len(chunk))
            return self._whole(b"".join(chunks))
        finally:
            self.close()

    def iter_bytes(self, chunk_size: Optional[int] = None) -> Iterator[bytes]:
        """The body as it arrives, or in pieces of `chunk_size` bytes (the last may be shorter)."""
        self._take()
        rest = bytearray()
        while self._summary is None:
            data = self._see(self._next())
            if data is None:
                continue
            if chunk_size is None:
                yield data
                continue
            rest += data
            while len(rest) >= chunk_size:
                yield bytes(rest[:chunk_size])
                del rest[:chunk_size]
        if rest:
            yield bytes(rest)

    def iter_lines(self, max_bytes: int = LINE) -> Iterator[str]:
        """The body line by line, without the line ends; a line longer than `max_bytes` raises `BodyTooLarge`."""
        lines = LineReader(self._content_type, max_bytes)
        for chunk in self.iter_bytes():
            yield from lines.feed(chunk)
        yield from lines.finish()

    def iter_events(self, max_bytes: int = EVENT) -> Iterator[ServerSentEvent]:
        """The body as server-sent events; one with more data than `max_bytes` raises `BodyTooLarge`."""
        events = EventReader(max_bytes)
        for chunk in self.iter_bytes():
            yield from events.feed(chunk)

    def iter_raw(self, chunk_size: Optional[int] = None) -> Iterator[bytes]:
        """The body as it came, still encoded: for requests with `decode=False`."""
        self._want_raw()
        return self.iter_bytes(chunk_size)

    def to_file(self, path: Union[str, os.PathLike[str]]) -> int:
        """Writes the body to a file; answers how many bytes. After an error the file holds what had arrived."""
        size = 0
        with open(path, "wb") as file:
            for chunk in self.iter_bytes():
                size += file.write(chunk)
        return size

    def run(self) -> Outcome:
        """Hands the pieces of the body to the function given as `into`, until the end or until it says otherwise.

        Answers "done" at the end of the body, "pause" or "halt" when the function did. After a pause nothing more is
        read from the peer than the credit allows, and `run` goes on; after a halt the request has been given up.
        """
        if self._into is None:
            raise InvalidState("the request was made without into", 6, "invalid_state")
        if self._pieces is None:
            self._pieces = self.iter_bytes()
        for chunk in self._pieces:
            says = self._into(chunk)
            if _goes_on(says):
                continue
            if says == "halt":
                self.close()
            return cast("Outcome", says)
        return "done"

    def _run_whole(self) -> Response:
        """Runs `into` for a request that is not streamed: the answer has no body then."""
        try:
            self._begin()
            if self.run() == "pause":
                raise TypeError("into may pause a streamed answer only: use client.stream")
            return self._whole(b"")
        finally:
            self.close()

    def read(self) -> bytes:
        """The whole body."""
        if self._content is None:
            self._content = b"".join(self.iter_bytes())
        return self._content

    def raise_for_status(self) -> StreamingResponse:
        """Raises `HTTPStatusError` unless the status is 2xx; returns the response itself."""
        if not self.is_success:
            raise HTTPStatusError(self)
        return self

    def close(self) -> None:
        """Cancels the request if it has not ended: its stream or connection is given up."""
        self._source = None
        if not self.is_closed:
            self._exchange.cancel()
            with contextlib.suppress(Error):
                while True:
                    self._exchange.recv(1.0)


class AsyncStreamingResponse(_Streamed[AsyncExchange]):
    """An answer whose body is taken piece by piece: the peer is read only as fast as the pieces are taken.

    A streamed upload goes on in a task of its own.
    """

    def __init__(
        self,
        exchange: AsyncExchange,
        method: str,
        url: str,
        source: Optional[Source],
        into: Optional[Callable[[bytes], Any]] = None,
        decode: bool = False,
    ) -> None:
        super().__init__(exchange, method, url, into, decode)
        self._pieces: Optional[AsyncIterator[bytes]] = None
        self._upload: Optional[asyncio.Task[None]] = None
        self._upload_error: Optional[BaseException] = None
        if source is not None:
            self._upload = asyncio.get_running_loop().create_task(self._send(source))

    async def _send(self, source: Source) -> None:
        try:
            if isinstance(source, AsyncIterator):
                async for piece in source:
                    await self._exchange.write(piece)
            else:
                for piece in source:
                    await self._exchange.write(piece)
            self._exchange.finish()
        except StateError:
            pass  # the peer wants no more of it, or the request has ended: its parts tell
        except Error:
            pass  # likewise
        except BaseException as error:
            self._upload_error = error
            with contextlib.suppress(StateError):
                self._exchange.fail(f"{type(error).__name__}: {error}")
            if not isinstance(error, Exception):
                raise

    async def _next(self) -> object:
        try:
            return await self._exchange.recv()
        except EndOfParts:
            raise
        except Error as error:
            if self._upload_error is not None and isinstance(self._upload_error, Exception):
                raise self._upload_error from error
            raise

    async def _begin(self) -> None:
        while self._head is None:
            self._see(await self._next())

    async def _collect(self, max_bytes: int) -> Response:
        """The whole answer; the request is over in any case."""
        try:
            chunks = []
            async for chunk in self.aiter_bytes():
                chunks.append(chunk)
                max_bytes = _count(max_bytes, len(chunk))
            return self._whole(b"".join(chunks))
        finally:
            await self.aclose()

    async def aiter_bytes(self, chunk_size: Optional[int] = None) -> AsyncIterator[bytes]:
        """The body as it arrives, or in pieces of `chunk_size` bytes (the last may be shorter)."""
        self._take()
        rest = bytearray()
        while self._summary is None:
            data = self._see(await self._next())
            if data is None:
                continue
            if chunk_size is None:
                yield data
                continue
            rest += data
            while len(rest) >= chunk_size:
                yield bytes(rest[:chunk_size])
                del rest[:chunk_size]
        if rest:
            yield bytes(rest)

    async def aiter_lines(self, max_bytes: int = LINE) -> AsyncIterator[str]:
        """The body line by line, without the line ends; a line longer than `max_bytes` raises `BodyTooLarge`."""
        lines = LineReader(self._content_type, max_bytes)
        async for chunk in self.aiter_bytes():
            for line in lines.feed(chunk):
                yield line
        for line in lines.finish():
            yield line

    async def aiter_events(self, max_bytes: int = EVENT) -> AsyncIterator[ServerSentEvent]:
        """The body as server-sent events; one with more data than `max_bytes` raises `BodyTooLarge`."""
        events = EventReader(max_bytes)
        async for chunk in self.aiter_bytes():
            for event in events.feed(chunk):
                yield event

    def aiter_raw(self, chunk_size: Optional[int] = None) -> AsyncIterator[bytes]:
        """The body as it came, still encoded: for requests with `decode=False`."""
        self._want_raw()
        return self.aiter_bytes(chunk_size)

    async def to_file(self, path: Union[str, os.PathLike[str]]) -> int:
        """Writes the body to a file; answers how many bytes. After an error the file holds what had arrived."""
        loop = asyncio.get_running_loop()
        size = 0
        file = await loop.run_in_executor(None, open, path, "wb")
        try:
            async for chunk in self.aiter_bytes():
                size += await loop.run_in_executor(None, file.write, chunk)
        finally:
            await loop.run_in_executor(None, file.close)
        return size

    async def run(self) -> Outcome:
        """Hands the pieces of the body to the function given as `into`, until the end or until it says otherwise.

        See `StreamingResponse.run`. The function may be asynchronous.
        """
        if self._into is None:
            raise InvalidState("the request was made without into", 6, "invalid_state")
        if self._pieces is None:
            self._pieces = self.aiter_bytes()
        async for chunk in self._pieces:
            says = self._into(chunk)
            if inspect.isawaitable(says):
                says = await says
            if _goes_on(says):
                continue
            if says == "halt":
                await self.aclose()
            return cast("Outcome", says)
        return "done"

    async def _run_whole(self) -> Response:
        """Runs `into` for a request that is not streamed: the answer has no body then."""
        try:
            await self._begin()
            if await self.run() == "pause":
                raise TypeError("into may pause a streamed answer only: use client.stream")
            return self._whole(b"")
        finally:
            await self.aclose()

    async def aread(self) -> bytes:
        """The whole body."""
        if self._content is None:
            self._content = b"".join([chunk async for chunk in self.aiter_bytes()])
        return self._content

    def raise_for_status(self) -> AsyncStreamingResponse:
        """Raises `HTTPStatusError` unless the status is 2xx; returns the response itself."""
        if not self.is_success:
            raise HTTPStatusError(self)
        return self

    async def aclose(self) -> None:
        """Cancels the request if it has not ended: its stream or connection is given up."""
        if not self.is_closed:
            self._exchange.cancel()
        if self._upload is not None:
            self._upload.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._upload


class StreamContext:
    """`with client.stream(...) as response:`; leaving it cancels what has not ended."""

    def __init__(self, make: Callable[[], StreamingResponse], strict: bool = False) -> None:
        self._make = make
        self._strict = strict
        self._response: Optional[StreamingResponse] = None

    def __enter__(self) -> StreamingResponse:
        response = self._make()
        self._response = response
        try:
            response._begin()
            if self._strict and not response.is_success:
                response.read()
                response.raise_for_status()
        except BaseException:
            response.close()
            raise
        return response

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if self._response is not None:
            self._response.close()


class AsyncStreamContext:
    """`async with client.stream(...) as response:`; leaving it cancels what has not ended."""

    def __init__(
        self, make: Callable[[], Awaitable[AsyncStreamingResponse]], strict: bool = False
    ) -> None:
        self._make = make
        self._strict = strict
        self._response: Optional[AsyncStreamingResponse] = None

    async def __aenter__(self) -> AsyncStreamingResponse:
        response = await self._make()
        self._response = response
        try:
            await response._begin()
            if self._strict and not response.is_success:
                await response.aread()
                response.raise_for_status()
        except BaseException:
            await response.aclose()
            raise
        return response

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if self._response is not None:
            await self._response.aclose()


async def read_file(file: IO[bytes], size: int = 256 * 1024) -> AsyncIterator[bytes]:
    """A file's pieces, read by a thread so that the loop never waits for a disk."""
    loop = asyncio.get_running_loop()
    while chunk := await loop.run_in_executor(None, file.read, size):
        yield chunk
