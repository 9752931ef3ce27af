"""The core's log in Python's."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from conftest import Script, Server, answer

import trunkline
from trunkline import Client
from trunkline._native import flush_log


@pytest.fixture
def level() -> Iterator[logging.Logger]:
    logger = logging.getLogger("trunkline")
    yield logger
    logger.setLevel(logging.NOTSET)
    logger.disabled = False
    trunkline.update_logging()


def test_records(
    server: Server, drive: str, level: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    level.setLevel(logging.DEBUG)
    before = time.time()
    with Client(drive=drive) as client:  # type: ignore[arg-type]
        client.get(server.http, auth=("user", "password"))
        with pytest.raises(trunkline.ConnectFailed):
            client.get("http://127.0.0.1:1/")
    flush_log()
    wire = [one.getMessage() for one in caplog.records if one.name == "trunkline.wire"]
    assert "> GET" in wire[0]
    assert "authorization: [masked]" in wire[0]
    assert "200" in wire[1]
    (connected,) = (one for one in caplog.records if one.getMessage().startswith("connected "))
    assert connected.name.startswith("trunkline.")
    assert connected.levelno == logging.INFO
    assert before - 1 < connected.created < time.time() + 1
    assert "protocol=Http1" in connected.getMessage()
    assert any("request failed" in one.getMessage() for one in caplog.records)


def test_the_level_counts(
    server: Server, level: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    level.setLevel(logging.WARNING)
    with Client() as client:
        client.get(server.http)
        flush_log()
        assert not caplog.records
        level.setLevel(logging.DEBUG)
        trunkline.update_logging()
        with pytest.raises(trunkline.ConnectFailed):
            client.get("http://127.0.0.1:1/")
        flush_log()
        assert caplog.records
        caplog.clear()
        level.disabled = True
        trunkline.update_logging()
        with pytest.raises(trunkline.ConnectFailed):
            client.get("http://127.0.0.1:1/")
        flush_log()
        assert not caplog.records


def test_what_is_logged_under_a_lock(
    script: Script, level: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    level.setLevel(logging.DEBUG)
    times = 20
    step = {"expect_request": {"target": "/"}}
    server = script([step, answer(set_cookie="a=1; Domain=elsewhere.org")] * times)
    with Client(drive="threads") as client:
        for _ in range(times):
            exchange = client.submit("GET", server.url)
            while not exchange.is_ended:
                # It wants the jar's lock, with the interpreter in hand.
                assert len(client.cookies) == 0
    flush_log()
    ignored = [one for one in caplog.records if "cookie ignored" in one.getMessage()]
    assert len(ignored) == times


def test_the_end_of_the_process_loses_nothing() -> None:
    program = """
import logging, sys, trunkline
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
try:
    trunkline.get("http://127.0.0.1:1/")
except trunkline.ConnectFailed:
    pass
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert "request failed" in done.stdout
    assert done.stderr == ""
