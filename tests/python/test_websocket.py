"""WebSockets, blocking and asyncio."""

from __future__ import annotations

import asyncio

import pytest
from conftest import Server

import trunkline
from trunkline import AsyncClient, Client


def test_messages(client: Client) -> None:
    with client.websocket("/ws") as ws:
        assert ws.response.status_code == 101
        for message in ("text", "", "grüße", b"binary", b"", b"x" * 200_000):
            ws.send(message)
            assert ws.recv() == message
        assert not ws.latency
        assert 0 < ws.ping() < 20
        assert ws.latency is not None
        ws.send("before the ping")
        assert 0 < ws.ping(b"are you there") < 20
        assert ws.recv() == "before the ping"
        ws.send("after the ping")
        assert ws.recv() == "after the ping"
        with pytest.raises(trunkline.CallTimeout):
            ws.recv(timeout=0.02)
    assert ws.close_code == 1000
    with pytest.raises(trunkline.WebSocketClosed) as caught:
        ws.recv()
    assert caught.value.code == 1000
    with pytest.raises(trunkline.WebSocketClosed):
        ws.send("too late")
    ws.close()


def test_iteration_ends_with_the_close(client: Client) -> None:
    ws = client.websocket("/ws")
    for number in range(3):
        ws.send(str(number))
    got = []
    for message in ws:
        got.append(message)
        if message == "2":
            ws.close(1001, "going away")
    assert got == ["0", "1", "2"]
    assert ws.close_code == 1001


def test_more_than_the_queues_hold(client: Client) -> None:
    message = b"x" * 100_000
    with client.websocket("/ws") as ws:
        for _ in range(100):
            ws.send(message)
        for _ in range(100):
            assert ws.recv() == message


def test_rejected(client: Client) -> None:
    with pytest.raises(trunkline.WebSocketRejected) as caught:
        client.websocket("/bytes/10")
    assert caught.value.response is not None
    assert caught.value.response.status_code == 200
    assert len(caught.value.response.content) == 10


def test_wrong_frames(client: Client) -> None:
    with client.websocket("/ws") as ws:
        with pytest.raises(trunkline.InvalidArgument):
            ws.ping(b"x" * 126)
        with pytest.raises(trunkline.InvalidArgument):
            ws.close(1005)
        with pytest.raises(TypeError):
            ws.send(3)  # type: ignore[arg-type]


async def test_async_messages(aclient: AsyncClient) -> None:
    async with aclient.websocket("/ws") as ws:
        assert ws.response.status_code == 101
        for message in ("text", b"binary", b"x" * 200_000):
            await ws.send(message)
            assert await ws.recv() == message
        assert not ws.latency
        times = await asyncio.gather(*(ws.ping() for _ in range(3)), ws.ping(b"payload"))
        assert all(0 < time < 20 for time in times)
        assert ws.latency is not None
    assert ws.close_code == 1000
    with pytest.raises(trunkline.WebSocketClosed) as caught:
        await ws.recv()
    assert (caught.value.code, caught.value.reason) == (1000, "")
    with pytest.raises(trunkline.WebSocketClosed):
        await ws.send("too late")
    await ws.close()


async def test_buffered_messages_need_no_loop(aclient: AsyncClient) -> None:
    ws = await aclient.websocket("/ws")
    for number in range(10):
        await ws.send(str(number))
    assert await ws.recv() == "0"
    while True:
        # Stepped by hand: a message that has arrived ends the awaitable at its first step.
        receiving = ws.recv()
        try:
            receiving.send(None)
        except StopIteration as end:
            assert end.value == "1"
            break
        receiving.close()
        await asyncio.sleep(0.001)
    await ws.close()


async def test_async_iteration(aclient: AsyncClient) -> None:
    async with aclient.websocket("/ws") as ws:
        for number in range(3):
            await ws.send(str(number))
        got = []
        async for message in ws:
            got.append(message)
            if message == "2":
                await ws.close()
        assert got == ["0", "1", "2"]


async def test_async_sender_waits_for_room(aclient: AsyncClient) -> None:
    message = b"x" * 100_000
    async with aclient.websocket("/ws") as ws:

        async def send() -> None:
            for _ in range(200):
                await ws.send(message)

        sender = asyncio.ensure_future(send())
        for _ in range(200):
            assert await ws.recv() == message
        await sender


async def test_two_receivers_are_refused(aclient: AsyncClient) -> None:
    async with aclient.websocket("/ws") as ws:
        first = asyncio.ensure_future(ws.recv())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another task"):
            await ws.recv()
        await ws.send("x")
        assert await first == "x"


async def test_async_rejected(aclient: AsyncClient) -> None:
    with pytest.raises(trunkline.WebSocketRejected) as caught:
        await aclient.websocket("/status/403")
    assert caught.value.response is not None
    assert caught.value.response.status_code == 403


async def test_tls(server: Server) -> None:
    async with AsyncClient(verify=server.ca) as client, client.websocket(server.wss) as ws:
        await ws.send("secret")
        assert await ws.recv() == "secret"
