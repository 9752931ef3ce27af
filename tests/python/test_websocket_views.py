"""Messages as views of what was received."""

from __future__ import annotations

import gc
import resource
import struct
from typing import Any

import pytest

from trunkline import AsyncClient, Client

SIZES = [0, 1, 125, 126, 127, 65535, 65536, 300_000]


def payload(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def test_views(client: Client) -> None:
    with client.websocket("/ws", views=True) as ws:
        kept = []
        for size in SIZES:
            ws.send(payload(size))
            came: Any = ws.recv()
            assert type(came) is memoryview
            assert came.readonly and came.format == "B" and came.nbytes == size and came.contiguous
            assert came == payload(size)
            kept.append(came[size // 3 :])
        ws.send("text")
        assert ws.recv() == "text"
        ws.send(struct.pack("<dI", 1.5, 7))
        view: Any = ws.recv()
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
        ws.send(payload(5000))
        view: Any = ws.recv()
        owner = view.obj
    assert bytes(owner) == payload(5000)
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


def test_pieces_are_views_too(client: Client) -> None:
    with client.websocket("/ws", views=True, frames=True) as ws:
        ws.send(payload(5000))
        frame: Any = ws.recv()
        assert type(frame.payload) is memoryview and frame.payload == payload(5000)


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
