"""What is made of an answer's body: decoding, text, lines, events, files, functions."""

from __future__ import annotations

import asyncio
import base64
import gzip
from pathlib import Path
from typing import Any, Optional

import pytest
from conftest import Script

import trunkline
from trunkline import AsyncClient, Client

TEXT = b"decoded " * 1000


def compressed(
    body: bytes = TEXT, expected: Optional[dict[str, Any]] = None
) -> list[dict[str, Any]]:
    data = gzip.compress(body, mtime=0)
    head = f"HTTP/1.1 200 S\r\ncontent-encoding: gzip\r\ncontent-length: {len(data)}\r\n\r\n"
    encoded = {"base64": base64.b64encode(data).decode()}
    return [
        {"expect_request": {"target": "/", "headers": expected or {}}},
        {"send": {"cat": [head, encoded]}},
    ]


ACCEPTED = {"accept-encoding": "gzip, deflate, br, zstd"}


def test_decoding_is_on(script: Script, drive: Any) -> None:
    server = script(compressed(expected=ACCEPTED) + compressed(expected={"accept-encoding": None}))
    with Client(drive=drive) as client:
        assert client.get(server.url).content == TEXT
        raw = client.get(server.url, decode=False)
        assert raw.headers["content-encoding"] == "gzip"
        assert gzip.decompress(raw.content) == TEXT
    server.check()


async def test_decoding_is_on_async(script: Script, drive: Any) -> None:
    server = script(compressed(expected=ACCEPTED) + compressed(expected={"accept-encoding": None}))
    async with AsyncClient(drive=drive) as client:
        async with client.stream("GET", server.url) as response:
            with pytest.raises(trunkline.InvalidState, match="decode=False"):
                response.aiter_raw()
            assert await response.aread() == TEXT
        async with client.stream("GET", server.url, decode=False) as response:
            raw = b"".join([piece async for piece in response.aiter_raw()])
            assert gzip.decompress(raw) == TEXT
    server.check()


def test_raw(script: Script) -> None:
    server = script(compressed() + compressed())
    with Client(decode=False) as client:
        with client.stream("GET", server.url) as response:
            assert gzip.decompress(b"".join(response.iter_raw())) == TEXT
        with client.stream("GET", server.url, decode=True) as response:
            with pytest.raises(trunkline.InvalidState, match="decode=False"):
                response.iter_raw()
            assert response.read() == TEXT


def test_decoded_bodies_are_bounded(script: Script) -> None:
    server = script(compressed(), compressed(b"0" * 10_000_000))
    with Client() as client:
        with pytest.raises(trunkline.DecodedTooLarge):
            client.get(server.url, max_decoded_bytes=100)
        with pytest.raises(trunkline.DecodedTooLarge):
            client.get(server.url, max_decode_ratio=2)


def echo(client: Client, body: bytes, kind: str) -> trunkline.Response:
    return client.post("/echo", content=body, headers={"content-type": kind})


@pytest.mark.parametrize(
    ("body", "kind", "text", "encoding"),
    [
        ("grüße".encode(), "text/plain", "grüße", "utf-8"),
        ("grüße".encode("latin-1"), 'text/html; charset="latin1"', "grüße", "windows-1252"),
        ("語".encode("euc-jp"), "text/plain; charset=EUC-JP", "語", "euc-jp"),
        ("grüße".encode(), "text/plain; charset=unknown", "grüße", "utf-8"),
        ("grüße".encode("utf-8-sig"), "text/plain; charset=latin1", "grüße", "windows-1252"),
        ("grüße".encode("utf-16"), "text/plain", "grüße", "utf-8"),
        (b"a\xffb", "text/plain", "a\ufffdb", "utf-8"),
        (b"", "text/plain; charset=latin1", "", "windows-1252"),
    ],
)
def test_text(client: Client, body: bytes, kind: str, text: str, encoding: str) -> None:
    response = echo(client, body, kind)
    assert response.text == text
    assert response.text is response.text
    assert response.encoding == encoding
    options: Any = {"content": body, "headers": {"content-type": kind}}
    with client.stream("POST", "/echo", **options) as streamed:
        assert streamed.encoding == encoding
        streamed.read()
        assert streamed.text == text


