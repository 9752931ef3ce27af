"""Cookies: the client's jar, and those of one request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import Script, Server, answer

import trunkline
from trunkline import AsyncClient, Client, CookieJar


def expect(cookie: Any) -> dict[str, Any]:
    return {"expect_request": {"target": "/", "headers": {"cookie": cookie}}}


def test_a_jar_is_on(script: Script, drive: Any) -> None:
    server = script(
        [
            expect(None),
            answer(set_cookie="a=1; Path=/; HttpOnly"),
            expect("a=1"),
            answer(),
            expect("b=2; a=1"),
            answer(),
            expect(None),
            answer(),
        ]
    )
    with Client(drive=drive) as client:
        response = client.get(server.url)
        assert response.cookies == {"a": "1"}
        assert client.get(server.url).cookies == {}
        client.get(server.url, cookies={"b": "2"})
        client.get(server.url, cookies=None)
        (cookie,) = client.cookies
        assert (cookie.name, cookie.value, cookie.domain) == ("a", "1", "127.0.0.1")
        assert (cookie.path, cookie.http_only, cookie.host_only) == ("/", True, True)
        assert (cookie.secure, cookie.expires, cookie.same_site) == (False, None, None)
        assert "1" not in repr(cookie).replace("127.0.0.1", "")
    server.check()


async def test_a_jar_is_on_async(script: Script, drive: Any) -> None:
    server = script([expect(None), answer(set_cookie="a=1"), expect("a=1"), answer()])
    async with AsyncClient(drive=drive) as client:
        async with client.stream("GET", server.url) as response:
            assert response.cookies == {"a": "1"}
            await response.aread()
        await client.get(server.url)
        assert len(client.cookies) == 1
    server.check()


def test_a_jar_may_be_off(script: Script) -> None:
    server = script([expect(None), answer(set_cookie="a=1"), expect(None), answer()])
    with Client(cookies=None) as client:
        assert client.get(server.url).cookies == {"a": "1"}
        client.get(server.url)
        assert len(client.cookies) == 0
    server.check()


def test_cookies_of_every_request(server: Server) -> None:
    with Client(cookies={"a": "1", "b": "2"}) as client:
        url = f"{server.http}/headers"
        assert client.get(url).json()["cookie"] == "a=1; b=2"
        assert client.get(url, cookies={"b": "3"}).json()["cookie"] == "a=1; b=3"
        assert "cookie" not in client.get(url, cookies=None).json()
        with pytest.raises(ValueError, match="cookie"):
            client.get(url, cookies={"a": "1; b=2"})
        with pytest.raises(trunkline.InvalidHeader):
            client.get(url, cookies={"a": "1\r\nb: 2"})


def test_clients_share_a_jar_and_files_keep_it(server: Server, tmp_path: Path) -> None:
    jar = CookieJar()
    jar.set(server.http, "kept=1; Max-Age=1000")
    jar.set(server.http, "session=2")
    for _ in range(2):
        with Client(cookies=jar) as client:
            assert client.cookies is jar
            sent = client.get(f"{server.http}/headers").json()["cookie"]
            assert sent == "kept=1; session=2"
    file = tmp_path / "cookies.txt"
    jar.save(file)
    assert file.stat().st_mode & 0o777 == 0o600
    other = CookieJar()
    assert other.load(file) == 2
    assert [cookie.name for cookie in other] == ["kept", "session"]
    assert [cookie.expires is None for cookie in other] == [False, True]
    assert other.remove("127.0.0.1", "/", "kept")
    assert len(other) == 1
    other.clear()
    assert len(other) == 0
    assert other
    with pytest.raises(trunkline.IoError):
        other.load(tmp_path / "none")
    with pytest.raises(trunkline.InvalidArgument):
        other.set(server.http, "a=1; Domain=elsewhere.org")
