"""Runs one program once and turns what it prints into a `Run`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .jobs import Job, Program
from .servers import Urls

SKIP_STATUS = 77  # of a program that cannot run here; its last line on stderr says why
SPARE_SECONDS = 75.0  # a download may take 60


class Skipped(Exception):
    """The program is not there."""


@dataclass
class Run:
    """One run of one program. `failure` is set when it gave no figure."""

    client: str = ""
    rate: float = 0.0
    requests: int = 0
    seconds: float = 0.0
    errors: int = 0
    peak_rss_kib: int = 0
    bytes: int = 0
    failure: str = ""
    more: dict[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        values = asdict(self)
        values.update(values.pop("more"))
        if not values["failure"]:
            del values["failure"]
        return values


def execute(job: Job, program: Program, urls: Urls, seconds: float, cpus: set[int]) -> Run:
    command = program.command(urls, seconds)
    check(command)
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            preexec_fn=lambda: os.sched_setaffinity(0, cpus),
        )
        try:
            peak = wait(process, seconds + SPARE_SECONDS)
        except BaseException:
            process.kill()
            process.wait()
            raise
        out.seek(0)
        err.seek(0)
        output, errors = out.read(), err.read().strip().splitlines()
    why = errors[-1] if errors else "no message"
    if process.returncode == SKIP_STATUS:
        raise Skipped(why)
    if process.returncode != 0:
        return Run(failure=f"status {process.returncode}: {why}")
    try:
        run = PARSERS[program.parser](output)
    except (ValueError, TypeError, AttributeError, IndexError) as error:
        return Run(failure=f"cannot read its output: {error}")
    run.peak_rss_kib = run.peak_rss_kib or peak
    return run


def check(command: list[str]) -> None:
    """Raises Skipped when the program, or the script it should run, does not exist."""
    if shutil.which(command[0]) is None:
        raise Skipped(f"{Path(command[0]).name} is not there")
    if command[1:] and command[1].endswith(".py") and not Path(command[1]).exists():
        raise Skipped(f"{Path(command[1]).name} is not there")


def wait(process: subprocess.Popen[bytes], timeout: float) -> int:
    """Waits for the end and returns the highest VmHWM seen, in KiB."""
    peak = 0
    deadline = time.monotonic() + timeout
    while process.poll() is None:
        if time.monotonic() > deadline:
            process.kill()
            process.wait()
            break
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            status = ""
        found = re.search(r"^VmHWM:\s+(\d+)", status, re.MULTILINE)
        peak = max(peak, int(found.group(1)) if found else 0)
        time.sleep(0.1)
    return peak


def parse_json(output: str) -> Run:
    values = json.loads(output.strip().splitlines()[-1])
    names = ("client", "rate", "requests", "seconds", "errors", "peak_rss_kib", "bytes")
    known = {name: values.pop(name) for name in names}
    return Run(**known, more=values)


def number(pattern: str, output: str, otherwise: float | None = None) -> float:
    found = re.search(pattern, output)
    if found is None:
        if otherwise is None:
            raise ValueError(f"no {pattern!r}")
        return otherwise
    return float(found.group(1))


def parse_wrk(output: str) -> Run:
    errors = number(r"Non-2xx or 3xx responses: (\d+)", output, 0)
    found = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output
    )
    errors += sum(map(int, found.groups())) if found else 0
    return Run(
        client="wrk",
        rate=number(r"Requests/sec:\s+([\d.]+)", output),
        requests=int(number(r"(\d+) requests in", output)),
        seconds=number(r"requests in ([\d.]+)s", output),
        errors=int(errors),
    )


def parse_h2load(output: str) -> Run:
    # "finished in" counts the warm-up too, the rate does not.
    rate = number(r"finished in [\d.]+\w+, ([\d.]+) req/s", output)
    requests = int(number(r"(\d+) succeeded", output))
    return Run(
        client="h2load",
        rate=rate,
        requests=requests,
        seconds=requests / rate if rate else 0.0,
        errors=int(number(r"(\d+) failed", output) + number(r"(\d+) errored", output)),
    )


PARSERS: dict[str, Callable[[str], Run]] = {
    "json": parse_json,
    "wrk": parse_wrk,
    "h2load": parse_h2load,
}
