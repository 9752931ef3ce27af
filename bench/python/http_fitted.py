"""Small GETs by programs built on httpx and requests, on their own engines and on Trunkline's.

`http_fitted.py CLIENT --in-flight THREADS --url …`: the threads share one client, as such programs do.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from measure import Arguments, Counter, choose, cpu_seconds, parse, report, skip_missing

# One request: its status and the length of its body.
Get = Callable[[], tuple[int, int]]


def httpx(arguments: Arguments) -> Get:
    import httpx

    return _httpx(arguments, httpx.HTTPTransport(limits=httpx.Limits(max_connections=100)))


def httpx_trunkline(arguments: Arguments) -> Get:
    from trunkline.httpx import Transport

    return _httpx(arguments, Transport())


def _httpx(arguments: Arguments, transport: object) -> Get:
    import httpx

    client = httpx.Client(transport=transport)
    url = arguments.url

    def get() -> tuple[int, int]:
        response = client.get(url)
        return response.status_code, len(response.content)

    return get


def requests(arguments: Arguments) -> Get:
    from requests.adapters import HTTPAdapter

    return _requests(arguments, HTTPAdapter(pool_maxsize=100))


def requests_trunkline(arguments: Arguments) -> Get:
    from trunkline.requests import Adapter

    return _requests(arguments, Adapter(http_versions="http1"))


def _requests(arguments: Arguments, adapter: object) -> Get:
    import requests

    session = requests.Session()
    session.trust_env = False
    session.mount("http://", adapter)
    url = arguments.url

    def get() -> tuple[int, int]:
        response = session.get(url)
        return response.status_code, len(response.content)

    return get


CLIENTS = {
    "httpx": (httpx, "httpx"),
    "httpx-on-trunkline": (httpx_trunkline, "trunkline"),
    "requests": (requests, "requests"),
    "requests-on-trunkline": (requests_trunkline, "trunkline"),
}


def work(get: Get, seconds: float, threads: int, size: int) -> tuple[Counter, float]:
    """What the threads have done in that time."""
    counters = [Counter(size) for _ in range(threads)]
    start = time.perf_counter()
    end = start + seconds

    def run(counter: Counter) -> None:
        while time.perf_counter() < end:
            counter.answer(*get())

    workers = [threading.Thread(target=run, args=(counter,)) for counter in counters[1:]]
    for worker in workers:
        worker.start()
    run(counters[0])
    for worker in workers:
        worker.join()
    total = Counter(size)
    for counter in counters:
        total.requests += counter.requests
        total.errors += counter.errors
        total.bytes += counter.bytes
    return total, time.perf_counter() - start


def main() -> None:
    arguments = parse()
    make, package = choose(CLIENTS, arguments.client)
    try:
        get = make(arguments)
    except ImportError as error:
        raise skip_missing(error) from error
    warm, _ = work(get, arguments.warmup, arguments.in_flight, arguments.size)
    cpu = cpu_seconds()
    counter, seconds = work(get, arguments.seconds, arguments.in_flight, arguments.size)
    counter.errors += warm.errors
    report(arguments, package, counter, seconds, cpu_seconds() - cpu)


if __name__ == "__main__":
    main()
