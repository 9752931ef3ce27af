"""A client that looks a moment longer before the loop sleeps leaves the loop to others."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from typing import Any

import pytest
import uvloop
from conftest import Server

from trunkline import AsyncClient

MESSAGES = 2000


class Counting(asyncio.SelectorEventLoop):
    """A loop that counts its passes."""

    passes = 0

    def _run_once(self) -> None:
        self.passes += 1
        super()._run_once()  # type: ignore[misc]


async def ping_pong(server: Server, loop: Any) -> int:
    """Sends a message to and fro; the most of them that came in one pass of the loop."""
    calls: Counter[int] = Counter()
    done = asyncio.get_running_loop().create_future()

    def listener(_: object, messages: list[Any]) -> object:
        calls[getattr(loop, "passes", 0)] += 1
        if sum(calls.values()) < MESSAGES:
            return messages
        if not done.done():
            done.set_result(None)
        return None

    async with (
        AsyncClient(base_url=server.http, drive="inline") as client,
        client.websocket("/ws", listener=listener) as ws,
    ):
        await ws.send("ping")
        await done
    return max(calls.values())


def test_one_look_a_pass(server: Server) -> None:
    """However soon the peer answers, what else is ready has its turn between two messages."""
    loop = Counting()
    try:
        most = loop.run_until_complete(ping_pong(server, loop))
    finally:
        loop.close()
    # The descriptor, what was sent, and the look before sleeping.
    assert most <= 3


@pytest.mark.parametrize("kind", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_others_have_their_turn(server: Server, kind: Any) -> None:
    """Tasks that hand on to one another, and a socket of the program's own, beside a peer that answers at once."""
    loop = kind()

    async def main() -> tuple[int, int]:
        handed = 0

        async def hand_on(taken: asyncio.Queue[None], given: asyncio.Queue[None]) -> None:
            nonlocal handed
            while True:
                await taken.get()
                given.put_nowait(None)
                handed += 1

        queues: list[asyncio.Queue[None]] = [asyncio.Queue() for _ in range(4)]
        ring = [asyncio.ensure_future(hand_on(queues[n], queues[(n + 1) % 4])) for n in range(4)]
        queues[0].put_nowait(None)
        near, far = socket.socketpair()
        near.setblocking(False)
        far.setblocking(False)
        heard = 0

        def hear() -> None:
            nonlocal heard
            heard += len(near.recv(1))
            far.send(b"x")

        asyncio.get_running_loop().add_reader(near, hear)
        far.send(b"x")
        await ping_pong(server, loop)
        for task in ring:
            task.cancel()
        await asyncio.gather(*ring, return_exceptions=True)
        asyncio.get_running_loop().remove_reader(near)
        near.close()
        far.close()
        return heard, handed

    try:
        heard, handed = loop.run_until_complete(main())
    finally:
        loop.close()
    # Each of them moves at least as often as the messages do, or nearly.
    assert heard > MESSAGES // 4
    assert handed > MESSAGES // 4


def test_after_another_loop(server: Server) -> None:
    """What was queued on a loop that is gone is forgotten."""
    client = AsyncClient(base_url=server.http, drive="inline")

    async def some(last: bool) -> None:
        for _ in range(20):
            assert (await client.get("/bytes/10")).content is not None
        if last:
            await client.aclose()

    for last in (False, False, True):
        loop = Counting()
        try:
            loop.run_until_complete(some(last))
        finally:
            loop.close()
