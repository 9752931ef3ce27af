"""Small GETs one after the other on one thread: `http_sync.py CLIENT --url …`."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Callable
from io import BytesIO
from urllib.parse import urlsplit

from measure import Arguments, Counter, choose, cpu_seconds, parse, report, skip_missing

# One request: its status and the length of its body.
Get = Callable[[], tuple[int, int]]


def pycurl(arguments: Arguments) -> Get:
    """The quick start's way, with the handle kept: WRITEDATA into a fresh BytesIO."""
    import pycurl

    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, arguments.url)
    if arguments.ca:
        curl.setopt(pycurl.CAINFO, arguments.ca)
    if arguments.http == 2:
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS)
    else:
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)

    def get() -> tuple[int, int]:
        buffer = BytesIO()
        curl.setopt(pycurl.WRITEDATA, buffer)
        curl.perform()
        return curl.getinfo(pycurl.RESPONSE_CODE), len(buffer.getvalue())

    return get


def pyreqwest(arguments: Arguments) -> Get:
    from pyreqwest.client import SyncClientBuilder

    builder = SyncClientBuilder().error_for_status(True)
    if arguments.ca:
        builder = builder.add_root_certificate_pem(arguments.authority())
    builder = builder.http2(True) if arguments.http == 2 else builder.http1_only()
    client = builder.build()
    url = arguments.url

    def get() -> tuple[int, int]:
        response = client.get(url).build().send()
        return response.status, len(response.bytes())

    return get


def httpx(arguments: Arguments) -> Get:
    import httpx

    context = ssl.create_default_context(cafile=arguments.ca) if arguments.ca else True
    client = httpx.Client(verify=context, http2=arguments.http == 2)
    url = arguments.url

    def get() -> tuple[int, int]:
        response = client.get(url)
        return response.status_code, len(response.content)

    return get


def trunkline(arguments: Arguments) -> Get:
    import trunkline

    client = trunkline.Client(
        verify=arguments.ca or True, http_versions="http2" if arguments.http == 2 else "http1"
    )
    url = arguments.url

    def get() -> tuple[int, int]:
        response = client.get(url)
        return response.status_code, len(response.content)

    return get


def http_client(arguments: Arguments) -> Get:
    url = urlsplit(arguments.url)
    connection = http.client.HTTPConnection(url.hostname or "", url.port)
    path = url.path

    def get() -> tuple[int, int]:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, len(response.read())

    return get


CLIENTS = {
    "pycurl": (pycurl, "pycurl"),
    "pyreqwest": (pyreqwest, "pyreqwest"),
    "httpx": (httpx, "httpx"),
    "http.client": (http_client, ""),
    "trunkline": (trunkline, "trunkline"),
}


def main() -> None:
    arguments = parse()
    make, package = choose(CLIENTS, arguments.client)
    try:
        get = make(arguments)
    except ImportError as error:
        raise skip_missing(error) from error
    warm = Counter(arguments.size)
    end = time.perf_counter() + arguments.warmup
    while time.perf_counter() < end:
        warm.answer(*get())

    counter = Counter(arguments.size, errors=warm.errors)
    cpu, start = cpu_seconds(), time.perf_counter()
    now, end = start, start + arguments.seconds
    while now < end:
        counter.answer(*get())
        now = time.perf_counter()
    report(arguments, package, counter, now - start, cpu_seconds() - cpu)


if __name__ == "__main__":
    main()
