"""Echo servers of other makers, each as it comes, on one event loop in a thread."""

from __future__ import annotations

import asyncio
import socket
import threading
import warnings
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Callable, Optional

#: The most that these servers take in one message.
MOST = 32 << 20

Stop = Callable[[], Awaitable[None]]


def load(name: str) -> Any:
    """Imports a peer. Another one that the tests use, bottle, hooks into imports in a way of old, which warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImportWarning)
        return import_module(name)


async def serve_websockets() -> tuple[str, Stop]:
    async def echo(socket: Any) -> None:
        async for message in socket:
            if message == "close":
                await socket.close(4000, "as you wish")
            elif message == "fragments":
                await socket.send(iter(["a", "", "bc"]))
            elif message == "ping":
                await (await socket.ping(b"from the server"))
                await socket.send("ponged")
            else:
                await socket.send(message)

    def select(_: Any, offered: Sequence[str]) -> Optional[str]:
        return next((name for name in offered if name in ("v1", "v2")), None)

    serve = load("websockets.asyncio.server").serve
    server = await serve(echo, "127.0.0.1", 0, max_size=MOST, select_subprotocol=select)
    port = next(iter(server.sockets)).getsockname()[1]

    async def stop() -> None:
        server.close()
        await server.wait_closed()

    return f"ws://127.0.0.1:{port}/", stop


async def serve_aiohttp() -> tuple[str, Stop]:
    web = load("aiohttp.web")

    async def echo(request: Any) -> Any:
        socket = web.WebSocketResponse(max_msg_size=MOST)
        await socket.prepare(request)
        async for message in socket:
            if message.type is web.WSMsgType.TEXT:
                await socket.send_str(message.data)
            elif message.type is web.WSMsgType.BINARY:
                await socket.send_bytes(message.data)
        return socket

    application = web.Application()
    application.router.add_get("/", echo)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"ws://127.0.0.1:{runner.addresses[0][1]}/", runner.cleanup


async def serve_picows() -> tuple[str, Stop]:
    picows: Any = load("picows")
    kinds = picows.WSMsgType

    class Echo(picows.WSListener):  # type: ignore[misc]
        def on_ws_frame(self, transport: Any, frame: Any) -> None:
            if frame.msg_type in (kinds.TEXT, kinds.BINARY):
                transport.send(frame.msg_type, frame.get_payload_as_bytes())
            elif frame.msg_type == kinds.PING:
                transport.send_pong(frame.get_payload_as_bytes())
            elif frame.msg_type == kinds.CLOSE:
                transport.send_close(frame.get_close_code(), frame.get_close_message())
                transport.disconnect()

    server = await picows.ws_create_server(
        lambda _: Echo(), "127.0.0.1", 0, max_frame_size=MOST, enable_auto_ping=False
    )
    port = server.sockets[0].getsockname()[1]

    async def stop() -> None:
        server.close()

    return f"ws://127.0.0.1:{port}/", stop


async def serve_hypercorn() -> tuple[str, Stop]:
    serve = load("hypercorn.asyncio").serve

    async def echo(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            return
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            await send(
                {
                    "type": "websocket.send",
                    "text": event.get("text"),
                    "bytes": event.get("bytes"),
                }
            )

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = load("hypercorn.config").Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.websocket_max_message_size = MOST
    config.errorlog = None
    ended = asyncio.Event()
    task = asyncio.ensure_future(serve(echo, config, shutdown_trigger=ended.wait))
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            break
        except OSError:
            await asyncio.sleep(0.01)

    async def stop() -> None:
        ended.set()
        await asyncio.wait({task}, timeout=5)

    return f"ws://127.0.0.1:{port}/", stop


SERVERS = {
    "websockets": serve_websockets,
    "aiohttp": serve_aiohttp,
    "picows": serve_picows,
    "hypercorn": serve_hypercorn,
}


@contextmanager
def running(name: str) -> Iterator[str]:
    """Runs one of them; yields its URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    url, stop = asyncio.run_coroutine_threadsafe(SERVERS[name](), loop).result(20)
    try:
        yield url
    finally:

        async def end() -> None:
            await stop()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()
