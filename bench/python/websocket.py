"""WebSocket echo: `websocket.py CLIENT --url ws://… --size 256 --in-flight 64 --loop asyncio|uvloop`.

`--in-flight` messages are sent at the start, then one for each that comes back: pipelined above one, ping-pong at one.
"""

from __future__ import annotations

import asyncio

from measure import Arguments, Counter, choose, measure, parse, run, skip_missing


async def picows(arguments: Arguments, counter: Counter) -> None:
    """The core API: a listener called for each frame, sending from inside the call."""
    from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

    payload = bytes(arguments.size)

    class Listener(WSListener):
        def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            counter.message(len(frame.get_payload_as_memoryview()))
            if counter.on:
                transport.send(WSMsgType.BINARY, payload)

    transport, _ = await ws_connect(Listener, arguments.url)

    async def worker() -> None:
        for _ in range(arguments.in_flight):
            transport.send(WSMsgType.BINARY, payload)
        await counter.stopped.wait()
        transport.disconnect()
        await transport.wait_disconnected()

    await measure(arguments, "picows", counter, [worker()])


async def aiohttp(arguments: Arguments, counter: Counter) -> None:
    import aiohttp

    payload = bytes(arguments.size)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(arguments.url) as socket,
    ):

        async def worker() -> None:
            for _ in range(arguments.in_flight):
                await socket.send_bytes(payload)
            async for message in socket:
                counter.message(len(message.data))
                if not counter.on:
                    break
                await socket.send_bytes(payload)

        await measure(arguments, "aiohttp", counter, [worker()])


async def websockets(arguments: Arguments, counter: Counter) -> None:
    from websockets.asyncio.client import connect

    payload = bytes(arguments.size)
    async with connect(arguments.url, compression=None) as socket:

        async def worker() -> None:
            for _ in range(arguments.in_flight):
                await socket.send(payload)
            async for message in socket:
                counter.message(len(message))
                if not counter.on:
                    break
                await socket.send(payload)

        await measure(arguments, "websockets", counter, [worker()])


async def trunkline(arguments: Arguments, counter: Counter) -> None:
    """Message by message, as with aiohttp and websockets."""
    import trunkline

    payload = bytes(arguments.size)
    async with trunkline.AsyncClient() as client, client.websocket(arguments.url) as socket:

        async def worker() -> None:
            for _ in range(arguments.in_flight):
                await socket.send(payload)
            async for message in socket:
                counter.message(len(message))
                if not counter.on:
                    break
                await socket.send(payload)

        await measure(arguments, "trunkline", counter, [worker()])


async def trunkline_many(arguments: Arguments, counter: Counter) -> None:
    """What came together is taken and answered together."""
    import trunkline

    payload = bytes(arguments.size)
    async with trunkline.AsyncClient() as client, client.websocket(arguments.url) as socket:

        async def worker() -> None:
            await socket.send_many([payload] * arguments.in_flight)
            while counter.on:
                messages = await socket.recv_many()
                for message in messages:
                    counter.message(len(message))
                await socket.send_many([payload] * len(messages))

        await measure(arguments, "trunkline", counter, [worker()])


async def trunkline_listener(arguments: Arguments, counter: Counter) -> None:
    """A listener that is called with views of what came together, and answers it."""
    import trunkline

    payload = bytes(arguments.size)

    def listener(_: trunkline.AsyncWebSocket, messages: list[memoryview]) -> list[bytes] | None:
        for message in messages:
            counter.message(len(message))
        return [payload] * len(messages) if counter.on else None

    async with (
        trunkline.AsyncClient() as client,
        client.websocket(arguments.url, listener=listener, views=True) as socket,
    ):

        async def worker() -> None:
            await socket.send_many([payload] * arguments.in_flight)
            await counter.stopped.wait()

        await measure(arguments, "trunkline", counter, [worker()])


async def trunkline_sync(arguments: Arguments, counter: Counter) -> None:
    """Blocking calls, in a thread of their own."""
    import trunkline

    payload = bytes(arguments.size)

    def echo() -> None:
        with trunkline.Client() as client, client.websocket(arguments.url) as socket:
            socket.send_many([payload] * arguments.in_flight)
            while counter.on:
                messages = socket.recv_many()
                for message in messages:
                    counter.message(len(message))
                socket.send_many([payload] * len(messages))

    await measure(arguments, "trunkline", counter, [asyncio.to_thread(echo)])


CLIENTS = {
    "picows": picows,
    "aiohttp": aiohttp,
    "websockets": websockets,
    "trunkline": trunkline,
    "trunkline-many": trunkline_many,
    "trunkline-listener": trunkline_listener,
    "trunkline-sync": trunkline_sync,
}


def main() -> None:
    arguments = parse()
    counter = Counter(arguments.size)
    counter.notes["message_bytes"] = arguments.size
    counter.notes["pattern"] = f"{arguments.in_flight} sent, then one for each that comes back"
    client = choose(CLIENTS, arguments.client)
    try:
        run(arguments, lambda: client(arguments, counter))
    except ImportError as error:
        raise skip_missing(error) from error


if __name__ == "__main__":
    main()
