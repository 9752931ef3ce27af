"""HTTP/2 without a socket against servers that are installed: upgrades from HTTP/1.1, pushes and trailers."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from sansio_peers import shown

from trunkline import sansio
from trunkline.sansio import Http2Client

MODULES = Path("/usr/lib/apache2/modules")

NODE = """
const http2 = require('http2');
const server = http2.createServer();
server.on('stream', (stream, headers) => {
  if (headers[':path'] === '/push' && stream.pushAllowed) {
    for (const path of ['/wanted', '/other']) {
      stream.pushStream({':path': path}, (error, pushed) => {
        pushed.on('error', () => {});
        pushed.on('close', () => process.stdout.write(`${path} ${pushed.rstCode}\\n`));
        pushed.respond({':status': 200});
        if (path === '/wanted') pushed.end('pushed ' + path);
      });
    }
  }
  stream.respond({':status': 200}, {waitForTrailers: true});
  stream.on('wantTrailers', () => stream.sendTrailers({checksum: 'abc'}));
  stream.end('body of ' + headers[':path']);
});
server.listen(Number(process.argv[1]), '127.0.0.1');
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def program(arguments: Sequence[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a server until the test ends; skips where it is not installed."""
    if shutil.which(arguments[0]) is None:
        pytest.skip(f"{arguments[0]} is not installed")
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            limit = time.monotonic() + 20
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    assert process.poll() is None, f"{arguments[0]} has ended"
                    assert time.monotonic() < limit, f"{arguments[0]} does not listen"
            yield process
        finally:
            process.terminate()
            process.wait(20)


def exchange(
    transport: socket.socket, client: Http2Client, told: list[sansio.Event], ends: int
) -> None:
    """Goes on until so many exchanges have ended, or the connection has."""
    kinds = (sansio.AnswerEnd, sansio.AnswerFailed)
    while not client.is_closed:
        try:
            transport.sendall(client.data_to_send())
        except OSError:
            # The peer has left; what it said before can still be read.
            client.send_failed()
        if sum(isinstance(event, kinds) for event in told) >= ends:
            return
        came = transport.recv(65536)
        told += client.receive(came) if came else client.receive_eof()


def upgrade_at(port: int) -> dict[int, list[str]]:
    """Upgrades on a connection to it, and asks twice more."""
    url = f"http://127.0.0.1:{port}/"
    told: list[sansio.Event] = []
    with socket.create_connection(("127.0.0.1", port), 20) as transport:
        transport.sendall(Http2Client.upgrade_request("GET", url, {"x-a": "b"}))
        came = b""
        while b"\r\n\r\n" not in came:
            came += transport.recv(65536)
        head, _, rest = came.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        client = Http2Client.after_upgrade("GET", url, {"x-a": "b"})
        # With the first bytes of HTTP/2: Apache leaves where it finds nothing further to do.
        for number in (2, 3):
            assert client.request("GET", url, {"x-a": "b"}) == number
        told += client.receive(rest)
        exchange(transport, client, told, 3)
    return shown(told)


def test_nghttpx_upgrades() -> None:
    port = free_port()
    # A back end that nobody serves: it answers so by itself.
    arguments = ["nghttpx", f"-f127.0.0.1,{port};no-tls", "-b127.0.0.1,1"]
    with program([*arguments, "--workers=1", "--conf=/dev/null"], port):
        lines = upgrade_at(port)
    assert set(lines) == {1, 2, 3}
    for told in lines.values():
        assert told[0].startswith("head 50")
        assert told[-1] == "end"


def test_apache_upgrades(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "index.html").write_text("from apache")
    modules = ["mpm_event", "authz_core", "http2", "dir"]
    loads = [f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in modules]
    lines = [
        *loads,
        "ServerName localhost",
        f"ServerRoot {tmp_path}",
        f"PidFile {tmp_path}/pid",
        f"ErrorLog {tmp_path}/log",
        f"DefaultRuntimeDir {tmp_path}",
        f"DocumentRoot {tmp_path}",
        f"Listen 127.0.0.1:{port}",
        "Protocols h2c http/1.1",
        "H2Upgrade on",
        "DirectoryIndex index.html",
    ]
    (tmp_path / "conf").write_text("\n".join(lines) + "\n")
    arguments = ["/usr/sbin/apache2", "-DFOREGROUND", "-f", str(tmp_path / "conf")]
    whole = ["head 200", "data from apache", "end"]
    with program(arguments, port):
        # It says GOAWAY at once where it has answered the upgrade before it reads those: then they are to be asked again.
        for _ in range(50):
            told = upgrade_at(port)
            assert told[1] == whole
            if told[2] == told[3] == whole:
                break
        assert (told[2], told[3]) == (whole, whole)


@pytest.mark.parametrize("pushes", [False, True])
def test_node_pushes_and_sends_trailers(pushes: bool) -> None:
    port = free_port()
    with program(["node", "-e", NODE, str(port)], port) as process:
        url = f"http://127.0.0.1:{port}/push"
        asked: list[str] = []

        def wanted(promised: sansio.Promised) -> bool:
            asked.append(promised.url)
            return promised.url.endswith("/wanted")

        client = Http2Client(push=wanted if pushes else False)
        told: list[sansio.Event] = []
        client.request("GET", url)
        with socket.create_connection(("127.0.0.1", port), 20) as transport:
            exchange(transport, client, told, 2 if pushes else 1)
            client.request("GET", f"http://127.0.0.1:{port}/again")
            exchange(transport, client, told, 3 if pushes else 2)
            if pushes:
                assert process.stdout is not None
                closed = {process.stdout.readline().decode().strip() for _ in range(2)}
                assert closed == {"/wanted 0", "/other 8"}
    lines = shown(told)
    trailers = "trailers [('checksum', 'abc')]"
    assert lines.pop(1) == ["head 200", "data body of /push", trailers, "end"]
    if pushes:
        assert asked == [f"http://127.0.0.1:{port}{path}" for path in ("/wanted", "/other")]
        promised = f"promised GET http://127.0.0.1:{port}/wanted"
        assert lines.pop(2) == [promised, "head 200", "data pushed /wanted", "end"]
    assert list(lines.values()) == [["head 200", "data body of /again", trailers, "end"]]
