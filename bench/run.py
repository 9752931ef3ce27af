#!/usr/bin/env python3
"""Runs Trunkline and its peers side by side: `python3 bench/run.py --help`. `bench/setup.sh` comes first."""

from __future__ import annotations

import argparse
import fnmatch
import os
import signal
import sys
from datetime import datetime, timezone
from typing import Any

from harness import paths
from harness.execute import Run, Skipped, execute
from harness.idle import settle
from harness.jobs import GOALS, JOBS, Job
from harness.report import commit, goals_table, machine, merged, table, write
from harness.servers import Servers, SetupError, Urls, warm_download
from harness.summary import Data, judge, summarize


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", default="*", help="names or patterns, by comma: c-*,ws-256-1")
    parser.add_argument("--clients", default="*", help="programs, likewise: trunkline*,libcurl*")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each program (default 5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="measured time of a run")
    parser.add_argument("--quick", action="store_true", help="1 round of 0.5 s, nothing written")
    parser.add_argument("--no-write", action="store_true", help="leave bench/results alone")
    parser.add_argument(
        "--patience", type=float, default=0.0, help="seconds to wait, before a run, for others"
    )
    parser.add_argument("--check", action="store_true", help="status 1 unless every goal is met")
    parser.add_argument("--list", action="store_true", help="name the jobs and end")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.seconds, arguments.no_write = 1, 0.5, True
    if arguments.rounds < 1 or not 0 < arguments.seconds <= 60:
        parser.error("--rounds must be at least 1 and --seconds between 0 and 60")
    return arguments


def chosen(name: str, patterns: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern.strip()) for pattern in patterns.split(","))


def placement(job: Job) -> tuple[set[int], set[int]]:
    """CPUs of the servers and of the client."""
    cpus = os.sched_getaffinity(0)
    if not job.apart or len(cpus) < 2:
        return cpus, cpus
    server = {max(cpus)}
    return server, cpus - server


def run_job(job: Job, arguments: argparse.Namespace, servers: Servers, urls: Urls) -> Data:
    """Rounds interleaved: every program once, then every program again."""
    server_cpus, client_cpus = placement(job)
    servers.pin(server_cpus)
    programs = [p for p in job.programs if chosen(p.name, arguments.clients)]
    runs: dict[str, list[Run]] = {program.name: [] for program in programs}
    skipped: dict[str, str] = {}
    for turn in range(arguments.rounds):
        for program in programs:
            if program.name in skipped:
                continue
            note = f"{job.name}: round {turn + 1} of {arguments.rounds}: {program.name}"
            if sys.stderr.isatty():
                print(f"\r\033[K{note}", end="", file=sys.stderr, flush=True)
            if job.download:
                warm_download()
            others = settle(os.cpu_count() or 1, arguments.patience)
            try:
                run = execute(job, program, urls, arguments.seconds, client_cpus)
                run.more["others_cpus"] = round(others, 2)
            except Skipped as why:
                skipped[program.name] = str(why)
                continue
            runs[program.name].append(run)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    return {
        "name": job.name,
        "title": job.title,
        "unit": job.unit,
        "apart": job.apart,
        "measured": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit(),
        "rounds": arguments.rounds,
        "seconds": arguments.seconds,
        "programs": [
            summarize(job, program, runs[program.name], skipped.get(program.name, ""))
            for program in programs
        ],
    }


def main() -> int:
    arguments = parse()
    jobs = [job for job in JOBS if chosen(job.name, arguments.jobs)]
    if arguments.list:
        for job in jobs:
            print(f"{job.name:18} {job.title}")
        return 0
    if not jobs:
        print(f"no job is called {arguments.jobs}; see --list", file=sys.stderr)
        return 2
    # A TERM ends the servers too: as an exception it passes their context manager.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    done: list[Data] = []
    try:
        with Servers() as (own, urls):
            for job in jobs:
                done.append(run_job(job, arguments, own, urls))
                print(table(done[-1]), flush=True)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted, nothing is written", file=sys.stderr)
        return 130

    today = datetime.now(timezone.utc).date().isoformat()
    fresh: Data = {"date": today, "machine": machine(), "jobs": done}
    names = {job.name for job in jobs}
    print(goals_table([judge(goal, done) for goal in GOALS if goal.job in names]))
    if not arguments.no_write:
        save(fresh, today)
    return status(arguments, done, names)


def save(fresh: Data, today: str) -> None:
    for name in (today, "latest"):
        result: dict[str, Any] = merged(paths.RESULTS / f"{name}.json", fresh)
        order = [job.name for job in JOBS]
        titles = {job.name: job.title for job in JOBS}
        result["jobs"] = sorted(
            (job for job in result["jobs"] if job["name"] in order),
            key=lambda job: order.index(job["name"]),
        )
        for job in result["jobs"]:
            job["title"] = titles[job["name"]]
        result["goals"] = [judge(goal, result["jobs"]) for goal in GOALS]
        print(f"wrote {write(result, name).relative_to(paths.ROOT)}")


def status(arguments: argparse.Namespace, done: list[Data], names: set[str]) -> int:
    """1 when a program failed or counted errors, or with --check when a goal is not met."""
    broken = [row for job in done for row in job["programs"] if row.get("errors")]
    goals = [judge(goal, done)["verdict"] for goal in GOALS if goal.job in names]
    return int(bool(broken) or (arguments.check and any(verdict != "met" for verdict in goals)))


if __name__ == "__main__":
    sys.exit(main())
