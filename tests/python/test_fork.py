"""A forked child is told so, can drop everything, and the parent notices nothing; interpreters end cleanly."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from conftest import Server

FORKED = """
import asyncio, gc, os, sys
import trunkline
url, drive = sys.argv[1:]
client = trunkline.Client(drive=drive)
client.get(url)
aclient = trunkline.AsyncClient(drive=drive)
async def once():
    return await aclient.get(url)
asyncio.run(once())
ws = client.websocket("ws" + url[4:] + "/ws")
child = os.fork()
if child == 0:
    status = 1
    try:
        for call in (lambda: client.get(url), lambda: asyncio.run(once()), lambda: ws.send("x"), ws.recv):
            try:
                call()
            except trunkline.ForkedError:
                continue
            os._exit(2)
        own = trunkline.Client(drive=drive)
        assert own.get(url).is_success
        assert trunkline.get(url).is_success
        own.close()
        client.close()
        del client, aclient, ws, own
        gc.collect()
        status = 0
    finally:
        os._exit(status)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
ws.send("parent")
assert ws.recv() == "parent"
assert client.get(url).is_success
assert asyncio.run(once()).is_success
asyncio.run(aclient.aclose())
"""

LEFT_OPEN = """
import asyncio, sys, threading
import trunkline
url, drive = sys.argv[1:]
client = trunkline.Client(drive=drive)
client.get(url)
stream = client.stream("GET", url + "/drip/100000/10").__enter__()
ws = client.websocket("ws" + url[4:] + "/ws")
exchange = client.submit("GET", url + "/hang")
def hang():
    try:
        client.get(url + "/hang")
    except trunkline.Error:
        pass
threading.Thread(target=hang, daemon=True).start()
aclient = trunkline.AsyncClient(drive=drive)
async def main():
    await aclient.get(url)
    task = asyncio.ensure_future(aclient.get(url + "/hang"))
    await asyncio.sleep(0)
asyncio.run(main())
print("end")
"""


def python(program: str, server: Server, drive: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", program, server.http, drive],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_fork(server: Server, drive: Any) -> None:
    done = python(FORKED, server, drive)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("turn", range(3))
def test_everything_left_open_at_exit(server: Server, drive: Any, turn: int) -> None:
    done = python(LEFT_OPEN, server, drive)
    assert (done.returncode, done.stdout) == (0, "end\n"), done.stderr
