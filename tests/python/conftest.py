"""What the tests share: the embedded test server and clients that know it."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import pytest

import trunkline

ROOT = Path(__file__).resolve().parents[2]
SERVER = os.environ.get("TRUNKLINE_TEST_SERVER", str(ROOT / "target/release/trunkline-test-server"))


@contextmanager
def running(*arguments: str) -> Iterator[dict[str, Any]]:
    """The test server; yields the line that tells where it is. It ends with its standard input."""
    with subprocess.Popen(
        [SERVER, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(20)


@dataclass(frozen=True)
class Server:
    """Where the embedded server is."""

    http: str
    https: str
    https1: str
    mtls: str
    ws: str
    wss: str
    unix: str
    ca: str
    client_cert: str
    client_key: str


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with running("embedded") as at:
        yield Server(
            http=f"http://127.0.0.1:{at['http']}",
            https=f"https://localhost:{at['https']}",
            https1=f"https://localhost:{at['https1']}",
            mtls=f"https://localhost:{at['mtls']}",
            ws=f"ws://127.0.0.1:{at['http']}/ws",
            wss=f"wss://localhost:{at['https']}/ws",
            unix=at["unix"],
            ca=at["ca"],
            client_cert=at["client_cert"],
            client_key=at["client_key"],
        )


@dataclass(frozen=True)
class Scripted:
    """A server that plays one script (tests/cases/README.md)."""

    url: str
    control: int

    def check(self) -> None:
        """Waits for the end of the script, and fails if the client did otherwise."""
        at = f"http://127.0.0.1:{self.control}/verdict/script"
        with urllib.request.urlopen(at, timeout=30) as verdict:
            assert json.load(verdict) == {"ok": True}


Script = Callable[..., Scripted]


def answer(status: int = 200, body: str = "", **fields: str) -> dict[str, Any]:
    """The step that sends an HTTP/1.1 answer; underscores in the names of fields stand for dashes."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    head = [f"HTTP/1.1 {status} S", f"content-length: {len(body.encode())}", *lines]
    return {"send": "\r\n".join(head) + "\r\n\r\n" + body}


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Script]:
    """Starts a server whose connections play the scripts given."""
    with ExitStack() as stack:

        def start(*connections: list[dict[str, Any]], protocol: str = "http1") -> Scripted:
            case = {
                "name": "script",
                "about": "Of one test.",
                "promises": [2],
                "protocol": protocol,
                "requests": [{"parts": [{"done": True}]}],
                "server": {"connections": connections},
            }
            folder = tmp_path / "cases"
            folder.mkdir()
            (folder / "script.json").write_text(json.dumps({"about": "-", "cases": [case]}))
            at = stack.enter_context(running("cases", str(folder)))
            return Scripted(f"http://127.0.0.1:{at['cases']['script']}", at["control"])

        yield start


@pytest.fixture(params=["inline", "threads"])
def drive(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def client(server: Server, drive: Any) -> Iterator[trunkline.Client]:
    with trunkline.Client(base_url=server.http, drive=drive) as client:
        yield client


@pytest.fixture
async def aclient(server: Server, drive: Any) -> AsyncIterator[trunkline.AsyncClient]:
    async with trunkline.AsyncClient(base_url=server.http, drive=drive) as client:
        yield client
