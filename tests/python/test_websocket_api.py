"""What WebSockets offer beyond message by message: batches, listeners, reconnecting, back pressure, cancelling."""

from __future__ import annotations

import asyncio
import resource
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvloop
import websocket_peers
from conftest import Server

import trunkline
from trunkline import AsyncClient, Client


@pytest.fixture(scope="module")
def peer() -> Iterator[str]:
    with websocket_peers.running("websockets") as url:
        yield url


def test_batches(client: Client) -> None:
    with client.websocket("/ws") as ws:
        batch = [str(number) for number in range(3000)]
        ws.send_many(batch)
        got: list[object] = []
        while len(got) < len(batch):
            more = ws.recv_many(limit=100)
            assert 0 < len(more) <= 100
            got += more
        assert got == batch
        ws.send_many([])
        with pytest.raises(TypeError, match="not one message"):
            ws.send_many("text")
        with pytest.raises(trunkline.CallTimeout):
            ws.recv_many(timeout=0.01)
        assert ws.try_send(b"tried")
        assert ws.recv() == b"tried"
    with pytest.raises(trunkline.WebSocketClosed):
        ws.recv_many()
    with pytest.raises(trunkline.WebSocketClosed):
        ws.try_send("too late")


async def test_async_batches(aclient: AsyncClient) -> None:
    async with aclient.websocket("/ws") as ws:
        batch = [str(number) for number in range(3000)]
        await ws.send_many(iter(batch))
        got: list[object] = []
        while len(got) < len(batch):
            more = await ws.recv_many(limit=100)
            assert 0 < len(more) <= 100
            got += more
        assert got == batch
        with pytest.raises(TypeError, match="not one message"):
            await ws.send_many(b"bytes")  # type: ignore[arg-type]
        assert ws.try_send(b"tried")
        assert await ws.recv_many() == [b"tried"]
    with pytest.raises(trunkline.WebSocketClosed):
        await ws.recv_many()
    with pytest.raises(trunkline.WebSocketClosed):
        ws.try_send("too late")


class Recorder:
    """A listener that notes what it is told."""

    def __init__(self, *answers: Any) -> None:
        self.got: list[object] = []
        self.answers = list(answers)
        self.error: list[object] = []

    def on_message(self, ws: Any, message: object) -> Any:
        self.got.append(message)
        return self.answers.pop(0) if self.answers else None

    def on_close(self, ws: Any, error: object) -> None:
        self.error.append(error)


ANSWERS = (None, "continue", ["a"], ("continue", ["b", b"c"]), ("halt", ["d"]))
SENT = ["1", "2", "3", "4"]


async def test_async_listener(aclient: AsyncClient) -> None:
    recorder = Recorder(*ANSWERS)
    async with aclient.websocket("/ws", listener=recorder) as ws:
        await ws.send_many(SENT)
        with pytest.raises(RuntimeError, match="listener"):
            await ws.recv()
        await ws.wait_closed()
    # The answers came back as messages of their own; the first of them was answered with halt.
    assert recorder.got == [*SENT, "a"]
    assert recorder.error == [None]
    assert ws.close_code == 1000


def test_listener(client: Client) -> None:
    recorder = Recorder(*ANSWERS)
    ws = client.websocket("/ws", listener=recorder)
    ws.send_many(SENT)
    assert ws.run() == "halt"
    assert recorder.got == [*SENT, "a"]
    with pytest.raises(RuntimeError, match="without a listener"):
        client.websocket("/ws").run()


async def test_async_listener_of_batches(aclient: AsyncClient) -> None:
    total = 0
    over = asyncio.Event()

    def listener(ws: trunkline.AsyncWebSocket, messages: list[str]) -> Any:
        nonlocal total
        assert threading.current_thread() is threading.main_thread()
        total += len(messages)
        if total >= 5000:
            over.set()
            return "halt"
        # From inside, without waiting.
        assert ws.try_send(messages[0])
        return messages[1:]

    async with aclient.websocket("/ws", listener=listener) as ws:
        await ws.send_many(["x"] * 64)
        await over.wait()


async def test_async_listener_that_fails(aclient: AsyncClient) -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    recorder = Recorder(3)
    async with aclient.websocket("/ws", listener=recorder) as ws:
        await ws.send_many(["x", "y"])
        await ws.wait_closed()
    assert recorder.got == ["x"]
    assert ws.close_code == 1011
    (context,) = told
    assert isinstance(context["exception"], TypeError)


def test_listener_that_fails(client: Client) -> None:
    def listener(ws: object, messages: object) -> None:
        raise ZeroDivisionError

    with client.websocket("/ws", listener=listener) as ws:
        ws.send("x")
        with pytest.raises(ZeroDivisionError):
            ws.run()


async def test_wrong_listeners(aclient: AsyncClient) -> None:
    with pytest.raises(TypeError, match="on_message"):
        await aclient.websocket("/ws", listener=object())


