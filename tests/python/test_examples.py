"""The examples and the demo run."""

from __future__ import annotations

import subprocess
import sys

from conftest import ROOT, Server


def run(program: str, *arguments: str) -> str:
    command = [sys.executable, str(ROOT / program), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_first(server: Server) -> None:
    assert "HTTP/1.1 200" in run("examples/python/first.py", server.http + "/bytes/10")


def test_many(server: Server) -> None:
    assert "streamed: 10 bytes" in run("examples/python/many.py", server.http + "/bytes/10")


def test_chat(server: Server) -> None:
    told = run("examples/python/chat.py", server.ws)
    assert told.splitlines()[-2:] == ["received: bye", "closed: 1000"]


def test_demo(server: Server) -> None:
    told = run("tests/demo/demo.py", server.https, server.ca, server.wss)
    assert "100 pages" in told
    assert run("tests/demo/demo.py", "--url", server.http + "/resource/1")
