"""Arguments, counters and the JSON line every Python bench program prints."""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

SKIPPED = 77  # status that tells the harness: not here, the last line of stderr says why


@dataclass
class Arguments:
    client: str
    job: str
    url: str
    loop: str
    in_flight: int
    seconds: float
    warmup: float
    http: int
    size: int
    ca: str

    def authority(self) -> bytes:
        """The certificate to trust, in PEM."""
        return Path(self.ca).read_bytes()


@dataclass
class Counter:
    """What a client has done so far. `on` turns false when the time is over."""

    expected: int
    on: bool = True
    requests: int = 0
    errors: int = 0
    bytes: int = 0
    first: str = ""
    notes: dict[str, object] = field(default_factory=dict)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def answer(self, status: int, length: int) -> None:
        """Counts one HTTP answer whose body has been read."""
        self.requests += 1
        self.bytes += length
        if status != 200 or length != self.expected:
            self.error(f"status {status}, {length} bytes")

    def message(self, length: int) -> None:
        """Counts one WebSocket message."""
        self.requests += 1
        self.bytes += length
        if length != self.expected:
            self.error(f"message of {length} bytes")

    def error(self, what: object) -> None:
        self.errors += 1
        if not self.first:
            self.first = str(what)
            print(f"first error: {what!r}", file=sys.stderr)


def parse() -> Arguments:
    parser = argparse.ArgumentParser()
    parser.add_argument("client")
    parser.add_argument("--job", default="")
    parser.add_argument("--url", required=True)
    parser.add_argument("--loop", choices=["asyncio", "uvloop", "none"], default="none")
    parser.add_argument("--in-flight", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--warmup", type=float, default=0.5)
    parser.add_argument("--http", type=int, choices=[1, 2], default=1)
    parser.add_argument("--size", type=int, default=131, help="bytes of an answer or a message")
    parser.add_argument("--ca", default="")
    return Arguments(**vars(parser.parse_args()))


def peak_rss_kib() -> int:
    """VmHWM, not ru_maxrss: that one survives exec and would show the parent's peak."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def report(
    arguments: Arguments, package: str, counter: Counter, seconds: float, cpu: float
) -> None:
    name = f"{package} {version(package)}" if package else arguments.client
    line = {
        "client": name,
        "job": arguments.job,
        "loop": arguments.loop,
        "in_flight": arguments.in_flight,
        "seconds": round(seconds, 6),
        "requests": counter.requests,
        "rate": round(counter.requests / seconds, 3),
        "errors": counter.errors,
        "peak_rss_kib": peak_rss_kib(),
        "bytes": counter.bytes,
        "cpu_seconds": round(cpu, 6),
        **counter.notes,
    }
    print(json.dumps(line))


Client = TypeVar("Client")


def choose(clients: dict[str, Client], name: str) -> Client:
    """The client's function, or status 77 (skipped) when this program does not know it."""
    if name in clients:
        return clients[name]
    print(f"{Path(sys.argv[0]).name} has no client {name}", file=sys.stderr)
    raise SystemExit(SKIPPED)


def skip_missing(error: ImportError) -> SystemExit:
    print(f"not installed: {error}", file=sys.stderr)
    return SystemExit(SKIPPED)


def run(arguments: Arguments, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs `main` on the loop asked for."""
    if arguments.loop == "uvloop":
        import uvloop

        uvloop.run(main())
    else:
        asyncio.run(main())


async def measure(
    arguments: Arguments,
    package: str,
    counter: Counter,
    workers: list[Awaitable[None]],
) -> None:
    """Lets the workers run, counts only what they do after the warm-up, prints the line."""
    tasks = [asyncio.ensure_future(worker) for worker in workers]
    await asyncio.sleep(arguments.warmup)
    requests, size = counter.requests, counter.bytes
    cpu, start = cpu_seconds(), time.perf_counter()
    await asyncio.sleep(arguments.seconds)
    seconds, cpu = time.perf_counter() - start, cpu_seconds() - cpu
    counter.on = False
    counter.stopped.set()
    counter.requests -= requests
    counter.bytes -= size
    report(arguments, package, counter, seconds, cpu)
    sys.stdout.flush()
    _, late = await asyncio.wait(tasks, timeout=5)
    for task in late:
        task.cancel()
    for task in tasks:
        if task.done() and not task.cancelled() and task.exception() is not None:
            raise SystemExit(f"worker failed: {task.exception()!r}")
