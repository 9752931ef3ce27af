"""What the native half asks of Python when it serves an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Optional, TypeVar

from ._errors import StateError, WebSocketClosed

if TYPE_CHECKING:
    from ._native import AsyncWebSocket

T = TypeVar("T")


def resolve(futures: Iterable[asyncio.Future[Any]]) -> None:
    """Resolves a batch of futures; the interpreter's own method calls are the fastest way there is."""
    for future in futures:
        if not future.done():
            future.set_result(None)


async def aiter_of(items: Iterator[T]) -> AsyncIterator[T]:
    """An iterator as an async one."""
    for item in items:
        yield item


async def close_websocket(
    ws: AsyncWebSocket, code: int, reason: str, timeout: Optional[float]
) -> None:
    """The closing handshake: says so, then waits for the peer's answer; at the end of the time it hangs up."""
    if ws.is_ended:
        return
    try:
        await ws.start_close(code, reason)
    except StateError:
        pass  # the peer began to close, or it was begun before: its end is what is waited for
    except WebSocketClosed:
        pass
    try:
        if timeout is None:
            await ws._wait_unread()
        else:
            await asyncio.wait_for(ws._wait_unread(), timeout)
    except asyncio.TimeoutError:
        ws.abort()
    except BaseException:
        ws.abort()
        raise
