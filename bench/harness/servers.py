"""The servers of a run: nginx and the WebSocket echo, on loopback, ended by their process ids."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

from . import paths

BODY = "Trunkline".ljust(131, ".")
assert len(BODY) == 131


class SetupError(Exception):
    """Something `bench/setup.sh` should have provided is not there."""


@dataclass(frozen=True)
class Urls:
    """What the jobs talk to."""

    http1: str
    http2_tls: str
    http2_clear: str
    websocket: str


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]


def wait_for_port(port: int, process: subprocess.Popen[bytes], name: str) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SetupError(f"{name} ended with status {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
            return
        except OSError:
            time.sleep(0.02)
    raise SetupError(f"{name} does not listen on port {port}")


def warm_download() -> None:
    """Brings the file into the page cache; a machine may drop it from there between two runs."""
    with paths.DOWNLOAD.open("rb", buffering=0) as file:
        while file.read(1 << 24):
            pass


def find_nginx() -> str:
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise SetupError("nginx is not installed: run bench/setup.sh")
    return found


class Servers:
    """Context manager: starts the servers, yields itself and their `Urls`, ends them."""

    def __init__(self) -> None:
        self._started: list[subprocess.Popen[bytes]] = []
        self._stack = ExitStack()

    def __enter__(self) -> tuple[Servers, Urls]:
        for needed in (paths.CA, paths.DOWNLOAD, paths.ECHO):
            if not needed.exists():
                raise SetupError(f"{needed.relative_to(paths.ROOT)} is missing: run bench/setup.sh")
        http1, http2_tls, http2_clear, websocket = free_ports(4)
        try:
            self._start_nginx(http1, http2_tls, http2_clear)
            echo = subprocess.Popen([str(paths.ECHO), str(websocket)], stdout=subprocess.DEVNULL)
            self._started.append(echo)
            wait_for_port(websocket, echo, "bench-echo")
        except BaseException:
            self._stop()
            raise
        return self, Urls(
            http1=f"http://127.0.0.1:{http1}",
            http2_tls=f"https://127.0.0.1:{http2_tls}",
            http2_clear=f"http://127.0.0.1:{http2_clear}",
            websocket=f"ws://127.0.0.1:{websocket}/",
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def pin(self, cpus: set[int]) -> None:
        """Keeps the servers, nginx's worker included, on these CPUs."""
        for process in self._started:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            for pid in [process.pid, *map(int, children.read_text().split())]:
                os.sched_setaffinity(pid, cpus)

    def _start_nginx(self, http1: int, http2_tls: int, http2_clear: int) -> None:
        # A folder for each run, so that two runs do not mix.
        folder = Path(self._stack.enter_context(TemporaryDirectory(prefix="nginx-", dir=paths.OUT)))
        log = paths.OUT / "nginx.error.log"
        text = (paths.BENCH / "nginx.conf.in").read_text()
        values = {
            "DIR": folder,
            "LOG": log,
            "CERTS": paths.CERTS,
            "FILES": paths.FILES,
            "HTTP1": http1,
            "HTTP2_TLS": http2_tls,
            "HTTP2_CLEAR": http2_clear,
            "BODY": BODY,
            "USER": "user root;" if os.geteuid() == 0 else "",
        }
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        config = folder / "nginx.conf"
        config.write_text(text)
        nginx = subprocess.Popen(
            [find_nginx(), "-p", str(folder), "-e", str(log), "-c", str(config)]
        )
        self._started.append(nginx)
        wait_for_port(http1, nginx, "nginx")

    def _stop(self) -> None:
        for process in reversed(self._started):
            process.terminate()
        for process in self._started:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._started.clear()
        self._stack.close()
