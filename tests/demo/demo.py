"""What Trunkline does, in Python.

demo.py URL CA_FILE [WS_URL]   a tour of the test server at URL: 100 pages over one connection, a large body both ways,
                               a WebSocket, requests cancelled midway
demo.py [--url] URL            fetches URL, whose certificate the system must trust, and says how that went
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import trunkline
from trunkline import AsyncClient

MIB = 1024 * 1024
PAGES = 100
UPLOAD = 64 * MIB
PIECE = bytes(256 * 1024)


@contextmanager
def timed(what: str) -> Iterator[list[str]]:
    """Prints what was done, what the block adds to the list, and how long it took."""
    notes: list[str] = []
    start = time.perf_counter()
    yield notes
    spent = (time.perf_counter() - start) * 1000
    print(f"{what:<34} {spent:8.1f} ms   {', '.join(notes)}", flush=True)


async def pages(client: AsyncClient, url: str) -> None:
    with timed(f"{PAGES} pages at once") as notes:
        urls = [f"{url}/resource/{number}" for number in range(PAGES)]
        responses = await asyncio.gather(*(client.get(one) for one in urls))
        assert all(response.raise_for_status().json()["name"] for response in responses)
        opened = {response.connection.id for response in responses if response.connection}
        notes.append(f"{responses[0].http_version} over {len(opened)} connection(s)")
        notes.append(f"{sum(len(response.content) for response in responses)} bytes")


async def both_ways(client: AsyncClient, url: str) -> None:
    sent = ahead = got = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < UPLOAD:
            sent += len(PIECE)
            yield PIECE

    start = time.perf_counter()
    with timed(f"{UPLOAD // MIB} MiB up and down again") as notes:
        async with client.stream("POST", f"{url}/echo", content=body()) as response:
            async for chunk in response.aiter_bytes():
                got += len(chunk)
                ahead = max(ahead, sent - got)
        assert got == UPLOAD
        rate = got / MIB / (time.perf_counter() - start)
        notes.append(f"{rate:.0f} MiB/s, never more than {ahead / MIB:.1f} MiB under way")


async def conversation(client: AsyncClient, url: str) -> None:
    with timed("a conversation by WebSocket") as notes:
        async with client.websocket(url) as ws:
            for message in ("hello", b"\x00\x01", "bye"):
                await ws.send(message)
            answers = [await ws.recv() for _ in range(3)]
            assert answers == ["hello", b"\x00\x01", "bye"]
        notes.append(f"{len(answers)} messages back, closed with {ws.close_code}")


async def cancelled(client: AsyncClient, url: str) -> None:
    with timed("20 of 40 requests cancelled midway") as notes:
        tasks = [
            asyncio.ensure_future(
                client.get(f"{url}/{'hang' if number % 2 else f'resource/{number}'}")
            )
            for number in range(40)
        ]
        await asyncio.gather(*tasks[::2])
        for task in tasks[1::2]:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        good = sum(isinstance(outcome, trunkline.Response) for outcome in outcomes)
        assert (await client.get(f"{url}/resource/1")).is_success
        notes.append(f"{good} answered, the connection lives on")


async def tour(url: str, authority: str, websocket: str) -> None:
    async with AsyncClient(verify=authority) as client:
        await pages(client, url)
        await both_ways(client, url)
        await conversation(client, websocket)
        await cancelled(client, url)
        counters = client.statistics()
        names = ("requests_completed", "requests_failed", "connections_opened", "streams_opened")
        print(", ".join(f"{name.replace('_', ' ')}: {counters[name]}" for name in names))


async def fetch(url: str) -> None:
    async with AsyncClient(timeout=trunkline.Timeout(20.0, total=60.0)) as client:
        with timed(f"GET {url}") as notes:
            response = await client.get(url)
            notes.append(f"{response.http_version} {response.status_code}")
            notes.append(f"{len(response.content)} bytes")
        connection = response.connection
        if connection is not None:
            print(f"{connection.protocol}, {connection.tls or 'clear text'}, {connection.remote}")
        print(response.timings)


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--url"]:
        arguments = arguments[1:]
    if not 1 <= len(arguments) <= 3:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        if len(arguments) == 1:
            asyncio.run(fetch(arguments[0]))
        else:
            url = arguments[0].rstrip("/")
            websocket = arguments[2] if len(arguments) == 3 else f"ws{url[4:]}/ws"
            asyncio.run(tour(url, arguments[1], websocket))
    except trunkline.Error as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
