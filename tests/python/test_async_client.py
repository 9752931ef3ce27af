"""The asyncio client, also under uvloop."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Coroutine
from typing import Any

import pytest
from conftest import Server

import trunkline
from trunkline import AsyncClient

uvloop = pytest.importorskip("uvloop")


async def test_get(aclient: AsyncClient) -> None:
    response = await aclient.get("/bytes/1000")
    assert response.status_code == 200
    assert len(await response.aread()) == 1000
    assert b"".join([chunk async for chunk in response.aiter_bytes(99)]) == response.content
    await response.aclose()


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options", "head"])
async def test_methods(aclient: AsyncClient, method: str) -> None:
    assert (await getattr(aclient, method)("/status/201")).status_code == 201


async def test_many_at_once_keep_their_answers(aclient: AsyncClient) -> None:
    responses = await asyncio.gather(*(aclient.get(f"/resource/{n}") for n in range(200)))
    assert [response.json()["id"] for response in responses] == [str(n) for n in range(200)]


async def test_everything_that_takes_a_coroutine(aclient: AsyncClient) -> None:
    request = aclient.get("/bytes/1")
    assert asyncio.iscoroutine(request)
    assert (await asyncio.create_task(request)).is_success
    assert (await asyncio.wait_for(aclient.get("/bytes/1"), 10)).is_success
    assert (await asyncio.shield(aclient.get("/bytes/1"))).is_success
    assert (await asyncio.ensure_future(aclient.get("/bytes/1"))).is_success
    done, _ = await asyncio.wait({asyncio.ensure_future(aclient.get("/bytes/1"))})
    assert done.pop().result().is_success
    if hasattr(asyncio, "TaskGroup"):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(aclient.get("/bytes/1")) for _ in range(3)]
        assert all(task.result().is_success for task in tasks)


async def test_awaiting_twice(aclient: AsyncClient) -> None:
    request = aclient.get("/bytes/1")
    await request
    with pytest.raises(RuntimeError, match="twice"):
        await request


async def test_never_awaited_is_never_sent(aclient: AsyncClient) -> None:
    request = aclient.get("/bytes/1")
    request.close()
    del request
    assert aclient.statistics()["requests_submitted"] == 0


async def test_bodies(aclient: AsyncClient) -> None:
    async def pieces() -> Any:
        for number in range(3):
            await asyncio.sleep(0)
            yield b"%d" % number

    assert (await aclient.post("/echo", content=pieces())).content == b"012"
    assert (await aclient.post("/echo", content=iter([b"a", b"b"]))).content == b"ab"
    assert (await aclient.post("/echo", json=[1])).json() == [1]
    assert (await aclient.post("/echo", content=b"x" * 3_000_000)).content == b"x" * 3_000_000


async def test_one_http2_connection(server: Server, drive: Any) -> None:
    async with AsyncClient(base_url=server.https, verify=server.ca, drive=drive) as client:
        responses = await asyncio.gather(*(client.get(f"/resource/{n}") for n in range(100)))
        assert {response.http_version for response in responses} == {"HTTP/2"}
        assert client.statistics()["connections_opened"] == 1


def run_uvloop(main: Coroutine[Any, Any, None]) -> None:
    uvloop.run(main)


@pytest.mark.parametrize("run", [asyncio.run, run_uvloop])
def test_loops(server: Server, drive: Any, run: Any) -> None:
    async def main() -> None:
        async with AsyncClient(base_url=server.http, drive=drive) as client:
            responses = await asyncio.gather(*(client.get(f"/bytes/{n}") for n in range(50)))
            assert [len(response.content) for response in responses] == list(range(50))
            async with client.websocket("/ws") as ws:
                await ws.send("hi")
                assert await ws.recv() == "hi"
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.get("/hang"), 0.05)

    run(main())


def test_a_client_outlives_its_loop(server: Server, drive: Any) -> None:
    client = AsyncClient(drive=drive)

    async def once() -> None:
        assert (await client.get(server.http)).is_success

    asyncio.run(once())
    asyncio.run(once())
    asyncio.run(client.aclose())


def test_a_loop_closed_under_way(server: Server, drive: Any) -> None:
    client = AsyncClient(drive=drive)

    async def leave() -> None:
        hanging = asyncio.ensure_future(client.get(server.http + "/hang"))
        await client.get(server.http)
        assert not hanging.done()

    asyncio.run(leave())

    async def again() -> None:
        assert (await client.get(server.http)).is_success
        await client.aclose()

    asyncio.run(again())


async def test_another_open_loop_is_refused(server: Server, aclient: AsyncClient) -> None:
    await aclient.get("/bytes/1")

    async def main() -> None:
        with pytest.raises(RuntimeError, match="another event loop"):
            await aclient.get("/bytes/1")

    await asyncio.to_thread(lambda: asyncio.run(main()))


async def test_closing_ends_what_is_under_way(server: Server, drive: Any) -> None:
    client = AsyncClient(drive=drive)
    hanging = asyncio.ensure_future(client.get(server.http + "/hang"))
    await client.get(server.http)
    await client.aclose()
    with pytest.raises(trunkline.Shutdown):
        await hanging
    with pytest.raises(trunkline.Closed):
        await client.get(server.http)
    await client.aclose()


def test_outside_a_loop(server: Server) -> None:
    client = AsyncClient()
    with pytest.raises(RuntimeError, match="no running event loop"):
        client.get(server.http).send(None)
    asyncio.run(client.aclose())


def test_an_unclosed_client_warns() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        AsyncClient()
        gc.collect()
    assert any(issubclass(warning.category, ResourceWarning) for warning in caught)
