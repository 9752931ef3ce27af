"""The tables on the terminal and the JSON files."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from pathlib import Path

from . import paths
from .chart import chart
from .idle import QUIET
from .summary import Data


def machine() -> Data:
    """What must be alike for two results to be compared."""
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return {"cpu": model, "cpus": os.cpu_count(), "kernel": platform.release()}


def commit() -> str:
    """Which Trunkline was measured; a + says that the tree had changes."""
    command = ["git", "-C", str(paths.ROOT), "describe", "--always", "--dirty=+", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def columns(rows: list[list[str]], head: list[str]) -> str:
    """First column to the left, the others to the right; the last one free."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = []
    for row in [head, *rows]:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines)


def table(job: Data) -> str:
    """One row a program. `x` columns: how many times this program's figure ours is."""
    ours = [row for row in job["programs"] if row["role"] == "ours" and "figure" in row]
    growth = job["unit"] == "KiB"
    head = ["program", job["unit"], "lowest", "highest", "errors", "peak MiB", "CPU µs/request"]
    if growth or job["unit"] == "MiB/s":
        head[-1] = "CPU s"
    if not growth:
        head += [f"{row['name']} is" for row in ours]
    rows, rest = [], []
    for row in job["programs"]:
        if "figure" not in row:
            why = row.get("skipped") or row.get("failed")
            rest.append(f"  {row['name']}: {'skipped' if 'skipped' in row else 'failed'}: {why}")
            continue
        cpu = row.get("cpu_us_per_request")
        if cpu is not None and head[6] == "CPU s":
            cpu /= 1e6
        cells = [row["name"], f"{row['figure']:,.0f}"]
        spread = [row["lowest"], row["highest"]]
        if growth:
            spread = [run["growth_kib"] for run in row["runs"] if "growth_kib" in run]
        cells += [f"{min(spread):,.0f}", f"{max(spread):,.0f}", str(row["errors"])]
        cells += [f"{row['peak_rss_kib'] / 1024:.1f}", "" if cpu is None else f"{cpu:.2f}"]
        if not growth:
            for mine in ours:
                same = mine is row or not row["figure"]
                cells.append("" if same else f"{mine['figure'] / row['figure']:.2f} x")
        rows.append(cells)
    lines = [f"{job['name']}: {job['title']}"]
    if rows:
        lines.append(columns(rows, head))
    noisy = [run for row in job["programs"] for run in row.get("runs", ()) if is_noisy(run)]
    if noisy:
        total = sum(len(row.get("runs", ())) for row in job["programs"])
        rest.append(
            f"  The machine was busy with something else before {len(noisy)} of {total} runs."
        )
    return "\n".join([*lines, *rest]) + "\n"


def is_noisy(run: Data) -> bool:
    return float(run.get("others_cpus", 0)) > QUIET


def goals_table(goals: list[Data]) -> str:
    rows = [
        [goal["job"], goal["ours"], goal["goal"], goal.get("measured", ""), goal["verdict"]]
        for goal in goals
    ]
    return "Goals\n" + columns(rows, ["job", "ours", "goal", "measured", "verdict"])


def merged(path: Path, fresh: Data) -> Data:
    """`fresh` plus the jobs it did not run, when the file there is of the same machine."""
    try:
        old = json.loads(path.read_text())
    except (OSError, ValueError):
        return fresh
    if old.get("machine") != fresh["machine"]:
        return fresh
    jobs = {job["name"]: job for job in old["jobs"]}
    jobs.update({job["name"]: job for job in fresh["jobs"]})
    return {**fresh, "jobs": list(jobs.values())}


def write(result: Data, name: str) -> Path:
    """Writes <name>.json and <name>.svg."""
    paths.RESULTS.mkdir(exist_ok=True)
    path = paths.RESULTS / f"{name}.json"
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    if name == "latest":
        (paths.RESULTS / "latest.svg").write_text(chart(result))
    return path
