"""Messages as views of what was received, and how often the loop has its turn."""

from __future__ import annotations

import asyncio
import gc
import resource
import struct
from collections import Counter
from typing import Any

import pytest
from conftest import Server

import trunkline
from trunkline import AsyncClient, Client

SIZES = [0, 1, 125, 126, 127, 65535, 65536, 300_000]


def payload(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def test_views(client: Client) -> None:
    with client.websocket("/ws", views=True) as ws:
        kept = []
        for size in SIZES:
            ws.send(payload(size))
            view = ws.recv()
            assert type(view) is memoryview
            assert view.readonly and view.format == "B" and view.nbytes == size and view.contiguous
            assert view == payload(size)
            kept.append(view[size // 3 :])
        ws.send("text")
        assert ws.recv() == "text"
        ws.send(struct.pack("<dI", 1.5, 7))
        view = ws.recv()
        assert struct.unpack("<dI", view) == (1.5, 7) and len({view, bytes(view)}) == 1
        with pytest.raises(TypeError):
            view[0] = 1
        # It is sent as it is.
        ws.send(view[:4])
        assert ws.recv() == view[:4]
    # What was kept outlives the WebSocket, and what came after it.
    for size, rest in zip(SIZES, kept):
        assert rest == payload(size)[size // 3 :]


def test_their_owners_are_of_no_use_to_others(client: Client) -> None:
    with client.websocket("/ws", views=True) as ws:
        ws.send(b"bytes")
        owner = ws.recv().obj
    assert bytes(owner) == b"bytes"
    with pytest.raises((BufferError, TypeError)):
        struct.pack_into("B", owner, 0, 1)
    # One that nobody has filled is empty, and can go as any other.
    assert bytes(type(owner)()) == b""
    with pytest.raises(TypeError):
        type("Derived", (type(owner),), {})


async def test_views_of_asyncio(aclient: AsyncClient) -> None:
    async with aclient.websocket("/ws", views=True) as ws:
        await ws.send_many([payload(size) for size in SIZES])
        got: list[Any] = []
        while len(got) < len(SIZES):
            got += await ws.recv_many()
        assert {type(view) for view in got} == {memoryview}
        assert [bytes(view) for view in got] == [payload(size) for size in SIZES]


async def test_views_of_a_listener(aclient: AsyncClient) -> None:
    got: list[Any] = []

    def listener(_: object, messages: list[Any]) -> object:
        got.extend(messages)
        return "halt" if len(got) >= len(SIZES) else None

    async with aclient.websocket("/ws", views=True, listener=listener) as ws:
        await ws.send_many([payload(size) for size in SIZES])
        await ws.wait_closed()
    assert [(type(view), bytes(view)) for view in got] == [
        (memoryview, payload(size)) for size in SIZES
    ]


def test_views_that_are_gone_hold_nothing(client: Client) -> None:
    message = payload(100_000)
    with client.websocket("/ws", views=True) as ws:

        def echo(times: int) -> None:
            for _ in range(times):
                ws.send(message)
                assert len(ws.recv()) == len(message)

        echo(50)
        gc.collect()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        echo(1000)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


class Counting(asyncio.SelectorEventLoop):
    """A loop that counts its passes."""

    passes = 0

    def _run_once(self) -> None:
        self.passes += 1
        super()._run_once()  # type: ignore[misc]


def test_the_loop_has_its_turn_between_messages(server: Server) -> None:
    """However soon the peer answers: what else is ready runs, and timers do."""
    loop = Counting()

    async def main() -> tuple[int, int]:
        calls: Counter[int] = Counter()
        done = loop.create_future()

        def listener(_: object, messages: list[Any]) -> object:
            calls[loop.passes] += 1
            if sum(calls.values()) < 2000:
                return messages
            if not done.done():
                done.set_result(None)
            return None

        slept = 0

        async def sleeper() -> None:
            nonlocal slept
            while True:
                await asyncio.sleep(0)
                slept += 1

        async with trunkline.AsyncClient(base_url=server.http) as client:
            async with client.websocket("/ws", listener=listener) as ws:
                other = asyncio.ensure_future(sleeper())
                await ws.send("ping")
                await done
                other.cancel()
        return max(calls.values()), slept

    try:
        most, slept = loop.run_until_complete(main())
    finally:
        loop.close()
    # The descriptor, what was sent, and the look before sleeping.
    assert most <= 3
    assert slept >= 2000 // 3