def test_lines(client: Client) -> None:
    options: Any = {
        "content": "eins\r\nzwei\n\nü\u2028".encode("utf-16"),
        "headers": {"content-type": "text/plain; charset=utf-16"},
    }
    with client.stream("POST", "/echo", **options) as response:
        assert list(response.iter_lines()) == ["eins", "zwei", "", "ü\u2028"]
    with client.stream("GET", "/bytes/1000") as response, pytest.raises(trunkline.BodyTooLarge):
        list(response.iter_lines(max_bytes=10))


EVENTS = b": hello\nid: 1\nevent: add\ndata: {\ndata: }\nretry: 1500\n\ndata: two\n\ndata: cut off"


def check_events(events: list[trunkline.ServerSentEvent]) -> None:
    assert [(one.event, one.data, one.id, one.retry) for one in events] == [
        ("add", "{\n}", "1", 1.5),
        ("message", "two", "1", None),
    ]
    assert events[0].json() == {}
    assert "two" in repr(events[1])


def test_events(client: Client) -> None:
    with client.stream("POST", "/echo", content=EVENTS) as response:
        check_events(list(response.iter_events()))
    context = client.stream("POST", "/echo", content=EVENTS)
    with context as streamed, pytest.raises(trunkline.BodyTooLarge):
        list(streamed.iter_events(max_bytes=3))


async def test_lines_and_events_async(aclient: AsyncClient) -> None:
    async with aclient.stream("POST", "/echo", content=EVENTS) as response:
        check_events([event async for event in response.aiter_events()])
    async with aclient.stream("POST", "/echo", content=b"one\r\ntwo") as response:
        assert [line async for line in response.aiter_lines()] == ["one", "two"]


def test_to_file(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "body"
    with client.stream("GET", "/bytes/1000000") as response:
        assert response.to_file(file) == file.stat().st_size == 1_000_000
    other = tmp_path / "other"
    assert client.get("/bytes/1000000").to_file(other) == 1_000_000
    assert other.read_bytes() == file.read_bytes()
    with pytest.raises(FileNotFoundError):
        client.get("/bytes/1").to_file(tmp_path / "no" / "such")


async def test_to_file_async(aclient: AsyncClient, tmp_path: Path) -> None:
    file = tmp_path / "body"
    async with aclient.stream("GET", "/bytes/1000000") as response:
        assert await response.to_file(file) == 1_000_000
    assert file.stat().st_size == 1_000_000


def test_into(client: Client) -> None:
    pieces: list[bytes] = []
    response = client.get("/bytes/300000", into=pieces.append)
    assert sum(map(len, pieces)) == 300_000
    assert (response.status_code, response.content) == (200, b"")
    assert client.get("/drip/1000000/1", into=lambda piece: "halt").is_success
    with pytest.raises(TypeError, match="pause a streamed"):
        client.get("/bytes/10", into=lambda piece: "pause")
    with pytest.raises(TypeError, match="into answers"):
        client.get("/bytes/10", into=lambda piece: 3)
    assert client.get("/bytes/10").is_success


def test_into_of_a_streamed_answer(client: Client) -> None:
    pieces: list[bytes] = []

    def take(piece: bytes) -> Optional[str]:
        pieces.append(piece)
        return {1: "pause", 2: "continue", 3: "halt"}.get(len(pieces))

    with client.stream("GET", "/drip/1000000/1", into=take) as response:
        assert response.run() == "pause"
        assert len(pieces) == 1
        assert response.run() == "halt"
        assert len(pieces) == 3
        assert response.is_closed
    with client.stream("GET", "/bytes/10", into=lambda piece: None) as response:
        assert response.run() == "done"
        assert response.run() == "done"
    with client.stream("GET", "/bytes/10") as response, pytest.raises(trunkline.InvalidState):
        response.run()


async def test_into_async(aclient: AsyncClient) -> None:
    pieces: list[bytes] = []

    async def take(piece: bytes) -> Optional[str]:
        await asyncio.sleep(0)
        pieces.append(piece)
        return "halt" if len(pieces) == 2 else None

    assert (await aclient.get("/bytes/10", into=pieces.append)).content == b""
    assert (await aclient.get("/drip/1000000/1", into=take)).is_success
    assert len(pieces) == 2
    async with aclient.stream("GET", "/drip/100000/1", into=lambda piece: "pause") as response:
        assert await response.run() == "pause"
        assert await response.run() == "pause"
