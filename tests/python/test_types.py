"""The stubs say what the module is, and the package types as its users would use it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

USE = """
import asyncio
from typing import Any, Union
from typing_extensions import assert_type
import trunkline

def blocking(client: trunkline.Client) -> None:
    assert_type(client.get("http://x/", headers={"a": "b"}, timeout=1.0), trunkline.Response)
    with client.stream("GET", "http://x/") as response:
        for chunk in response.iter_bytes():
            assert_type(chunk, bytes)
    client.post("http://x/{a}", path_params={"a": 1}, files={"f": ("name", b"")}, data={"a": 1})
    client.get("http://x/", auth=("user", "password"), cookies={"a": "b"}, retry=lambda attempt: 0.5)
    client.get("http://x/", auth=lambda: trunkline.BearerAuth("t"), retry="safe_transient")
    client.get("http://x/", headers=trunkline.header_fields(x_a=1), proxy=None, into=print)
    assert_type(client.get("http://x/").history[0].next_url, str)
    assert_type(client.get("http://x/").cookies, dict[str, str])
    for cookie in client.cookies:
        assert_type(cookie, trunkline.Cookie)
    with client.websocket("ws://x/") as ws:
        assert_type(ws.recv(), Union[str, bytes, Any])
    with client.upgrade("http://x/", "echo") as stream, client.connect("http://p/", "x:1") as other:
        assert_type(stream.read(), bytes)
        other.write(b"")
    client.get("http://x/", headers={"accept": None, "a": "b"})
    assert_type(client.openmetrics(), str)
    with trunkline.Client(resolver=lambda host, port: ["::1"], har=trunkline.HarLog()):
        pass

async def resolve(host: str, port: int) -> list[str]:
    return ["::1"]

async def token() -> trunkline.BearerAuth:
    return trunkline.BearerAuth("t")

async def main() -> None:
    async with trunkline.AsyncClient(auth=token, proxy="http://p/", retry="transient") as client:
        async with client.stream("GET", "http://x/", auth=token) as response:
            async for event in response.aiter_events():
                assert_type(event, trunkline.ServerSentEvent)
    async with trunkline.AsyncClient(resolver=resolve) as client:
        async with client.upgrade("http://x/", "echo") as stream:
            assert_type(await stream.read(), bytes)
    async with trunkline.AsyncClient(limits=trunkline.Limits(max_connections=3)) as client:
        assert_type(await client.get("http://x/"), trunkline.Response)
        task = asyncio.create_task(client.get("http://x/"))
        assert_type(await task, trunkline.Response)
        async with client.websocket("ws://x/") as ws:
            async for message in ws:
                assert_type(message, Union[str, bytes, Any])
"""


def run(*arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_stubs_match_the_module() -> None:
    pytest.importorskip("mypy")
    done = run("mypy.stubtest", "trunkline._native", "--ignore-disjoint-bases")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_as_its_users_type_it(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    file = tmp_path / "use.py"
    file.write_text(USE)
    done = run("mypy", "--strict", "--python-version", "3.9", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
