"""WebSockets with servers of other makers: websockets, aiohttp, picows, hypercorn."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Union

import pytest
import websocket_peers

import trunkline
from trunkline import AsyncClient, Client

#: What comes back is longer than any queue or credit, and the longest by far than a read.
MESSAGES: list[Union[str, bytes]] = [
    *("text", "", "grüße \N{SNOWMAN}", "ab" * 40_000),
    *(b"", b"binary", b"\x00\xff" * 40_000),
]
SIZE = 16 << 20
#: One frame may have 16 MiB by default, and some of these servers send a message so.
LIMITS = trunkline.Limits(websocket_max_frame_bytes=SIZE)


@pytest.fixture(scope="module", params=[*websocket_peers.SERVERS])
def peer(request: pytest.FixtureRequest) -> Iterator[str]:
    with websocket_peers.running(request.param) as url:
        yield url


@pytest.fixture(scope="module")
def websockets() -> Iterator[str]:
    with websocket_peers.running("websockets") as url:
        yield url


@pytest.fixture(scope="module")
def hypercorn() -> Iterator[str]:
    with websocket_peers.running("hypercorn") as url:
        yield url


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_messages(peer: str, compression: str | None) -> None:
    with Client() as client, client.websocket(peer, compression=compression) as ws:  # type: ignore[arg-type]
        for message in MESSAGES:
            ws.send(message)
            assert ws.recv(timeout=20) == message
        assert 0 < ws.ping(timeout=20) < 20
        ws.send_many(MESSAGES)
        got: list[object] = []
        while len(got) < len(MESSAGES):
            got += ws.recv_many(timeout=20)
        assert got == MESSAGES
    assert ws.close_code == 1000


@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_async_messages(peer: str, compression: str | None) -> None:
    async with AsyncClient() as client:
        async with client.websocket(peer, compression=compression) as ws:  # type: ignore[arg-type]
            for message in MESSAGES:
                await ws.send(message)
                assert await ws.recv() == message
            assert 0 < await ws.ping() < 20
            await ws.send_many(MESSAGES)
            got: list[object] = []
            while len(got) < len(MESSAGES):
                got += await ws.recv_many()
            assert got == MESSAGES
        assert ws.close_code == 1000


async def test_large_messages(peer: str) -> None:
    message = bytes(range(256)) * (SIZE // 256)
    async with AsyncClient(limits=LIMITS) as client, client.websocket(peer) as ws:
        for _ in range(2):
            await ws.send(message)
            assert await ws.recv() == message


async def test_many_at_once(peer: str) -> None:
    async with AsyncClient() as client:

        async def talk(number: int) -> None:
            async with client.websocket(peer) as ws:
                for turn in range(5):
                    await ws.send(f"{number} {turn}")
                    assert await ws.recv() == f"{number} {turn}"

        await asyncio.gather(*(talk(number) for number in range(50)))


def test_fragments(websockets: str) -> None:
    with Client() as client, client.websocket(websockets) as ws:
        ws.send("fragments")
        assert ws.recv() == "abc"
        ws.send_frame("text", b"gr\xc3", last=False)
        ws.send_frame("ping", b"between")
        ws.send_frame("continuation", b"\xbc\xc3", last=False)
        ws.send_frame("continuation", b"\x9fe")
        assert ws.recv() == "grüße"


def _frame(ws: trunkline.WebSocket) -> trunkline.Frame:
    frame = ws.recv()
    assert isinstance(frame, trunkline.Frame)
    return frame


def test_frames(websockets: str) -> None:
    with Client() as client, client.websocket(websockets, frames=True) as ws:
        ws.send("fragments")
        frames = [_frame(ws) for _ in range(3)]
        assert [(f.kind, f.payload, f.last) for f in frames[:2]] == [
            ("text", b"a", False),
            ("continuation", b"", False),
        ]
        while not frames[-1].last:
            frames.append(_frame(ws))
        assert b"".join(frame.payload for frame in frames) == b"abc"


def test_pings_of_the_peer(websockets: str) -> None:
    with Client() as client, client.websocket(websockets) as ws:
        ws.send("ping")
        assert ws.recv(timeout=20) == "ponged"


def test_closed_by_the_peer(websockets: str) -> None:
    with Client() as client, client.websocket(websockets) as ws:
        ws.send("close")
        with pytest.raises(trunkline.WebSocketClosed) as caught:
            ws.recv()
        assert (caught.value.code, caught.value.reason) == (4000, "as you wish")
        assert (ws.closed, ws.close_code, ws.close_reason) == (True, 4000, "as you wish")


async def test_subprotocols(websockets: str) -> None:
    async with AsyncClient() as client:
        async with client.websocket(websockets, subprotocols=["v0", "v1"]) as ws:
            assert ws.subprotocol == "v1"
        async with client.websocket(websockets) as ws:
            assert ws.subprotocol is None
        with pytest.raises(trunkline.InvalidArgument):
            await client.websocket(websockets, subprotocols=["a", "a"])


@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_over_http2(hypercorn: str, compression: str | None) -> None:
    async with AsyncClient(http_versions="http2") as client:
        sockets = [
            await client.websocket(hypercorn, http_versions="http2", compression=compression)  # type: ignore[arg-type]
            for _ in range(5)
        ]
        for ws in sockets:
            assert (ws.response.http_version, ws.response.status_code) == ("HTTP/2", 200)
        for message in MESSAGES:
            for ws in sockets:
                await ws.send(message)
            for ws in sockets:
                assert await ws.recv() == message
        assert client.statistics()["connections_opened"] == 1
        await sockets[0].close()
        assert sockets[0].close_code == 1000
        # hypercorn gives the connection up after the first close that it has answered (a KeyError of its own).
        for ws in sockets[1:]:
            ws.abort()


def test_over_http2_by_blocking_calls(hypercorn: str) -> None:
    client = Client(http_versions="http2", websocket_http_versions="http2")
    with client, client.websocket(hypercorn) as ws:
        assert ws.response.http_version == "HTTP/2"
        for message in MESSAGES:
            ws.send(message)
            assert ws.recv() == message