async def test_answers_wait_for_room(server: Server) -> None:
    """More answers than the queue takes: nothing is lost, and the order is kept."""
    limits = trunkline.Limits(websocket_send_buffer=10_000, credit=10_000)
    got: list[bytes] = []
    over = asyncio.Event()

    def listener(ws: object, messages: list[bytes]) -> Any:
        got.extend(messages)
        if len(got) >= 2000:
            over.set()
            return None
        return [message + b"x" * 100 for message in messages]

    async with (
        AsyncClient(limits=limits) as client,
        client.websocket(server.ws, listener=listener) as ws,
    ):
        await ws.send_many([b"%d" % number for number in range(20)])
        await asyncio.wait_for(over.wait(), 60)
        assert [message.rstrip(b"x") for message in got[:2000]] == [
            b"%d" % (number % 20) for number in range(2000)
        ]


async def test_peer_that_does_not_read(server: Server) -> None:
    """16 MiB messages to a peer that reads nothing: sends wait, memory stays bounded, others go on."""
    stalled = await asyncio.start_server(_accept_and_stop, "127.0.0.1", 0)
    port = stalled.sockets[0].getsockname()[1]
    message = bytes(16 << 20)
    async with stalled, AsyncClient() as client:
        ws = await client.websocket(f"ws://127.0.0.1:{port}/")
        other = await client.websocket(server.ws)
        senders = [asyncio.ensure_future(_send(ws, message)) for _ in range(20)]
        await asyncio.sleep(0.05)
        before = _resident()
        for _ in range(50):
            await other.send("x")
            assert await other.recv() == "x"
        assert sum(not sender.done() for sender in senders) > 15
        assert _resident() - before < 64 << 20
        assert not ws.try_send(message)
        for sender in senders:
            sender.cancel()
        await asyncio.wait(senders)
        ws.abort()


async def _send(ws: trunkline.AsyncWebSocket, message: bytes) -> None:
    await ws.send(message)


async def _accept_and_stop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    import base64
    import hashlib

    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    key = next(line for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key"))
    both = key.split(":")[1].strip() + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept = base64.b64encode(hashlib.sha1(both.encode()).digest()).decode()
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        b"sec-websocket-accept: " + accept.encode() + b"\r\n\r\n"
    )
    reader._limit = 1  # type: ignore[attr-defined]
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        writer.close()


def _resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


async def test_cancelling(aclient: AsyncClient) -> None:
    """Each wait may be cancelled; nothing is lost, and the next one works."""
    async with aclient.websocket("/ws") as ws:
        for make in (ws.recv, ws.recv_many, ws.wait_closed, ws.__anext__):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(make(), 0.01)
        ping = asyncio.ensure_future(_ping(ws))
        await asyncio.sleep(0)
        ping.cancel()
        await asyncio.wait({ping})
        assert await ws.ping() > 0
        await ws.send("still here")
        assert await ws.recv() == "still here"
        closing = asyncio.ensure_future(_close(ws))
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait({closing})
        if not ws.closed and not ws.is_ended:
            await ws.wait_closed()


async def _ping(ws: trunkline.AsyncWebSocket) -> float:
    return await ws.ping()


async def _close(ws: trunkline.AsyncWebSocket) -> None:
    await ws.close()


async def test_cancelled_while_opening(aclient: AsyncClient) -> None:
    for _ in range(5):
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(aclient.websocket("/hang"), 0.02)


async def test_close_while_another_task_reads(aclient: AsyncClient) -> None:
    async with aclient.websocket("/ws") as ws:

        async def read() -> list[object]:
            return [message async for message in ws]

        reader = asyncio.ensure_future(read())
        await ws.send("x")
        await ws.ping()
        await ws.close(1001, "bye")
        assert await reader == ["x"]
        assert ws.close_code == 1001


async def test_unread_messages_do_not_hinder_the_close(server: Server) -> None:
    limits = trunkline.Limits(credit=1000)
    async with AsyncClient(limits=limits) as client, client.websocket(server.ws) as ws:
        for _ in range(200):
            await ws.send(b"x" * 1000)
        await asyncio.sleep(0.02)
        await ws.close()
    assert ws.close_code == 1000


async def test_ping_of_a_closed_one(aclient: AsyncClient) -> None:
    ws = await aclient.websocket("/ws")
    await ws.close()
    with pytest.raises(trunkline.WebSocketClosed):
        await ws.ping()


def test_options_are_checked(client: Client) -> None:
    with pytest.raises(TypeError, match="compression"):
        client.websocket("/ws", compression="br")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="reconnect"):
        client.websocket("/ws", reconnect=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="ping_interval"):
        client.websocket("/ws", ping_interval=-1)
    with pytest.raises(TypeError):
        client.websocket("/ws", pings=1)  # type: ignore[call-arg]


def test_max_size(client: Client) -> None:
    with client.websocket("/ws", max_size=100) as ws:
        ws.send(b"x" * 101)
        with pytest.raises(trunkline.WebSocketTooLarge):
            ws.recv()
    with client.websocket("/ws", max_size=None) as ws:
        ws.send(b"x" * 101)
        assert len(ws.recv()) == 101


