"""The opening of WebSockets."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Optional

from ._errors import StateError, WebSocketClosed, WebSocketRejected
from ._native import AsyncExchange, AsyncWebSocket, Data, Exchange, Head, WebSocket
from ._streaming import StreamingResponse
from ._streaming_async import AsyncStreamingResponse
from ._websocket_options import WebSocketTaking

if TYPE_CHECKING:
    from typing_extensions import TypeGuard


def _opens(part: object) -> TypeGuard[Head]:
    """Whether this answer opens a WebSocket: over HTTP/2 any 2xx does (RFC 8441, 5)."""
    if not isinstance(part, Head) or part.informational:
        return False
    if part.http_version == "HTTP/2":
        return 200 <= part.status_code < 300
    return part.status_code == 101


def open_websocket(exchange: Exchange, url: str, given: WebSocketTaking) -> WebSocket:
    """Waits for the answer to the upgrade; one that does not open it raises, with that answer."""
    response = StreamingResponse(exchange, "GET", url, None)
    body: list[bytes] = []
    try:
        while True:
            part = exchange.recv()
            if _opens(part):
                return WebSocket(exchange, part, given.listener, given.views)
            body.append(response._see(part) or b"")
    except WebSocketRejected as error:
        response._content = b"".join(body)
        error.response = response
        raise


async def open_websocket_async(
    exchange: AsyncExchange, url: str, views: bool = False
) -> AsyncWebSocket:
    """Waits for the answer to the upgrade; one that does not open it raises, with that answer."""
    response = AsyncStreamingResponse(exchange, "GET", url, None)
    body: list[bytes] = []
    try:
        while True:
            part = await exchange.recv()
            if _opens(part):
                return AsyncWebSocket(exchange, part, views)
            data = response._see(part)
            if isinstance(part, Data) and data:
                body.append(data)
    except WebSocketRejected as error:
        response._content = b"".join(body)
        error.response = response
        raise
    except BaseException:
        exchange.cancel()
        raise


class WebSocketContext:
    """`async with client.websocket(url) as ws:`, or `ws = await client.websocket(url)`."""

    def __init__(
        self, make: Callable[[], Awaitable[AsyncExchange]], url: str, given: WebSocketTaking
    ) -> None:
        self._make = make
        self._url = url
        self._given = given
        self._ws: Optional[AsyncWebSocket] = None

    def __await__(self) -> Generator[Any, None, AsyncWebSocket]:
        return self._open().__await__()

    async def _open(self) -> AsyncWebSocket:
        ws = await open_websocket_async(await self._make(), self._url, self._given.views)
        if self._given.listener is not None:
            ws._listen(self._given.listener)
        return ws

    async def __aenter__(self) -> AsyncWebSocket:
        self._ws = await self
        return self._ws

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if self._ws is None:
            return
        if error is not None and not isinstance(error, Exception):
            self._ws.abort()
            return
        with contextlib.suppress(WebSocketClosed, StateError):
            await self._ws.close()
