"""Idle WebSockets: `websocket_idle.py CLIENT --echo target/bench/bin/bench-echo --count 10000`.

Opens so many, some at once, and leaves them alone. `growth_kib` is what the process has grown by, `rate` how many were open
each second. `--processes` divides them among so many processes, each with a server of its own, where one may not have as
many descriptors.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import resource
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path

from measure import Arguments, Counter, choose, cpu_seconds, report, run, skip_missing

#: Opened before the first look at the memory: what a client needs once is not an idle WebSocket's.
FIRST = 200
AT_ONCE = 50

#: Opens one, which is kept for as long as the result.
Open = Callable[[], Awaitable[object]]


@asynccontextmanager
async def picows(url: str, _: int) -> AsyncIterator[Open]:
    from picows import WSListener, ws_connect

    yield lambda: ws_connect(WSListener, url)


@asynccontextmanager
async def aiohttp(url: str, _: int) -> AsyncIterator[Open]:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield lambda: session.ws_connect(url)


@asynccontextmanager
async def websockets(url: str, _: int) -> AsyncIterator[Open]:
    from websockets.asyncio.client import connect

    async def open_one() -> object:
        return await connect(url, compression=None, ping_interval=None)

    yield open_one


@asynccontextmanager
async def trunkline(url: str, count: int) -> AsyncIterator[Open]:
    import trunkline

    limits = trunkline.Limits(max_connections=count, max_connections_per_origin=count)
    async with trunkline.AsyncClient(limits=limits) as client:

        async def open_one() -> object:
            return await client.websocket(url)

        yield open_one


CLIENTS: dict[str, Callable[[str, int], AbstractAsyncContextManager[Open]]] = {
    "picows": picows,
    "aiohttp": aiohttp,
    "websockets": websockets,
    "trunkline": trunkline,
}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("client")
    parser.add_argument("--job", default="")
    parser.add_argument("--echo", required=True, help="the program of the server")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
    return parser.parse_args()


@contextmanager
def served(program: str) -> Iterator[str]:
    """Runs an echo server; its URL."""
    server = subprocess.Popen([program], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline().split()[1])
        yield f"ws://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait()


def resident_kib() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


async def open_all(open_one: Open, count: int) -> list[object]:
    opened: list[object] = []
    while len(opened) < count:
        some = min(AT_ONCE, count - len(opened))
        opened += await asyncio.gather(*(open_one() for _ in range(some)))
    return opened


async def idle(arguments: Arguments, count: int) -> None:
    """Opens them in this process, and prints the line."""
    counter = Counter(expected=0)
    async with choose(CLIENTS, arguments.client)(arguments.url, FIRST + count) as open_one:
        kept = await open_all(open_one, FIRST)
        gc.collect()
        before, cpu, start = resident_kib(), cpu_seconds(), time.perf_counter()
        kept += await open_all(open_one, count)
        seconds, cpu = time.perf_counter() - start, cpu_seconds() - cpu
        gc.collect()
        growth = resident_kib() - before
        counter.requests = len(kept) - FIRST
        counter.notes["growth_kib"] = growth
        counter.notes["kib_each"] = round(growth / count, 2)
        report(arguments, arguments.client, counter, seconds, cpu)
        sys.stdout.flush()
        kept.clear()


def divide(given: argparse.Namespace) -> None:
    """Has several processes open them at the same time, and prints the sum of their lines."""
    share = given.count // given.processes
    command = [sys.executable, __file__, given.client, "--job", given.job, "--echo", given.echo]
    command += ["--count", str(share), "--loop", given.loop]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(given.processes)
    ]
    lines = []
    for process in processes:
        output = process.communicate()[0]
        if process.returncode != 0:
            for other in processes:
                other.kill()
            raise SystemExit(process.returncode)
        lines.append(json.loads(output.splitlines()[-1]))
    total = lines[0]
    total["seconds"] = max(line["seconds"] for line in lines)
    for name in ("requests", "errors", "peak_rss_kib", "cpu_seconds", "growth_kib"):
        total[name] = sum(line[name] for line in lines)
    total["rate"] = round(total["requests"] / total["seconds"], 3)
    total["kib_each"] = round(total["growth_kib"] / total["requests"], 2)
    print(json.dumps(total))


def main() -> None:
    given = parse()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if given.processes > 1:
        return divide(given)
    try:
        with served(given.echo) as url:
            arguments = Arguments(
                given.client, given.job, url, given.loop, AT_ONCE, 0, 0, http=1, size=0, ca=""
            )
            run(arguments, lambda: idle(arguments, given.count))
    except ImportError as error:
        raise skip_missing(error) from error


if __name__ == "__main__":
    main()
