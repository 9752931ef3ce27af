"""Bodies piece by piece, with back pressure, in bounded memory."""

from __future__ import annotations

import asyncio
import io
import os
import resource
import tempfile
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from conftest import Server

import trunkline
from trunkline import AsyncClient, Client

MIB = 1024 * 1024


def memory() -> int:
    """The most memory that this process ever held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_down(client: Client) -> None:
    with client.stream("GET", "/bytes/3000000") as response:
        assert response.status_code == 200
        with pytest.raises(trunkline.InvalidState):
            response.content  # noqa: B018
        pieces = list(response.iter_bytes(1000))
        assert [len(piece) for piece in pieces] == [1000] * 3000
        assert response.timings.total > 0
        with pytest.raises(trunkline.InvalidState):
            next(response.iter_bytes())
    with client.stream("GET", "/bytes/10") as response:
        assert response.read() == response.content


def test_lines(client: Client) -> None:
    with client.stream("POST", "/echo", content=b"one\r\ntwo\nthree") as response:
        assert list(response.iter_lines()) == ["one", "two", "three"]


def test_up_from_an_iterator(client: Client) -> None:
    body = [os.urandom(10_000) for _ in range(100)]
    answer = client.post("/upload", content=iter(body)).json()
    assert answer == {"bytes": 1_000_000, "crc32": f"{zlib.crc32(b''.join(body)):08x}"}


def test_up_from_a_file(client: Client) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"skipped" + b"x" * MIB)
        file.seek(7)
        assert client.post("/upload", content=file).json()["bytes"] == MIB
    assert client.post("/echo", content=io.BytesIO(b"memory")).content == b"memory"
    sent = client.post("/headers", content=io.BytesIO(b"memory")).json()
    assert sent["content-length"] == "6"


def test_a_source_that_fails(client: Client) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"one"
        raise ZeroDivisionError("no more")

    with pytest.raises(ZeroDivisionError, match="no more"):
        client.post("/upload", content=pieces())
    assert client.statistics()["requests_active"] == 0
    assert client.get("/bytes/1").is_success


@pytest.mark.parametrize("version", ["http1", "http2"])
def test_both_ways_at_once_in_bounded_memory(client: Client, version: Any) -> None:
    size = 96 * MIB
    piece = bytes(64 * 1024)
    client.get("/bytes/2000000", http_versions=version)
    before = memory()
    source = (piece for _ in range(size // len(piece)))
    got = 0
    with client.stream("POST", "/echo", content=source, http_versions=version) as response:
        for chunk in response.iter_bytes():
            got += len(chunk)
    assert got == size
    assert memory() - before < 48 * MIB


async def test_async_both_ways_in_bounded_memory(aclient: AsyncClient) -> None:
    size = 96 * MIB
    piece = bytes(64 * 1024)
    before = memory()
    sent = 0

    async def source() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(size // len(piece)):
            sent += len(piece)
            yield piece

    got = 0
    async with aclient.stream("POST", "/echo", content=source()) as response:
        async for chunk in response.aiter_bytes():
            got += len(chunk)
    assert got == sent == size
    assert memory() - before < 48 * MIB


async def test_a_slow_reader_stops_the_peer(aclient: AsyncClient) -> None:
    taken = 0
    piece = bytes(64 * 1024)

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += len(piece)
            yield piece

    async with aclient.stream("POST", "/echo", content=endless(), credit=100_000) as response:
        seen = -1
        while seen != taken:  # until nothing moves any more
            seen = taken
            await asyncio.sleep(0.2)
        assert taken < 64 * MIB
        assert aclient.statistics()["requests_active"] == 1
        async for _ in response.aiter_bytes():
            break


async def test_async_source_that_fails(aclient: AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        raise ZeroDivisionError("no more")

    with pytest.raises(ZeroDivisionError, match="no more"):
        await aclient.post("/upload", content=pieces())


async def test_async_file(aclient: AsyncClient) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"x" * MIB)
        file.seek(0)
        assert (await aclient.post("/upload", content=file)).json()["bytes"] == MIB


async def test_async_down(aclient: AsyncClient) -> None:
    async with aclient.stream("GET", "/chunked/100000") as response:
        pieces = [piece async for piece in response.aiter_bytes(30_000)]
        assert [len(piece) for piece in pieces] == [30_000, 30_000, 30_000, 10_000]
    async with aclient.stream("POST", "/echo", content=b"a\nb") as response:
        assert [line async for line in response.aiter_lines()] == ["a", "b"]
    async with aclient.stream("GET", "/resource/3") as response:
        await response.aread()
        assert response.json()["id"] == "3"


async def test_informational_and_trailers(server: Server) -> None:
    async with (
        AsyncClient(http_versions="http2") as client,
        client.stream("GET", server.http + "/trailers") as response,
    ):
        assert len(response.trailers) == 0
        await response.aread()
        assert response.trailers["x-sum"] == "42"


def test_what_comes_with_the_head_is_one_piece(server: Server, drive: Any) -> None:
    with Client(base_url=server.http, drive=drive) as client:
        with client.stream("GET", "/bytes/300000", credit=20_000) as response:
            # Whatever the head brought along, the rest waits for who takes it.
            assert len(response._early) <= 1
            assert sum(map(len, response.iter_bytes(1000))) == 300_000
        with client.stream("GET", "/bytes/10") as response:
            assert response.read() == response.content
            assert response.elapsed > 0
        with client.stream("GET", "/bytes/10") as response:
            pass
        with pytest.raises(trunkline.Error):
            response.read()
