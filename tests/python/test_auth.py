"""Credentials."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from conftest import Script, Server, answer

import trunkline
from trunkline import (
    AsyncClient,
    AwsSigV4Auth,
    BasicAuth,
    BearerAuth,
    Client,
    DigestAuth,
    NetRCAuth,
)

BASIC = "Basic dXNlcjpwYXNzd29yZA=="


def sent(client: Client, url: str, **options: Any) -> Any:
    return client.get(f"{url}/headers", **options).json().get("authorization")


def test_kinds(server: Server, drive: Any, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password password\n")
    netrc.chmod(0o600)
    with Client(drive=drive) as client:
        assert sent(client, server.http) is None
        assert sent(client, server.http, auth=("user", "password")) == BASIC
        assert sent(client, server.http, auth=BasicAuth("user", "password")) == BASIC
        assert sent(client, server.http, auth=BearerAuth("token")) == "Bearer token"
        assert sent(client, server.http, auth="Own words") == "Own words"
        assert sent(client, server.http, auth=NetRCAuth(netrc)) == BASIC
        assert sent(client, server.http, auth=lambda: BearerAuth("asked")) == "Bearer asked"
        own = {"authorization": "field"}
        assert sent(client, server.http, auth=("user", "password"), headers=own) == "field"


def test_a_client_s_and_a_request_s(server: Server) -> None:
    with Client(auth=("user", "password")) as client:
        assert sent(client, server.http) == BASIC
        assert sent(client, server.http, auth=BearerAuth("mine")) == "Bearer mine"
        assert sent(client, server.http, auth=None) is None
        in_url = server.http.replace("://", "://other:secret@")
        assert sent(client, in_url) == BASIC
    with Client() as client:
        assert sent(client, in_url) == "Basic b3RoZXI6c2VjcmV0"


def test_a_client_s_function_is_asked_for_each_request(server: Server) -> None:
    tokens = iter(["one", "two"])
    with Client(auth=lambda: BearerAuth(next(tokens))) as client:
        assert sent(client, server.http) == "Bearer one"
        assert sent(client, server.http, auth=("user", "password")) == BASIC
        assert sent(client, server.http) == "Bearer two"
        with pytest.raises(StopIteration):
            sent(client, server.http)


async def test_async_functions(server: Server, drive: Any) -> None:
    async def token() -> BearerAuth:
        await asyncio.sleep(0)
        return BearerAuth("awaited")

    async with AsyncClient(base_url=server.http, drive=drive) as client:
        for auth in (token, lambda: BearerAuth("awaited")):
            response = await client.get("/headers", auth=auth)
            assert response.json()["authorization"] == "Bearer awaited"
            async with client.stream("GET", "/headers", auth=auth) as streamed:
                await streamed.aread()
                assert streamed.json()["authorization"] == "Bearer awaited"
    async with AsyncClient(base_url=server.http, auth=token) as client:
        assert (await client.get("/headers")).json()["authorization"] == "Bearer awaited"
    with Client() as blocking, pytest.raises(TypeError, match="awaited"):
        blocking.get(server.http, auth=token)  # type: ignore[arg-type]


async def test_websockets_bear_credentials(server: Server) -> None:
    async def token() -> BearerAuth:
        return BearerAuth("awaited")

    async with AsyncClient() as client, client.websocket(server.ws, auth=token) as ws:
        await ws.send("hello")
        assert await ws.recv() == "hello"


def test_digest(script: Script, drive: Any) -> None:
    challenge = 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256'
    server = script(
        [
            {"expect_request": {"target": "/", "headers": {"authorization": None}}},
            answer(401, www_authenticate=challenge),
            {"expect_request": {"target": "/"}},
            answer(body="in"),
            {"expect_request": {"target": "/"}},
            answer(body="again"),
        ]
    )
    with Client(auth=DigestAuth("user", "password"), drive=drive) as client:
        first = client.get(server.url)
        assert (first.text, first.attempts, first.history) == ("in", 2, [])
        assert client.get(server.url).attempts == 1
    server.check()


def test_signatures(server: Server) -> None:
    auth = AwsSigV4Auth(
        "AKIDEXAMPLE",
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        "service",
        session_token="t",
        date=datetime(2015, 8, 30, 12, 36, tzinfo=timezone.utc),
    )
    with Client() as client:
        fields = client.get(f"{server.http}/headers", auth=auth).json()
    assert fields["x-amz-date"] == "20150830T123600Z"
    assert fields["x-amz-security-token"] == "t"
    scope = "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"
    assert scope in fields["authorization"]


def test_signed_chunks(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"a" * 70000)
    auth = AwsSigV4Auth("key", "secret", "s3", sign_payload="streaming")
    with Client(auth=auth) as client:
        for http_versions in ("http1", "http2"):
            sent = client.put(f"{server.http}/echo", content=file, http_versions=http_versions)
            head, first, rest = sent.content.split(b"\r\n", 2)
            assert head.startswith(b"10000;chunk-signature=") and first == b"a" * 65536
            head, second, end = rest.split(b"\r\n", 2)
            assert head.startswith(b"1170;chunk-signature=") and second == b"a" * (70000 - 65536)
            assert end.startswith(b"0;chunk-signature=") and end.endswith(b"\r\n\r\n")


def test_nothing_shows_a_secret() -> None:
    for auth in (
        BasicAuth("user", "secret"),
        DigestAuth("user", "secret"),
        BearerAuth("secret"),
        AwsSigV4Auth("key", "secret", "s3", session_token="secret"),
    ):
        assert "secret" not in repr(auth)


def test_what_cannot_be_sent_is_refused(server: Server) -> None:
    with Client() as client:
        with pytest.raises(TypeError, match="auth is"):
            client.get(server.http, auth=3)  # type: ignore[arg-type]
        with pytest.raises(trunkline.InvalidArgument):
            client.get(server.http, auth=BearerAuth("a\r\nb"))
    with pytest.raises(TypeError, match="auth is"):
        Client(auth=b"x")  # type: ignore[arg-type]
