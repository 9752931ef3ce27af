"""Redirects, retries and status errors."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Optional, Union

import pytest
from conftest import Script, answer

import trunkline
from trunkline import AsyncClient, Attempt, Client


def asked(target: str, method: str = "GET", **more: Any) -> dict[str, Any]:
    return {"expect_request": {"method": method, "target": target, **more}}


TWICE = [
    asked("/a"),
    answer(301, location="/b?c"),
    asked("/b?c"),
    answer(302, location="/d"),
    asked("/d"),
    answer(body="here"),
]


def check_history(response: Any, url: str) -> None:
    assert response.url == f"{url}/d"
    assert [(one.status_code, one.url, one.next_url) for one in response.history] == [
        (301, f"{url}/a", f"{url}/b?c"),
        (302, f"{url}/b?c", f"{url}/d"),
    ]
    assert response.history[0].headers["location"] == "/b?c"
    assert response.history[0].http_version == "HTTP/1.1"
    assert response.history[0].reason_phrase == "Moved Permanently"


def test_followed(script: Script, drive: Any) -> None:
    server = script(TWICE)
    with Client(base_url=server.url, drive=drive) as client:
        response = client.get("/a")
        assert response.text == "here"
        check_history(response, server.url)
        assert response.attempts == 3
        assert client.statistics()["redirects"] == 2
    server.check()


def test_followed_by_a_streamed_answer(script: Script, drive: Any) -> None:
    server = script(TWICE)
    client = Client(base_url=server.url, drive=drive)
    with client, client.stream("GET", "/a") as response:
        check_history(response, server.url)
        assert response.read() == b"here"
    server.check()


async def test_followed_async(script: Script, drive: Any) -> None:
    server = script(TWICE)
    async with AsyncClient(base_url=server.url, drive=drive) as client:
        response = await client.get("/a")
        check_history(response, server.url)
        assert response.content == b"here"


async def test_followed_by_an_async_streamed_answer(script: Script, drive: Any) -> None:
    server = script(TWICE)
    client = AsyncClient(base_url=server.url, drive=drive)
    async with client, client.stream("GET", "/a") as response:
        check_history(response, server.url)
        assert await response.aread() == b"here"


def test_a_streamed_upload_that_becomes_a_get(script: Script) -> None:
    server = script(
        [asked("/a", "POST", body="pieces"), answer(303, location="/b"), asked("/b"), answer()]
    )
    with Client() as client:
        response = client.post(f"{server.url}/a", content=iter([b"pie", b"ces"]))
        assert [one.next_url for one in response.history] == [f"{server.url}/b"]
        assert response.url == f"{server.url}/b"
    server.check()


def test_not_followed(script: Script) -> None:
    server = script([asked("/"), answer(302, location="/b")])
    with Client(follow_redirects=False) as client:
        response = client.get(server.url)
        assert (response.status_code, response.history) == (302, [])
        assert response.is_redirect
    server.check()


def test_the_request_says_otherwise_than_the_client(script: Script) -> None:
    server = script([asked("/"), answer(302, location="/b"), asked("/b"), answer()])
    with Client(follow_redirects=False) as client:
        assert client.get(server.url, follow_redirects=True).url == f"{server.url}/b"
    server.check()


def test_too_many(script: Script) -> None:
    server = script([asked("/"), answer(302, location="/"), asked("/"), answer(302, location="/")])
    with Client(max_redirects=1) as client, pytest.raises(trunkline.TooManyRedirects) as caught:
        client.get(server.url)
    assert isinstance(caught.value, trunkline.RedirectError)


def test_refused(script: Script) -> None:
    server = script([asked("/"), answer(302, location="ftp://host/")])
    with Client() as client, pytest.raises(trunkline.RedirectRefused):
        client.get(server.url)


FAILS_ONCE = [asked("/"), answer(503), asked("/"), answer(body="well")]


def test_retried(script: Script, drive: Any) -> None:
    server = script(FAILS_ONCE)
    delays: list[int] = []

    def delay(number: int) -> float:
        delays.append(number)
        return 0.001

    with Client(retry="safe_transient", retry_delay=delay, drive=drive) as client:
        response = client.get(server.url)
        assert (response.status_code, response.attempts) == (200, 2)
        assert delays == [1]
        assert client.statistics()["retries"] == 1
    server.check()


def test_a_function_decides(script: Script, drive: Any) -> None:
    server = script([asked("/x"), answer(404, x_why="early"), asked("/x"), answer(404)])
    seen: list[Attempt] = []

    def decide(attempt: Attempt) -> Union[bool, float]:
        seen.append(attempt)
        return 0.001 if attempt.number == 1 else False

    with Client(drive=drive) as client:
        response = client.get(f"{server.url}/x", retry=decide)
        assert (response.status_code, response.attempts) == (404, 2)
    first = seen[0]
    assert (first.number, first.method, first.url) == (1, "GET", f"{server.url}/x")
    assert (first.status, first.error) == (404, None)
    assert first.headers is not None
    assert first.headers["x-why"] == "early"
    assert "number=1" in repr(first)
    server.check()


async def test_a_function_decides_async(script: Script, drive: Any) -> None:
    server = script(FAILS_ONCE)
    seen: list[Optional[int]] = []

    def decide(attempt: Attempt) -> bool:
        seen.append(attempt.status)
        return attempt.status == 503

    async with AsyncClient(retry=decide, retry_delay=0.001, drive=drive) as client:
        responses = await asyncio.gather(client.get(server.url))
        assert responses[0].text == "well"
    assert seen == [503]


def test_a_function_sees_errors(drive: Any) -> None:
    errors: list[Any] = []

    def decide(attempt: Attempt) -> bool:
        errors.append(attempt.error)
        return True

    with Client(retry=decide, max_retries=2, retry_delay=0, drive=drive) as client:
        with pytest.raises(trunkline.ConnectFailed):
            client.get("http://127.0.0.1:1/")
        with pytest.raises(trunkline.ConnectFailed):
            client.get("http://127.0.0.1:1/", retry=None)
    assert [type(error) for error in errors] == [trunkline.ConnectFailed] * 2


def test_a_function_that_raises_is_shown(
    script: Script, monkeypatch: pytest.MonkeyPatch, drive: Any
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", lambda args: shown.append(args.exc_value))

    def decide(attempt: Attempt) -> bool:
        raise KeyError("why")

    server = script([asked("/"), answer(503)])
    with Client(retry=decide, drive=drive) as client:
        assert client.get(server.url).status_code == 503
    assert [type(value) for value in shown] == [KeyError]


def test_a_client_that_goes_while_its_function_is_asked(script: Script) -> None:
    server = script([asked("/"), answer(503)])
    begun = threading.Event()

    def decide(attempt: Attempt) -> bool:
        begun.set()
        return False

    client = Client(retry=decide, drive="threads")
    exchange = client.submit("GET", server.url)
    assert begun.wait(20)
    del client, exchange  # joins the thread, which must not wait for the interpreter meanwhile


def test_options_are_checked() -> None:
    for options in ({"retry": "often"}, {"retry_delay": -1}):
        with pytest.raises(ValueError, match=r"retry|delay"):
            Client(**options)
    for options in ({"retry": 1}, {"retry_delay": "x"}, {"max_redirects": "x"}):
        with pytest.raises(TypeError):
            Client(**options)


def test_raise_for_status(script: Script, drive: Any) -> None:
    server = script(
        [asked("/"), answer(404, "gone"), asked("/"), answer(404), asked("/"), answer(500, "no")]
    )
    with Client(raise_for_status=True, drive=drive) as client:
        with pytest.raises(trunkline.HTTPStatusError, match="404") as caught:
            client.get(server.url)
        assert isinstance(caught.value, trunkline.StatusError)
        assert caught.value.response.text == "gone"
        assert caught.value.peer_code == 404
        assert client.get(server.url, raise_for_status=False).status_code == 404
        with pytest.raises(trunkline.StatusError) as streamed, client.stream("GET", server.url):
            pytest.fail("the block must not be entered")
        assert streamed.value.response is not None
        assert streamed.value.response.text == "no"
    server.check()


async def test_raise_for_status_async(script: Script, drive: Any) -> None:
    server = script([asked("/"), answer(404, "gone"), asked("/"), answer(500, "no")])
    async with AsyncClient(drive=drive) as client:
        with pytest.raises(trunkline.HTTPStatusError) as caught:
            await client.get(server.url, raise_for_status=True)
        assert caught.value.response.text == "gone"
        with pytest.raises(trunkline.StatusError):
            async with client.stream("GET", server.url, raise_for_status=True):
                pytest.fail("the block must not be entered")
    server.check()
