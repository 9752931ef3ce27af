"""The command line: `python -m trunkline get URL`, `python -m trunkline ws URL`.

Exit status: 0, 1 after an error (told in one line on stderr), 2 for a command line that makes no sense.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Optional, TextIO, Union

from . import AsyncClient, Client, Error, StreamingResponse, WebSocketClosed, __version__
from ._config import ClientOptions, RequestOptions
from ._native import AsyncWebSocket


class Failure(Exception):
    """Ends the program with status 1 and this message."""


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("url", metavar="URL")
    common.add_argument(
        "-H",
        "--header",
        action="append",
        default=[],
        metavar="NAME:VALUE",
        help="send a header field",
    )
    common.add_argument("-k", "--insecure", action="store_true", help="accept any certificate")
    common.add_argument("--cacert", metavar="FILE", help="trust these certificates (PEM)")
    common.add_argument(
        "-v", "--verbose", action="store_true", help="tell of connection, protocol, TLS and timings"
    )
    common.add_argument("--timeout", type=float, metavar="SECONDS", help="deadline of each phase")
    parser = argparse.ArgumentParser(
        prog="trunkline", description="HTTP/1.1, HTTP/2 and WebSocket from the shell."
    )
    parser.add_argument("--version", action="version", version=f"trunkline {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    get = commands.add_parser(
        "get", parents=[common], help="send a request and print the body of its answer"
    )
    get.add_argument("-X", "--request", metavar="METHOD", help="default GET; POST with -d")
    get.add_argument(
        "-d", "--data", metavar="DATA", help="body; @FILE reads it from a file, @- from stdin"
    )
    get.add_argument(
        "-i", "--headers", action="store_true", help="print status and header fields too"
    )
    get.add_argument("-o", "--output", metavar="FILE", help="write the body to a file")
    get.add_argument("--json", action="store_true", help="print the body as indented JSON")
    version = get.add_mutually_exclusive_group()
    version.add_argument("--http1", action="store_true", help="HTTP/1.1 only")
    version.add_argument(
        "--http2", action="store_true", help="HTTP/2 only; in clear text by prior knowledge"
    )
    commands.add_parser(
        "ws", parents=[common], help="send lines of stdin as messages and print what comes back"
    )
    return parser


def _client_options(arguments: argparse.Namespace) -> ClientOptions:
    options: ClientOptions = {}
    headers = []
    for field in arguments.header:
        name, colon, value = field.partition(":")
        if not colon:
            raise Failure(f"header {field!r} has no colon")
        headers.append((name.strip(), value.strip()))
    if headers:
        options["headers"] = headers
    if arguments.insecure:
        options["verify"] = False
    elif arguments.cacert:
        options["verify"] = arguments.cacert
    if arguments.timeout is not None:
        options["timeout"] = arguments.timeout
    return options


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


def _content(data: str) -> Union[bytes, BinaryIO]:
    if data == "@-":
        return sys.stdin.buffer
    if data.startswith("@"):
        return open(data[1:], "rb")
    return data.encode()


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


def _get(arguments: argparse.Namespace) -> int:
    options: RequestOptions = {}
    if arguments.data is not None:
        options["content"] = _content(arguments.data)
    if arguments.http1 or arguments.http2:
        options["http_versions"] = "http1" if arguments.http1 else "http2"
    method = arguments.request or ("GET" if arguments.data is None else "POST")
    out = sys.stdout.buffer
    with (
        Client(**_client_options(arguments)) as client,
        client.stream(method, arguments.url, **options) as response,
    ):
        if arguments.headers:
            _write_head(response, out)
        # Of an encoded body this is not the length of what is written.
        encoded = "content-encoding" in response.headers
        length = "" if encoded else response.headers.get("content-length", "")
        quiet = not arguments.output
        with open(os.devnull, "w") as nowhere:
            progress = Progress(
                int(length) if length.isdigit() else None, nowhere if quiet else sys.stderr
            )
            if arguments.json:
                try:
                    text = (
                        json.dumps(json.loads(response.read()), indent=2, ensure_ascii=False) + "\n"
                    )
                except ValueError as error:
                    raise Failure(f"the body is not JSON: {error}") from None
                chunks: Iterator[bytes] = iter([text.encode()])
            else:
                chunks = _body(response, progress)
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
        return 0


async def _read_lines(ws: AsyncWebSocket) -> None:
    """Sends each line of stdin. A thread reads them, for a terminal cannot be watched by every loop."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[Optional[str]] = asyncio.Queue()

    def read() -> None:
        try:
            for line in sys.stdin:
                loop.call_soon_threadsafe(lines.put_nowait, line.rstrip("\n"))
            loop.call_soon_threadsafe(lines.put_nowait, None)
        except (RuntimeError, ValueError):
            pass  # the loop is closed: nobody wants the lines any more

    threading.Thread(target=read, daemon=True).start()
    while (line := await lines.get()) is not None:
        await ws.send(line)


async def _print_messages(ws: AsyncWebSocket) -> None:
    async for message in ws:
        print(
            message if isinstance(message, str) else f"<{len(message)} bytes> {message.hex()}",
            flush=True,
        )


async def _ws(arguments: argparse.Namespace) -> int:
    async with AsyncClient(**_client_options(arguments)) as client:
        ws = await client.websocket(arguments.url)
        if arguments.verbose:
            sys.stderr.write(f"* open: {ws.response.status_code} {ws.response.reason_phrase}\n")
        sender = asyncio.ensure_future(_read_lines(ws))
        printer = asyncio.ensure_future(_print_messages(ws))
        try:
            await asyncio.wait({sender, printer}, return_when=asyncio.FIRST_COMPLETED)
            if sender.done() and not printer.done():
                sender.result()
                await ws.start_close(1000, "")
                await asyncio.wait({printer}, timeout=10)
        finally:
            for task in (sender, printer):
                task.cancel()
        for task in (printer, sender):
            if task.done() and not task.cancelled():
                task.result()
        if arguments.verbose:
            sys.stderr.write(f"* closed: {ws.close_code} {ws.close_reason or ''}".rstrip() + "\n")
    return 0


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs the command line; returns the exit status."""
    parsed = _parser().parse_args(arguments)
    try:
        return asyncio.run(_ws(parsed)) if parsed.command == "ws" else _get(parsed)
    except BrokenPipeError:
        # Whoever read our output has had enough; keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    except WebSocketClosed as error:
        message = str(error)
    except (Error, Failure, OSError, ValueError) as error:
        message = str(error)
    sys.stderr.write(f"trunkline: {' '.join(message.split())}\n")
    return 1
