"""Cancellation reaches the core at once, and harms no neighbour."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from conftest import Server

import trunkline
from trunkline import AsyncClient, Client


async def ended(client: AsyncClient, failed: int) -> dict[str, Any]:
    """The counters once so many requests have failed and none is under way; the test's timeout is the limit."""
    while True:
        now = client.statistics()
        if now["requests_failed"] >= failed and now["requests_active"] == 0:
            return now
        await asyncio.sleep(0.001)


async def test_cancelling_a_task(aclient: AsyncClient) -> None:
    task = asyncio.ensure_future(aclient.get("/hang"))
    await aclient.get("/bytes/1")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await ended(aclient, 1))["errors"] == {"cancelled": 1}


async def test_a_timeout_of_asyncio(aclient: AsyncClient) -> None:
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(aclient.get("/hang"), 0.02)
    await ended(aclient, 1)


async def test_neighbours_on_one_connection(server: Server, drive: Any) -> None:
    async with AsyncClient(base_url=server.https, verify=server.ca, drive=drive) as client:
        await client.get("/bytes/1")
        tasks = [
            asyncio.ensure_future(client.get("/hang" if n % 2 else f"/resource/{n}"))
            for n in range(60)
        ]
        await asyncio.gather(*tasks[::2])
        for task in tasks[1::2]:
            task.cancel()
        assert all(
            isinstance(outcome, asyncio.CancelledError)
            for outcome in await asyncio.gather(*tasks[1::2], return_exceptions=True)
        )
        await ended(client, 30)
        assert (await client.get("/bytes/5")).is_success
        now = client.statistics()
        assert now["connections_opened"] == 1
        assert now["streams_active"] == 0


async def test_leaving_a_stream_cancels_it(aclient: AsyncClient) -> None:
    async with aclient.stream("GET", "/drip/1000000/5") as response:
        async for _ in response.aiter_bytes():
            break
    await ended(aclient, 1)


async def test_an_exchange_dropped(aclient: AsyncClient) -> None:
    exchange = aclient.submit("GET", "/hang")
    del exchange
    await ended(aclient, 1)


async def test_cancelling_an_exchange(aclient: AsyncClient) -> None:
    exchange = aclient.submit("GET", "/hang")
    exchange.cancel()
    with pytest.raises(trunkline.Cancelled):
        await exchange.recv()
    with pytest.raises(trunkline.EndOfParts):
        await exchange.recv()


async def test_a_receiver_cancelled_loses_nothing(aclient: AsyncClient) -> None:
    async with aclient.websocket("/ws") as ws:
        for _ in range(3):
            waiting = asyncio.ensure_future(ws.recv())
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        await ws.send("still here")
        assert await ws.recv() == "still here"


def test_blocking_stream(client: Client) -> None:
    with client.stream("GET", "/drip/1000000/5") as response:
        for _ in response.iter_bytes():
            break
    now = client.statistics()
    assert now["errors"] == {"cancelled": 1}
    assert now["requests_active"] == 0
