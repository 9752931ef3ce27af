"""Connections that become the caller's: upgrades and tunnels."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Script, answer

import trunkline
from trunkline import AsyncClient, Client

SWITCH = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n"
#: More than all queues and sockets hold together.
MUCH = bytes(range(256)) * 100_000


def _head(stream: socket.socket) -> str:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += stream.recv(1)
    return head.decode()


def _echo(stream: socket.socket) -> None:
    """Opens what is asked for, says hello in the same write, sends back what comes, and bye at its end."""
    head = _head(stream)
    if head.startswith("CONNECT target.test:25 HTTP/1.1\r\nhost: target.test:25\r\n"):
        stream.sendall(b"HTTP/1.1 200 OK\r\n\r\nhello")
    elif "\r\nupgrade: echo\r\n" in head and "\r\nx-a: b\r\n" in head:
        stream.sendall(SWITCH.encode() + b"hello")
    else:
        stream.sendall(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno")
    while piece := stream.recv(65536):
        stream.sendall(piece)
    stream.sendall(b"bye")


@pytest.fixture
def echo() -> Iterator[str]:
    """The URL of a peer that takes one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):  # the client closed first, or never came
                stream, _ = listener.accept()
                with stream:
                    _echo(stream)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(20)
        assert not thread.is_alive()


def _is_closed(stream: trunkline.RawStream) -> bool:
    return stream.is_closed


def _read(stream: trunkline.RawStream, size: int) -> bytes:
    got = bytearray()
    while len(got) < size:
        piece = stream.read(size - len(got))
        assert piece
        got += piece
    return bytes(got)


async def _aread(stream: trunkline.AsyncRawStream, size: int) -> bytes:
    got = bytearray()
    while len(got) < size:
        piece = await stream.read(size - len(got))
        assert piece
        got += piece
    return bytes(got)


def test_upgrade(echo: str, drive: Any) -> None:
    with Client(drive=drive) as client:
        with client.upgrade(echo, "echo", headers={"x-a": "b"}) as stream:
            assert stream.response.status_code == 101
            assert stream.response.headers["upgrade"] == "echo"
            assert stream.read(2) == b"he"
            assert stream.read() == b"llo"
            with pytest.raises(trunkline.CallTimeout):
                stream.read(timeout=0.02)
            stream.write(b"")
            stream.write("one ")
            stream.write(bytearray(b"two"))
            assert _read(stream, 7) == b"one two"
            assert not _is_closed(stream)
            stream.send_eof()
            stream.send_eof()
            assert _read(stream, 3) == b"bye"
            assert stream.read() == b""
            assert stream.read() == b""
            assert _is_closed(stream)
            with pytest.raises(trunkline.InvalidState):
                stream.write(b"too late")
        assert client.statistics()["connections_active"] == 0


def test_one_thread_reads_while_another_writes(echo: str, drive: Any) -> None:
    with Client(drive=drive) as client, client.connect(echo, "target.test:25") as stream:
        assert stream.response.status_code == 200
        assert _read(stream, 5) == b"hello"

        def write() -> None:
            for start in range(0, len(MUCH), 100_000):
                stream.write(MUCH[start : start + 100_000])
            stream.send_eof()

        writer = threading.Thread(target=write)
        writer.start()
        assert _read(stream, len(MUCH)) == MUCH
        writer.join(20)
        assert _read(stream, 3) == b"bye"
        assert stream.read() == b""


def test_a_peer_that_reads_nothing_stops_the_writer(echo: str, drive: Any) -> None:
    with Client(drive=drive) as client, client.connect(echo, "target.test:25") as stream:
        with pytest.raises(trunkline.CallTimeout):
            for _ in range(1000):
                stream.write(bytes(100_000), timeout=0.05)
        stream.close()
        assert stream.read() == b""
        assert client.statistics()["connections_active"] == 0


def test_refused(script: Script, drive: Any) -> None:
    asked = {"connection": "upgrade", "upgrade": "echo"}
    peer = script([{"expect_request": {"headers": asked}}, answer(426, "no", x_why="old")])
    with Client(drive=drive) as client:
        with pytest.raises(trunkline.HTTPStatusError) as caught:
            client.upgrade(peer.url, "echo")
        response = caught.value.response
        assert (response.status_code, response.text) == (426, "no")
        assert response.headers["x-why"] == "old"
    peer.check()


def test_refused_by_a_proxy(echo: str, drive: Any) -> None:
    with Client(drive=drive) as client:
        with pytest.raises(trunkline.HTTPStatusError) as caught:
            client.connect(echo, "elsewhere.test:25")
        assert caught.value.response.status_code == 403
        for bad in ("host", "host:1/x", "", "a b:1"):
            with pytest.raises(trunkline.InvalidUrl):
                client.connect(echo, bad)


async def test_upgrade_async(echo: str, drive: Any) -> None:
    async with AsyncClient(drive=drive) as client:
        async with client.upgrade(echo, "echo", headers={"x-a": "b"}) as stream:
            assert await _aread(stream, 5) == b"hello"
            with pytest.raises(asyncio.TimeoutError):
                await stream.read(timeout=0.02)

            async def write() -> None:
                for start in range(0, len(MUCH), 100_000):
                    await stream.write(MUCH[start : start + 100_000])
                stream.send_eof()

            writer = asyncio.ensure_future(write())
            assert await _aread(stream, len(MUCH)) == MUCH
            await writer
            assert await _aread(stream, 3) == b"bye"
            assert await stream.read() == b""
            assert stream.is_closed
        assert client.statistics()["connections_active"] == 0


async def test_refused_and_closed_async(echo: str, drive: Any) -> None:
    async with AsyncClient(drive=drive) as client:
        with pytest.raises(trunkline.HTTPStatusError) as caught:
            await client.upgrade(echo, "other")
        assert caught.value.response.status_code == 403
        assert caught.value.response.text == "no"


async def test_leaving_closes_async(echo: str, drive: Any) -> None:
    async with AsyncClient(drive=drive) as client:
        stream = await client.connect(echo, "target.test:25")
        with pytest.raises(ValueError, match="max_bytes"):
            await stream.read(0)
        await stream.aclose()
        assert await stream.read() == b""
        assert client.statistics()["connections_active"] == 0
