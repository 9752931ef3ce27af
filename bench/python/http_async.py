"""Many small GETs with a fixed number in flight: `http_async.py CLIENT --url … --loop asyncio|uvloop`.

Each client is driven as its own documentation shows: one client object for the whole run, the body read to its end.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable

from measure import Arguments, Counter, choose, measure, parse, run, skip_missing


async def pyreqwest(arguments: Arguments, counter: Counter) -> None:
    from pyreqwest.client import ClientBuilder

    builder = ClientBuilder().error_for_status(True)
    if arguments.ca:
        builder = builder.add_root_certificate_pem(arguments.authority())
    builder = builder.http2(True) if arguments.http == 2 else builder.http1_only()
    url = arguments.url

    async with builder.build() as client:

        async def worker() -> None:
            while counter.on:
                response = await client.get(url).build().send()
                counter.answer(response.status, len(await response.bytes()))

        await measure(arguments, "pyreqwest", counter, many(worker, arguments.in_flight))


async def aiohttp(arguments: Arguments, counter: Counter) -> None:
    import aiohttp

    url = arguments.url
    context = ssl.create_default_context(cafile=arguments.ca) if arguments.ca else True
    connector = aiohttp.TCPConnector(limit=max(100, arguments.in_flight), ssl=context)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def worker() -> None:
            while counter.on:
                async with session.get(url) as response:
                    counter.answer(response.status, len(await response.read()))

        await measure(arguments, "aiohttp", counter, many(worker, arguments.in_flight))


async def httpx(arguments: Arguments, counter: Counter) -> None:
    import httpx

    url = arguments.url
    context = ssl.create_default_context(cafile=arguments.ca) if arguments.ca else True
    async with httpx.AsyncClient(verify=context, http2=arguments.http == 2) as client:

        async def worker() -> None:
            while counter.on:
                response = await client.get(url)
                counter.answer(response.status_code, len(response.content))

        await measure(arguments, "httpx", counter, many(worker, arguments.in_flight))


async def trunkline(arguments: Arguments, counter: Counter) -> None:
    import trunkline

    url = arguments.url
    async with trunkline.AsyncClient(
        verify=arguments.ca or True, http_versions="http2" if arguments.http == 2 else "http1"
    ) as client:

        async def worker() -> None:
            while counter.on:
                response = await client.get(url)
                counter.answer(response.status_code, len(response.content))

        await measure(arguments, "trunkline", counter, many(worker, arguments.in_flight))


def many(worker: Callable[[], Awaitable[None]], count: int) -> list[Awaitable[None]]:
    return [worker() for _ in range(count)]


CLIENTS = {"pyreqwest": pyreqwest, "aiohttp": aiohttp, "httpx": httpx, "trunkline": trunkline}


def main() -> None:
    arguments = parse()
    client = choose(CLIENTS, arguments.client)
    try:
        run(arguments, lambda: client(arguments, Counter(arguments.size)))
    except ImportError as error:
        raise skip_missing(error) from error


if __name__ == "__main__":
    main()
