"""From the runs of a job to its figures and to the verdict on each goal. Everything here is plain JSON data."""

from __future__ import annotations

from statistics import median
from typing import Any

from .execute import Run
from .jobs import Goal, Job, Program

Data = dict[str, Any]


def summarize(job: Job, program: Program, runs: list[Run], skipped: str) -> Data:
    """The figure is the median of the runs, memory and errors are the worst of them."""
    summary: Data = {"name": program.name, "role": program.role}
    if skipped:
        return {**summary, "skipped": skipped}
    good = [run for run in runs if not run.failure]
    summary["runs"] = [run.plain() for run in runs]
    summary["errors"] = sum(run.errors for run in good) + len(runs) - len(good)
    if not good:
        return {**summary, "failed": runs[0].failure if runs else "no run"}
    rates = [run.rate for run in good]
    summary["client"] = good[0].client
    summary["rate"] = median(rates)
    summary["lowest"], summary["highest"] = min(rates), max(rates)
    summary["peak_rss_kib"] = max(run.peak_rss_kib for run in good)
    cpu = [
        run.more["cpu_seconds"] / run.requests * 1e6
        for run in good
        if "cpu_seconds" in run.more and run.requests
    ]
    if cpu:
        summary["cpu_us_per_request"] = median(cpu)
    growth = [run.more["growth_kib"] for run in good if "growth_kib" in run.more]
    if growth:
        summary["growth_kib"] = max(growth)
    summary["figure"] = summary.get(job.figure, 0)
    return summary


def find(jobs: list[Data], job: str, program: str) -> Data | None:
    """The summary of a program that has a figure."""
    for candidate in jobs:
        if candidate["name"] == job:
            for summary in candidate["programs"]:
                if summary["name"] == program and "figure" in summary:
                    found: Data = summary
                    return found
    return None


def judge(goal: Goal, jobs: list[Data]) -> Data:
    """met, not met, or not measured."""
    verdict: Data = {"job": goal.job, "ours": " or ".join(goal.ours)}
    if goal.peer:
        verdict["goal"] = f">= {goal.least:g} x {goal.peer}"
    elif goal.most_kib:
        verdict["goal"] = f"growth < {goal.most_kib // 1024} MiB"
    else:
        verdict["goal"] = f">= {goal.least:.0f}/s"
    ours = [found for name in goal.ours if (found := find(jobs, goal.job, name))]
    peer = find(jobs, goal.job, goal.peer) if goal.peer else None
    if not ours or (goal.peer and (peer is None or not peer["figure"])):
        return {**verdict, "verdict": "not measured"}
    if goal.most_kib:
        best = min(ours, key=lambda summary: float(summary["figure"]))
        verdict["measured"] = f"{best['figure'] / 1024:.1f} MiB"
        met = best["figure"] < goal.most_kib
    elif peer is None:
        best = max(ours, key=lambda summary: float(summary["figure"]))
        verdict["measured"] = f"{best['figure']:.0f}/s"
        met = best["figure"] >= goal.least
    else:
        best = max(ours, key=lambda summary: float(summary["figure"]))
        ratio = best["figure"] / peer["figure"]
        verdict["ratio"] = ratio
        verdict["measured"] = f"{ratio:.2f} x ({best['name']})"
        met = ratio >= goal.least
    if best["errors"]:
        return {**verdict, "verdict": f"not met: {best['errors']} errors"}
    return {**verdict, "verdict": "met" if met else "not met"}
