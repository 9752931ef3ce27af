"""Connections that became the caller's: upgrades to another protocol, and tunnels through a proxy."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Generic, Optional

from ._errors import EndOfParts, Error, HTTPStatusError, StateError
from ._native import AsyncExchange, Data, Done, Exchange, Head
from ._streamed import E
from ._streaming import StreamingResponse
from ._streaming_async import AsyncStreamingResponse

if TYPE_CHECKING:
    from typing_extensions import Self

    from ._options import WholeContent

#: Bytes that one `read` gives at most unless it is told otherwise.
READ = 65536


class _Raw(Generic[E]):
    """What both kinds have in common."""

    def __init__(
        self, exchange: E, response: Head, early: bytes = b"", ended: bool = False
    ) -> None:
        self._exchange: E = exchange
        self._rest = early
        self._at = 0
        self._ended = ended
        #: The answer that opened it.
        self.response = response

    def _taken(self, max_bytes: int) -> bytes:
        """The next bytes of what has come."""
        start = self._at
        end = min(start + max_bytes, len(self._rest))
        piece = self._rest[start:end]
        self._at = end
        if end == len(self._rest):
            self._rest, self._at = b"", 0
        return piece

    def _see(self, part: object) -> None:
        if isinstance(part, Data):
            self._rest = part.data
        elif isinstance(part, Done):
            self._ended = True

    @property
    def is_closed(self) -> bool:
        """Whether the peer has ended, or `close` was called."""
        return self._exchange.is_ended


def _checked(max_bytes: int) -> int:
    if max_bytes < 1:
        raise ValueError(f"max_bytes is 1 or more, not {max_bytes}")
    return max_bytes


class RawStream(_Raw[Exchange]):
    """The bytes of a connection, both ways. One thread may read while another one writes.

    Use it in a `with` block, or call `close`.
    """

    def read(self, max_bytes: int = READ, timeout: Optional[float] = None) -> bytes:
        """What has come, 1 to `max_bytes` bytes; waits where nothing has. Empty once the peer sends no more.

        Raises `CallTimeout` when nothing came in `timeout` seconds; nothing is lost then.
        """
        _checked(max_bytes)
        while not self._rest and not self._ended:
            try:
                self._see(self._exchange.recv(timeout))
            except EndOfParts:
                self._ended = True
        return self._taken(max_bytes)

    def write(self, data: WholeContent, timeout: Optional[float] = None) -> None:
        """Sends bytes; waits while the peer takes none. Raises `CallTimeout` after `timeout` seconds, with nothing sent."""
        if data:
            self._exchange.write(data, timeout)

    def send_eof(self) -> None:
        """Tells the peer that nothing more is sent. What it sends can still be read."""
        with contextlib.suppress(StateError):
            self._exchange.finish()

    def close(self) -> None:
        """Closes the connection. What was written and not sent may be lost: to wait for it, `send_eof`, then `read`."""
        self._ended = True
        self._rest, self._at = b"", 0
        self._exchange.cancel()
        with contextlib.suppress(Error):
            while True:
                self._exchange.recv(1.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()


class AsyncRawStream(_Raw[AsyncExchange]):
    """The bytes of a connection, both ways. One task may read while another one writes.

    Use it in an `async with` block, or await `aclose`.
    """

    async def read(self, max_bytes: int = READ, timeout: Optional[float] = None) -> bytes:
        """See `RawStream.read`; after `timeout` seconds `TimeoutError` of asyncio is raised."""
        _checked(max_bytes)
        while not self._rest and not self._ended:
            try:
                self._see(await _within(timeout, self._exchange.recv()))
            except EndOfParts:
                self._ended = True
        return self._taken(max_bytes)

    async def write(self, data: WholeContent, timeout: Optional[float] = None) -> None:
        """See `RawStream.write`; after `timeout` seconds `TimeoutError` of asyncio is raised."""
        if data:
            await _within(timeout, self._exchange.write(data))

    def send_eof(self) -> None:
        """Tells the peer that nothing more is sent. What it sends can still be read."""
        with contextlib.suppress(StateError):
            self._exchange.finish()

    async def aclose(self) -> None:
        """Closes the connection. What was written and not sent may be lost: to wait for it, `send_eof`, then `read`."""
        self._ended = True
        self._rest, self._at = b"", 0
        self._exchange.cancel()
        with contextlib.suppress(Error):
            while True:
                await self._exchange.recv()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.aclose()


async def _within(timeout: Optional[float], step: Awaitable[Any]) -> Any:
    return await (step if timeout is None else asyncio.wait_for(step, timeout))


def _opens(method: str, head: Head) -> bool:
    return head.status_code // 100 == 2 if method == "CONNECT" else head.status_code == 101


def open_raw(exchange: Exchange, method: str, url: str) -> RawStream:
    """Waits for the answer; one that does not open the stream raises, with that answer."""
    response = StreamingResponse(exchange, method, url, None)
    try:
        response._begin()
        head = response._known()
        if _opens(method, head):
            early = b"".join(response._early)
            return RawStream(exchange, head, early, response._summary is not None)
        response.read()
    except BaseException:
        response.close()
        raise
    raise HTTPStatusError(response)


async def open_raw_async(exchange: AsyncExchange, method: str, url: str) -> AsyncRawStream:
    """Waits for the answer; one that does not open the stream raises, with that answer."""
    response = AsyncStreamingResponse(exchange, method, url, None)
    try:
        await response._begin()
        head = response._known()
        if _opens(method, head):
            return AsyncRawStream(exchange, head)
        await response.aread()
    except BaseException:
        await response.aclose()
        raise
    raise HTTPStatusError(response)


class RawContext:
    """`async with client.upgrade(...) as stream:`, or `stream = await client.upgrade(...)`."""

    def __init__(self, make: Callable[[], Awaitable[AsyncExchange]], method: str, url: str) -> None:
        self._make = make
        self._method = method
        self._url = url
        self._stream: Optional[AsyncRawStream] = None

    def __await__(self) -> Generator[Any, None, AsyncRawStream]:
        return self._open().__await__()

    async def _open(self) -> AsyncRawStream:
        return await open_raw_async(await self._make(), self._method, self._url)

    async def __aenter__(self) -> AsyncRawStream:
        self._stream = await self
        return self._stream

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if self._stream is not None:
            await self._stream.aclose()
