"""Answers whose body is taken piece by piece, and uploads that are sent piece by piece."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Optional, Union, cast

from ._errors import Error, HTTPStatusError, InvalidState, StateError
from ._native import EventReader, Exchange, LineReader, Response, ServerSentEvent, Writable
from ._streamed import EVENT, LINE, Streamed, count_down, goes_on

if TYPE_CHECKING:
    from ._streamed import Outcome


class StreamingResponse(Streamed[Exchange]):
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
        #: What came together with the head.
        self._early: deque[bytes] = deque()

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
        if self._source is None:
            for part in self._exchange.begin():
                if (data := self._see(part)) is not None:
                    self._early.append(data)
        while self._head is None:
            self._see(self._next())

    def _collect(self, max_bytes: int) -> Response:
        """The whole answer; the request is over in any case."""
        try:
            chunks = []
            for chunk in self.iter_bytes():
                chunks.append(chunk)
                max_bytes = count_down(max_bytes, len(chunk))
            return self._whole(b"".join(chunks))
        finally:
            self.close()

    def iter_bytes(self, chunk_size: Optional[int] = None) -> Iterator[bytes]:
        """The body as it arrives, or in pieces of `chunk_size` bytes (the last may be shorter)."""
        self._take()
        rest = bytearray()
        while self._early or self._summary is None:
            data = self._early.popleft() if self._early else self._see(self._next())
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
            if goes_on(says):
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
        if self._early:
            self._early.clear()
            self._taken = True
        if not self.is_closed:
            self._exchange.cancel()
            with contextlib.suppress(Error):
                while True:
                    self._exchange.recv(1.0)


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
