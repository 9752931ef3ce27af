"""`python -m trunkline`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from conftest import Server


def trunkline(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "trunkline", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)


def test_get(server: Server) -> None:
    done = trunkline("get", server.http + "/resource/7", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b'{\n  "id": "7"')
    done = trunkline("get", "-i", server.http + "/bytes/10")
    assert done.stdout.startswith(b"HTTP/1.1 200 OK\ncontent-type: application/octet-stream\n")
    done = trunkline("get", "--http2", "-i", server.http)
    assert done.stdout.startswith(b"HTTP/2 200")


def test_post(server: Server, tmp_path: Path) -> None:
    assert trunkline("get", "-d", "text", server.http + "/echo").stdout == b"text"
    file = tmp_path / "body"
    file.write_bytes(b"from a file")
    url = server.http + "/echo"
    assert trunkline("get", "-X", "PUT", "-d", f"@{file}", url).stdout == b"from a file"
    assert trunkline("get", "-d", "@-", url, stdin=b"from stdin").stdout == b"from stdin"
    sent = trunkline("get", "-H", "X-Own: 1", server.http + "/headers").stdout
    assert b'"x-own":"1"' in sent


def test_output_and_tls(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "out"
    done = trunkline("get", "--cacert", server.ca, "-v", "-o", str(file), server.https + "/bytes/9")
    assert done.returncode == 0, done.stderr
    assert done.stdout == b""
    assert file.stat().st_size == 9
    assert b"protocol HTTP/2, TLSv1.3" in done.stderr
    assert b"first_byte" in done.stderr
    assert trunkline("get", "-k", server.https1).returncode == 0


def test_errors(server: Server) -> None:
    done = trunkline("get", "http://127.0.0.1:1/")
    assert done.returncode == 1
    assert done.stderr.startswith(b"trunkline: connect_failed: ")
    assert done.stderr.count(b"\n") == 1
    assert trunkline("get", server.https).returncode == 1
    assert trunkline("get", "--json", server.http).stderr.startswith(b"trunkline: the body is not")
    assert trunkline("get", "-H", "nonsense", server.http).returncode == 1
    assert trunkline("get").returncode == 2
    assert trunkline("nonsense").returncode == 2
    assert trunkline("get", "--http1", "--http2", server.http).returncode == 2
    assert trunkline("--help").returncode == 0


def test_ws(server: Server) -> None:
    done = trunkline("ws", server.ws, "-v", stdin="eins\nzwei ü\n".encode())
    assert done.returncode == 0, done.stderr
    assert done.stdout == "eins\nzwei ü\n".encode()
    assert b"closed: 1000" in done.stderr
    done = trunkline("ws", server.http.replace("http", "ws") + "/status/404")
    assert done.returncode == 1
    assert done.stderr.startswith(b"trunkline: websocket_rejected")
