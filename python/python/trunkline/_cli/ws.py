"""`ws`: sends lines of stdin as messages and prints what comes back."""

from __future__ import annotations

import argparse
import asyncio
import sys
import threading
from typing import Optional

from .. import AsyncClient
from .._native import AsyncWebSocket
from .._options import OpenOptions
from .options import client_options, cookies_of, keep


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


async def run(arguments: argparse.Namespace) -> int:
    """Opens the WebSocket and talks until one side has ended."""
    given = client_options(arguments)
    options: OpenOptions = {"cookies": cookies} if (cookies := cookies_of(arguments)) else {}
    try:
        async with AsyncClient(**given) as client:
            await _talk(arguments, await client.websocket(arguments.url, **options))
    finally:
        keep(arguments, given)
    return 0


async def _talk(arguments: argparse.Namespace, ws: AsyncWebSocket) -> None:
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