def test_deflate_options(peer: str) -> None:
    how = trunkline.Deflate(
        level=9,
        threshold=1,
        server_max_window_bits=10,
        client_max_window_bits=10,
        server_no_context_takeover=True,
        client_no_context_takeover=True,
    )
    for client in (Client(websocket_compression=how), Client()):
        with client, client.websocket(peer, compression=how) as ws:
            agreed = ws.response.headers["sec-websocket-extensions"]
            assert "server_no_context_takeover" in agreed
            assert "server_max_window_bits=10" in agreed
            ws.send("x" * 1000)
            assert ws.recv() == "x" * 1000
    with Client(websocket_compression="deflate") as client:
        with client.websocket(peer) as ws:
            assert "permessage-deflate" in ws.response.headers["sec-websocket-extensions"]
        with client.websocket(peer, compression=None) as ws:
            assert "sec-websocket-extensions" not in ws.response.headers


async def test_pings_at_intervals(peer: str) -> None:
    client = AsyncClient(websocket_ping_interval=0.01, websocket_ping_timeout=20)
    async with client, client.websocket(peer) as ws:
        before = ws.latency
        await asyncio.sleep(0.05)
        await ws.send("x")
        assert await ws.recv() == "x"
        assert before is None
        assert ws.latency is not None


def _resume(head: trunkline.Head) -> list[str]:
    assert head.status_code == 101
    return ["resumed"]


async def test_reconnect(peer: str) -> None:
    how = trunkline.Reconnect(delay=0.01, max_delay=0.02, close_codes=[4000], resume=_resume)
    heads: list[trunkline.Head] = []
    got: list[str] = []
    open_again, over = asyncio.Event(), asyncio.Event()

    class Listens:
        def on_message(self, ws: object, message: str) -> None:
            got.append(message)
            if message == "queued":
                over.set()

        def on_reconnect(self, ws: object, head: trunkline.Head) -> None:
            heads.append(head)
            open_again.set()

    async with AsyncClient() as client:
        async with client.websocket(peer, reconnect=how, listener=Listens()) as ws:
            await ws.send("before")
            await ws.send("close")
            await open_again.wait()
            await ws.send("queued")
            await asyncio.wait_for(over.wait(), 20)
            assert not ws.closed
        assert got == ["before", "resumed", "queued"]
        assert [head.status_code for head in heads] == [101]


def test_reconnect_by_blocking_calls(peer: str) -> None:
    how = trunkline.Reconnect(delay=0.01, close_codes=[4000], resume=_resume, max_attempts=3)
    with Client(websocket_reconnect=how) as client, client.websocket(peer) as ws:
        ws.send("close")
        assert ws.recv(timeout=20) == "resumed"
        ws.send("again")
        assert ws.recv(timeout=20) == "again"
    with Client(websocket_reconnect=how) as client, client.websocket(peer, reconnect=None) as ws:
        ws.send("close")
        with pytest.raises(trunkline.WebSocketClosed):
            ws.recv()


def test_parts(server: Server) -> None:
    """What `submit` shows of a WebSocket."""
    with Client() as client:
        exchange = client.submit("GET", server.ws)
        assert exchange.recv().status_code == 101  # type: ignore[union-attr]
        exchange.send_frame("text", b"a", last=False)
        exchange.send_frame("continuation", b"b", last=True)
        frame = exchange.recv()
        assert isinstance(frame, trunkline.Frame)
        assert (frame.kind, frame.payload, frame.last) == ("text", "ab", True)
        with pytest.raises(ValueError, match="no kind"):
            exchange.send_frame("other", b"")


def test_on_uvloop(server: Server) -> None:
    async def main() -> None:
        got: list[str] = []
        over = asyncio.Event()

        def listener(ws: object, messages: list[str]) -> list[str] | None:
            got.extend(messages)
            if len(got) < 500:
                return messages
            over.set()
            return None

        async with AsyncClient() as client:
            async with client.websocket(server.ws) as ws:
                await ws.send_many(["a", b"b"])
                assert await ws.recv() == "a"
                assert await ws.recv_many() == [b"b"]
                assert await ws.ping() > 0
            async with client.websocket(server.ws, listener=listener) as ws:
                await ws.send_many(["x"] * 10)
                await over.wait()

    uvloop.run(main())


async def test_a_thousand_idle_ones(server: Server) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        limits = trunkline.Limits(max_connections=3000, max_connections_per_origin=3000)
        async with AsyncClient(limits=limits) as client:

            async def open_some(count: int) -> list[trunkline.AsyncWebSocket]:
                sockets: list[trunkline.AsyncWebSocket] = []
                while len(sockets) < count:
                    some = (_opened(client, server.ws) for _ in range(20))
                    sockets += await asyncio.gather(*some)
                return sockets

            first = await open_some(200)
            before = _resident()
            sockets = await open_some(1000)
            used = _resident() - before
            # The goal is 12 KiB, with 10,000 of them (bench/python/websocket_idle.py). Of a thousand, pages that are not full
            # weigh more.
            assert used / 1000 < 14 * 1024
            await sockets[-1].send("x")
            assert await sockets[-1].recv() == "x"
            for ws in (*first, *sockets):
                ws.abort()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def _opened(client: AsyncClient, url: str) -> trunkline.AsyncWebSocket:
    return await client.websocket(url)
