"""The same for asyncio: answers taken, and uploads sent, piece by piece."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
from collections.abc import AsyncIterator, Awaitable
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Callable, Optional, Union, cast

from ._errors import EndOfParts, Error, HTTPStatusError, InvalidState, StateError
from ._native import AsyncExchange, EventReader, LineReader, Response, ServerSentEvent
from ._streamed import EVENT, LINE, Streamed, count_down, goes_on

if TYPE_CHECKING:
    from ._body import Source
    from ._streamed import Outcome


class AsyncStreamingResponse(Streamed[AsyncExchange]):
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
                max_bytes = count_down(max_bytes, len(chunk))
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
            if goes_on(says):
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
