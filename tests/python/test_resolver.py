"""Names to addresses by the program's own function."""

from __future__ import annotations

import asyncio
import ipaddress
import threading
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import Server

import trunkline
from trunkline import AsyncClient, Client


def at(server: Server, host: str) -> str:
    return f"http://{host}:{urlsplit(server.http).port}"


def test_a_function_answers(server: Server, drive: Any) -> None:
    asked = []

    def resolver(host: str, port: int) -> list[str]:
        asked.append((host, port, threading.current_thread() is threading.main_thread()))
        return ["127.0.0.1"]

    with Client(resolver=resolver, drive=drive) as client:
        assert client.get(at(server, "one.test") + "/bytes/3").content
        # What needs no look-up does not come to it.
        assert client.get(server.http + "/bytes/3").is_success
        assert client.get(at(server, "localhost") + "/bytes/3").is_success
    assert asked == [("one.test", urlsplit(server.http).port, False)]


def test_addresses_are_tried_in_turn(server: Server) -> None:
    two = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
    with Client(resolver=lambda _host, _port: two) as client:
        response = client.get(at(server, "two.test") + "/bytes/3")
        assert response.connection is not None
        assert (response.connection.remote or "").startswith("127.0.0.1:")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ([], "no address"),
        (["elsewhere"], "ValueError: the resolver gave 'elsewhere'|no IP address"),
        ("127.0.0.1", "TypeError: a resolver answers a list"),
        (None, "TypeError: a resolver answers a list"),
        (OSError("no such name"), "OSError: no such name"),
    ],
)
def test_failures_are_told(given: Any, why: str) -> None:
    def resolver(_host: str, _port: int) -> Any:
        if isinstance(given, Exception):
            raise given
        return given

    with Client(resolver=resolver) as client:
        with pytest.raises(trunkline.ResolveFailed, match=why) as caught:
            client.get("http://none.test/")
        assert caught.value.phase == "resolve"


def test_a_function_that_waits_holds_nobody_up(server: Server, drive: Any) -> None:
    go_on = threading.Event()

    def resolver(host: str, _port: int) -> list[str]:
        if host == "slow.test":
            assert go_on.wait(20)
        return ["127.0.0.1"]

    with Client(resolver=resolver, drive=drive) as client:
        slow = client.submit("GET", at(server, "slow.test") + "/bytes/1")
        assert client.get(at(server, "fast.test") + "/bytes/1").is_success
        with pytest.raises(trunkline.ResolveTimeout):
            client.get(
                at(server, "slow.test") + "/bytes/1", timeout=trunkline.Timeout(resolve=0.02)
            )
        go_on.set()
        head = slow.recv(20)
        assert isinstance(head, trunkline.Head)
        assert head.status_code == 200


def test_an_asynchronous_function_needs_a_loop() -> None:
    async def resolver(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    with (
        Client(resolver=resolver) as client,
        pytest.raises(trunkline.ResolveFailed, match="needs an AsyncClient"),
    ):
        client.get("http://none.test/")
    with pytest.raises(TypeError, match="resolver is a function"):
        Client(resolver="127.0.0.1")  # type: ignore[arg-type]


async def test_an_asynchronous_function_runs_on_the_loop(server: Server, drive: Any) -> None:
    loop = asyncio.get_running_loop()
    slow = asyncio.Event()

    async def resolver(host: str, _port: int) -> list[str]:
        assert asyncio.get_running_loop() is loop
        if host == "slow.test":
            await slow.wait()
        elif host == "none.test":
            raise LookupError("no such name")
        return ["127.0.0.1"]

    async with AsyncClient(resolver=resolver, drive=drive) as client:
        waiting = asyncio.ensure_future(client.get(at(server, "slow.test") + "/bytes/1"))
        assert (await client.get(at(server, "fast.test") + "/bytes/1")).is_success
        with pytest.raises(trunkline.ResolveFailed, match="LookupError: no such name"):
            await client.get("http://none.test/")
        assert not waiting.done()
        slow.set()
        assert (await waiting).is_success


async def test_a_blocking_function_holds_no_loop_up(server: Server, drive: Any) -> None:
    go_on = threading.Event()

    def resolver(_host: str, _port: int) -> list[str]:
        assert go_on.wait(20)
        return ["127.0.0.1"]

    async with AsyncClient(resolver=resolver, drive=drive) as client:
        waiting = asyncio.ensure_future(client.get(at(server, "slow.test") + "/bytes/1"))
        assert (await client.get(server.http + "/bytes/1")).is_success
        go_on.set()
        assert (await waiting).is_success
