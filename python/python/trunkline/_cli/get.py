"""`get`: sends a request and writes the body of its answer."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from typing import BinaryIO, Optional, TextIO

from .. import Client, StreamingResponse
from .options import Failure, client_options, keep, request_options


class Progress:
    """A bar on stderr, where that is a terminal."""

    def __init__(self, total: Optional[int], stream: TextIO) -> None:
        self._total = total
        self._stream = stream if stream.isatty() else None
        self._done = 0
        self._start = self._drawn = time.monotonic()

    def add(self, size: int) -> None:
        """Counts bytes; draws ten times a second at most."""
        self._done += size
        now = time.monotonic()
        if self._stream and now - self._drawn > 0.1:
            self._drawn = now
            self._draw(self._stream, now)

    def end(self) -> None:
        """Draws the last state and leaves the line."""
        if self._stream:
            self._draw(self._stream, time.monotonic())
            self._stream.write("\n")

    def _draw(self, stream: TextIO, now: float) -> None:
        rate = self._done / max(now - self._start, 1e-6) / 2**20
        if self._total:
            share = min(self._done / self._total, 1.0)
            bar = "#" * round(share * 30)
            stream.write(
                f"\r[{bar:<30}] {share:4.0%} {self._done / 2**20:.1f} MiB {rate:.1f} MiB/s "
            )
        else:
            stream.write(f"\r{self._done / 2**20:.1f} MiB {rate:.1f} MiB/s ")
        stream.flush()


def _tell(response: StreamingResponse) -> None:
    connection, timings = response.connection, response.timings
    lines = [f"* {response.http_version} {response.status_code} {response.reason_phrase}".rstrip()]
    if connection:
        reused = ", used before" if connection.reused else ""
        lines.append(
            f"* connection {connection.id} to {connection.remote or 'unix socket'}{reused}"
        )
        lines.append(f"* protocol {connection.protocol}, {connection.tls or 'clear text'}")
    points = ("resolved", "connected", "secured", "acquired", "first_byte", "total")
    spent = ", ".join(f"{name} {getattr(timings, name) * 1000:.1f} ms" for name in points)
    lines.append(f"* {spent}; sent {response.attempts} time(s)")
    sys.stderr.write("\n".join(lines) + "\n")


def _write_head(response: StreamingResponse, out: BinaryIO) -> None:
    lines = [f"{response.http_version} {response.status_code} {response.reason_phrase}".rstrip()]
    lines += [f"{name}: {value}" for name, value in response.headers.multi_items()]
    out.write(("\n".join(lines) + "\n\n").encode("utf-8", "surrogateescape"))
    out.flush()


def _body(response: StreamingResponse, progress: Progress) -> Iterator[bytes]:
    for chunk in response.iter_bytes():
        progress.add(len(chunk))
        yield chunk
    progress.end()


def run(arguments: argparse.Namespace) -> int:
    """Sends the request and writes its answer."""
    given = client_options(arguments)
    options = request_options(arguments)
    method = arguments.request or (
        "HEAD" if arguments.head else "POST" if arguments.data or arguments.form else "GET"
    )
    try:
        with (
            Client(**given) as client,
            client.stream(method, arguments.url, **options) as response,
        ):
            _show(arguments, response)
    finally:
        keep(arguments, given)
    return 0


def _show(arguments: argparse.Namespace, response: StreamingResponse) -> None:
    out = sys.stdout.buffer
    if arguments.headers or arguments.head:
        _write_head(response, out)
    # Of an encoded body this is not the length of what is written.
    encoded = "content-encoding" in response.headers
    length = "" if encoded else response.headers.get("content-length", "")
    with open(os.devnull, "w") as nowhere:
        progress = Progress(
            int(length) if length.isdigit() else None, sys.stderr if arguments.output else nowhere
        )
        chunks = _indented(response) if arguments.json else _body(response, progress)
        if arguments.output:
            with open(arguments.output, "wb") as file:
                for chunk in chunks:
                    file.write(chunk)
        else:
            for chunk in chunks:
                out.write(chunk)
                out.flush()
    if arguments.verbose:
        _tell(response)


def _indented(response: StreamingResponse) -> Iterator[bytes]:
    try:
        value = json.loads(response.read())
    except ValueError as error:
        raise Failure(f"the body is not JSON: {error}") from None
    yield (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
