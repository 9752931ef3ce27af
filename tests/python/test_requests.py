"""How a request is put together: URL, header fields, body."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from conftest import Script, Server, answer

import trunkline
from trunkline import AsyncClient, Client, header_fields


def test_urls(server: Server) -> None:
    with Client(base_url=f"{server.http}/status", params=[("key", "k")]) as client:

        def url(*arguments: Any, **options: Any) -> str:
            return client.get(*arguments, **options).url[len(server.http) :]

        assert url("/201") == url("201") == "/status/201?key=k"
        assert url("/{code}", path_params={"code": 201}) == "/status/201?key=k"
        assert url("/:code", path_params={"code": 201}, path_style="colon") == "/status/201?key=k"
        assert url("/{a}", path_params={"a": "b/c?d"}) == "/status/b%2Fc%3Fd?key=k"
        assert url("/1?x=1", params={"x": [2, 3], "y": None, "z": True}) == (
            "/status/1?x=1&key=k&x=2&x=3&y=&z=true"
        )
        assert url("/1", params="a=b&c=d%20e") == "/status/1?key=k&a=b&c=d%20e"
        assert url(f"{server.http}/status/201") == "/status/201?key=k"
        with pytest.raises(trunkline.InvalidArgument, match="code"):
            url("/{code}", path_params={"other": 1})
        with pytest.raises(ValueError, match="path_style"):
            url("/{code}", path_params={"code": 1}, path_style="round")
    with Client() as client, pytest.raises(trunkline.InvalidUrl):
        client.get("/relative", params={"a": "b"})


def test_header_fields(server: Server) -> None:
    assert header_fields(content_type="text/plain", x_tag=["a", 2], cookie=None) == [
        ("content-type", "text/plain"),
        ("x-tag", "a"),
        ("x-tag", "2"),
    ]
    date = datetime(1994, 11, 6, 8, 49, 37, tzinfo=timezone.utc)
    with Client() as client:
        for headers in (
            {"if-modified-since": date},
            [("if-modified-since", date)],
            header_fields(if_modified_since=date),
        ):
            sent = client.get(f"{server.http}/headers", headers=headers).json()
            assert sent["if-modified-since"] == "Sun, 06 Nov 1994 08:49:37 GMT"
        with pytest.raises(ValueError, match="1970"):
            client.get(server.http, headers={"date": datetime(1950, 1, 1)})
        with pytest.raises(TypeError, match="datetime"):
            client.get(server.http, headers={"date": 3})  # type: ignore[arg-type]
        exact = client.get(f"{server.http}/headers", headers={"x_y": "kept"}).json()
        assert exact["x_y"] == "kept"


def parts_of(body: bytes, kind: str) -> list[tuple[str, bytes]]:
    """Head and content of each part of a form."""
    boundary = re.fullmatch("multipart/form-data; boundary=(.+)", kind)
    assert boundary is not None
    first, *parts, last = body.split(b"--" + boundary[1].encode())
    assert (first, last) == (b"", b"--\r\n")
    split = (part[2:-2].split(b"\r\n\r\n", 1) for part in parts)
    return [(head.decode(), content) for head, content in split]


def test_forms_with_files(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "note.txt"
    file.write_bytes(b"skipped" + b"x" * 300_000)
    with file.open("rb") as opened:
        opened.seek(7)
        response = client.post(
            "/echo",
            data={"name": "grüße", "many": [1, True], "raw": b"\xff"},
            files=[
                ("a", b"bytes"),
                ("b", ("b.json", "{}")),
                ("c", ("c", io.BytesIO(b"memory"), "x/y")),
                ("d", opened),
                ("e", file),
                ("f", (None, "no file")),
            ],
        )
    field = 'Content-Disposition: form-data; name="{}"'.format
    named = 'Content-Disposition: form-data; name="{}"; filename="{}"\r\nContent-Type: {}'.format
    assert [
        (head.lower(), content)
        for head, content in parts_of(response.content, response.headers["content-type"])
    ] == [
        (head.lower(), content)
        for head, content in [
            (field("name"), "grüße".encode()),
            (field("many"), b"1"),
            (field("many"), b"true"),
            (field("raw"), b"\xff"),
            (named("a", "upload", "application/octet-stream"), b"bytes"),
            (named("b", "b.json", "application/json"), b"{}"),
            (named("c", "c", "x/y"), b"memory"),
            (named("d", "note.txt", "text/plain"), b"x" * 300_000),
            (named("e", "note.txt", "text/plain"), b"skipped" + b"x" * 300_000),
            (field("f"), b"no file"),
        ]
    ]


async def test_forms_with_files_async(aclient: AsyncClient) -> None:
    response = await aclient.post("/echo", files={"a": ("name", io.BytesIO(b"memory"))})
    ((head, content),) = parts_of(response.content, response.headers["content-type"])
    assert 'filename="name"' in head
    assert content == b"memory"


def test_forms_that_are_none(client: Client, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="one body"):
        client.post("/echo", files={"a": b""}, json=1)
    with pytest.raises(TypeError, match="mapping"):
        client.post("/echo", files={"a": b""}, data=b"bytes")
    with pytest.raises(TypeError, match="file 'a' is"):
        client.post("/echo", files={"a": 3})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="filename, content"):
        client.post("/echo", files={"a": ("a",)})  # type: ignore[arg-type]
    with pytest.raises(trunkline.IoError):
        client.post("/echo", files={"a": tmp_path / "none"})


def test_forms(client: Client) -> None:
    data = {"a b": "c&d", "e": [True, None]}
    assert client.post("/echo", data=data).text == "a+b=c%26d&e=true&e="
    assert client.post("/echo", data=[("a", 1), ("a", 2)]).text == "a=1&a=2"


def sent_twice(body: str) -> list[dict[str, Any]]:
    return [
        {"expect_request": {"method": "POST", "target": "/a", "body": body}},
        answer(307, location="/b"),
        {"expect_request": {"method": "POST", "target": "/b", "body": body}},
        answer(body="done"),
    ]


def test_bodies_that_are_sent_again(script: Script, drive: Any, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("from a file")
    opened: list[int] = []

    def pieces() -> Iterator[bytes]:
        opened.append(1)
        yield b"from "
        yield b""
        yield b"pieces"

    server = script(sent_twice("from a file") + sent_twice("from pieces"))
    with Client(drive=drive) as client:
        assert client.post(f"{server.url}/a", content=file).text == "done"
        assert client.post(f"{server.url}/a", content=pieces).text == "done"
        assert opened == [1, 1]
    server.check()


async def test_bodies_that_are_sent_again_async(script: Script, drive: Any) -> None:
    server = script(sent_twice("from pieces"))
    async with AsyncClient(drive=drive) as client:
        response = await client.post(f"{server.url}/a", content=lambda: [b"from ", b"pieces"])
        assert response.text == "done"
    server.check()


def test_bodies_that_cannot_be_sent_again(script: Script) -> None:
    server = script(
        [{"expect_request": {"method": "POST", "target": "/"}}, answer(307, location="/")]
    )
    with Client() as client, pytest.raises(trunkline.RedirectRefused, match="body"):
        client.post(server.url, content=iter([b"once"]))


async def test_an_asynchronous_generator_function(aclient: AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"from "
        yield b"pieces"

    assert (await aclient.post("/echo", content=pieces)).text == "from pieces"


def broken() -> Iterator[bytes]:
    yield b"one"
    raise KeyError("why")


def test_what_a_source_raises(client: Client) -> None:
    with pytest.raises(KeyError, match="why"):
        client.post("/echo", content=broken)
    with pytest.raises(trunkline.UploadFailed, match="bytes"):
        client.post("/echo", content=lambda: [3])  # type: ignore[list-item]
    with pytest.raises(KeyError, match="why"):
        client.post("/echo", content=broken())


async def test_what_a_source_raises_async(aclient: AsyncClient) -> None:
    with pytest.raises(KeyError, match="why"):
        await aclient.post("/echo", content=broken)
    async with aclient.stream("POST", "/echo", content=lambda: [b"a", b"b"]) as response:
        assert await response.aread() == b"ab"
