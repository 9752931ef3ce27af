"""Runs the cases that all languages share (tests/cases), by blocking calls and from asyncio."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import ROOT, running

import trunkline
from trunkline._native import Manager

CASES = Path(os.environ.get("TRUNKLINE_TEST_CASES", str(ROOT / "tests/cases")))
Case = dict[str, Any]
Parts = list[dict[str, Any]]


def load() -> list[Case]:
    files = sorted(CASES.glob("*.json"))
    return [case for file in files for case in json.loads(file.read_text())["cases"]]


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, Any]]:
    with running("cases", str(CASES)) as at:
        yield at


def octets(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if "hex" in value:
        return bytes.fromhex(value["hex"])
    if "base64" in value:
        return base64.b64decode(value["base64"])
    if "repeat" in value:
        return octets(value["repeat"]) * int(value["count"])
    return b"".join(octets(piece) for piece in value["cat"])


def control(ports: dict[str, Any], method: str, path: str) -> bytes:
    url = f"http://127.0.0.1:{ports['control']}/{path}"
    with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30) as answer:
        body: bytes = answer.read()
        return body


def options(given: Case) -> Case:
    """Options of a case by the names and in the units of Python."""
    given = dict(given)
    for name in ("retry_delay", "expect_continue"):
        if name in given:
            given[name] /= 1000
    for kind in ("basic", "digest", "bearer"):
        if f"auth_{kind}" in given:
            value = given.pop(f"auth_{kind}")
            given["auth"] = (kind, *([value] if isinstance(value, str) else value))
    if "auth_literal" in given:
        given["auth"] = given.pop("auth_literal")
    if "auth_aws_sigv4" in given:
        key, secret, token, service, region = given.pop("auth_aws_sigv4")
        payload = given.pop("aws_sigv4_payload", "signed")
        date = float(given.pop("aws_sigv4_date"))
        given["auth"] = ("aws_sigv4", key, secret, service, region, token or None, date, payload)
    if "auth_netrc" in given:
        given["auth"] = ("netrc", str(CASES / given.pop("auth_netrc")))
    if "auth_callback" in given:
        # Clients ask a function themselves, and hand its answer to the native half, which is played here.
        given["auth"] = options(given.pop("auth_callback"))["auth"]
    return given


def arguments(case: Case, request: Case, port: int) -> tuple[Any, ...]:
    scheme = "ws" if case["protocol"].startswith("websocket") else "http"
    extra = options(request.get("options", {}))
    if case["protocol"] != "websocket":
        extra["http_versions"] = case["protocol"].removeprefix("websocket_")
    if "body_chunks" in request:
        extra["streamed"] = None
    return (
        request.get("method", "GET"),
        f"{scheme}://127.0.0.1:{port}{request.get('path', '/')}",
        [tuple(field) for field in request.get("headers", [])],
        octets(request["body"]) if "body" in request else None,
        None,
        extra,
    )


def frame(sent: Case) -> tuple[str, bytes, Any]:
    ((kind, payload),) = sent.items()
    if kind == "close":
        return kind, payload[1].encode() if len(payload) > 1 else b"", payload[0]
    return kind, octets(payload), None


def note(parts: Parts, part: Any) -> bool:
    """Writes a part down as the cases do; true for the last."""
    if isinstance(part, trunkline.Head):
        kind = "informational" if part.informational else "head"
        parts.append({kind: part.status_code, "headers": part.headers})
    elif isinstance(part, trunkline.Redirect):
        led = urlsplit(part.next_url)
        url = led.path + (f"?{led.query}" if led.query else "")
        parts.append({"redirect": part.status_code, "url": url, "headers": part.headers})
    elif isinstance(part, trunkline.Data):
        if parts and "data" in parts[-1]:
            parts[-1]["data"] += part.data
        else:
            parts.append({"data": part.data})
    elif isinstance(part, trunkline.Trailers):
        parts.append({"trailers": part.headers})
    elif isinstance(part, trunkline.Frame):
        parts.append({"frame": part})
    elif isinstance(part, trunkline.Error):
        parts.append({"error": part.name})
    else:
        assert isinstance(part, trunkline.Done)
        parts.append({"done": True})
    return "done" in parts[-1] or "error" in parts[-1]


def is_due(request: Case, part: Any) -> bool:
    """Whether the runner is to cancel having seen this part."""
    after = request.get("cancel_after")
    if after == "head":
        return isinstance(part, trunkline.Head) and not part.informational
    return after == "data" and isinstance(part, trunkline.Data)


def check_fields(expected: dict[str, Any], got: trunkline.Headers) -> None:
    for name, value in expected.items():
        assert got.get(name) == value, name


def check_frame(expected: Case, got: trunkline.Frame) -> None:
    kind, payload, code = frame(expected)
    assert got.kind == kind
    if kind == "close":
        assert got.code == code
        assert got.payload.encode() == payload or not payload
    else:
        assert (got.payload.encode() if kind == "text" else got.payload) == payload


def check(expected: Parts, got: Parts) -> None:
    left = list(got)
    for want in expected:
        if "data_any" in want:
            if left and "data" in left[0]:
                left.pop(0)
            continue
        if "data" in want and octets(want["data"]) == b"" and not (left and "data" in left[0]):
            continue
        assert left, f"nothing delivered where {want} is expected"
        part = left.pop(0)
        (kind, value) = next(iter(want.items()))
        assert kind in part, f"expected {want}, got {part} of {got}"
        if kind == "data":
            assert part["data"] == octets(value)
        elif kind == "trailers":
            check_fields(value, part["trailers"])
        elif kind == "frame":
            check_frame(value, part["frame"])
        elif kind == "error":
            assert part["error"] in ([value] if isinstance(value, str) else value)
        else:
            assert part[kind] == value
            if kind == "redirect":
                assert part["url"] == want["url"]
            check_fields(want.get("headers", {}), part.get("headers", trunkline.Headers()))
    assert not left, f"delivered and not expected: {left}"


class Blocking:
    """One request, by blocking calls."""

    def __init__(self, manager: Manager, case: Case, request: Case, port: int) -> None:
        self.request = request
        self.parts: Parts = []
        try:
            self.exchange = manager.open(*arguments(case, request, port))
        except trunkline.Error as error:
            note(self.parts, error)
            return
        if request.get("cancel_after") == "submit":
            self.exchange.cancel()
        if "body_chunks" in request:
            try:
                for piece in request["body_chunks"]:
                    self.exchange.write(octets(piece))
                self.exchange.finish(request.get("trailers"))
            except trunkline.StateError:
                pass  # the parts tell

    def finish(self) -> Parts:
        while not (self.parts and ("done" in self.parts[-1] or "error" in self.parts[-1])):
            try:
                part: Any = self.exchange.recv()
            except trunkline.Error as error:
                part = error
            note(self.parts, part)
            if is_due(self.request, part):
                self.exchange.cancel()
            if isinstance(part, trunkline.Head) and part.status_code in (101, 200):
                for sent in self.request.get("send", []):
                    try:
                        self.exchange.send_frame(*frame(sent))
                    except trunkline.StateError:
                        break
        with pytest.raises(trunkline.EndOfParts):
            self.exchange.recv()
        return self.parts


async def run_async(manager: Manager, case: Case, request: Case, port: int) -> Parts:
    parts: Parts = []
    exchange = manager.open_async(*arguments(case, request, port))
    if request.get("cancel_after") == "submit":
        exchange.cancel()
    if "body_chunks" in request:
        try:
            for piece in request["body_chunks"]:
                await exchange.write(octets(piece))
            exchange.finish(request.get("trailers"))
        except trunkline.StateError:
            pass  # the parts tell
    last = False
    while not last:
        part: Any
        try:
            part = await exchange.recv()
        except trunkline.Error as error:
            part = error
        last = note(parts, part)
        if is_due(request, part):
            exchange.cancel()
        if isinstance(part, trunkline.Head) and part.status_code in (101, 200):
            for sent in request.get("send", []):
                try:
                    await exchange.send_frame(*frame(sent))
                except trunkline.StateError:
                    break
    with pytest.raises(trunkline.EndOfParts):
        await exchange.recv()
    return parts


def play_blocking(case: Case, ports: dict[str, Any], drive: str) -> tuple[list[Parts], bytes]:
    manager = Manager(None, drive=drive, **options(case.get("manager", {})))
    port = ports["cases"][case["name"]]
    try:
        if case.get("mode") == "concurrent":
            running = [Blocking(manager, case, request, port) for request in case["requests"]]
            got = [one.finish() for one in running]
        else:
            got = [Blocking(manager, case, request, port).finish() for request in case["requests"]]
        with ThreadPoolExecutor(1) as pool:
            verdict = pool.submit(control, ports, "GET", f"verdict/{case['name']}")
            while not verdict.done():
                manager.turn(0.01)  # what an idle connection does, it does while a call runs
        return got, verdict.result()
    finally:
        manager.close()


async def play_async(case: Case, ports: dict[str, Any], drive: str) -> tuple[list[Parts], bytes]:
    manager = Manager(None, drive=drive, **options(case.get("manager", {})))
    port = ports["cases"][case["name"]]
    try:
        runs = (run_async(manager, case, request, port) for request in case["requests"])
        if case.get("mode") == "concurrent":
            got = list(await asyncio.gather(*runs))
        else:
            got = [await run for run in runs]
        verdict = await asyncio.to_thread(control, ports, "GET", f"verdict/{case['name']}")
        return got, verdict
    finally:
        ended = manager.close_async()
        if ended is not None:
            await ended


@pytest.mark.parametrize("drive", ["inline", "threads"])
@pytest.mark.parametrize("mode", ["blocking", "asyncio"])
@pytest.mark.parametrize("case", load(), ids=lambda case: case["name"])
def test_case(case: Case, mode: str, drive: str, ports: dict[str, Any]) -> None:
    control(ports, "POST", f"reset/{case['name']}")
    if mode == "blocking":
        got, verdict = play_blocking(case, ports, drive)
    else:
        got, verdict = asyncio.run(play_async(case, ports, drive))
    for request, parts in zip(case["requests"], got):
        check(request["parts"], parts)
    assert json.loads(verdict) == {"ok": True}
