"""The opening of WebSockets."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Generator
from types import TracebackType
from typing import Any, Callable, Optional

from ._errors import StateError, WebSocketClosed, WebSocketRejected
from ._native import AsyncExchange, AsyncWebSocket, Data, Exchange, Head, WebSocket
from ._streaming import StreamingResponse
from ._streaming_async import AsyncStreamingResponse


def open_websocket(exchange: Exchange, url: str) -> WebSocket:
    """Waits for the answer to the upgrade; one that is not 101 raises, with that answer."""
    response = StreamingResponse(exchange, "GET", url, None)
    body: list[bytes] = []
    try:
        while True:
            part = exchange.recv()
            if isinstance(part, Head) and part.status_code == 101:
                return WebSocket(exchange, part)
            body.append(response._see(part) or b"")
    except WebSocketRejected as error:
        response._content = b"".join(body)
        error.response = response
        raise


async def open_websocket_async(exchange: AsyncExchange, url: str) -> AsyncWebSocket:
    """Waits for the answer to the upgrade; one that is not 101 raises, with that answer."""
    response = AsyncStreamingResponse(exchange, "GET", url, None)
    body: list[bytes] = []
    try:
        while True:
            part = await exchange.recv()
            if isinstance(part, Head) and part.status_code == 101:
                return AsyncWebSocket(exchange, part)
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

    def __init__(self, make: Callable[[], Awaitable[AsyncExchange]], url: str) -> None:
        self._make = make
        self._url = url
        self._ws: Optional[AsyncWebSocket] = None

    def __await__(self) -> Generator[Any, None, AsyncWebSocket]:
        return self._open().__await__()

    async def _open(self) -> AsyncWebSocket:
        return await open_websocket_async(await self._make(), self._url)

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
