"""How busy the machine is with other things, and waiting until it is not."""

from __future__ import annotations

import time
from pathlib import Path

SAMPLE = 0.2
QUIET = 0.15  # of one CPU


def ticks() -> tuple[int, int]:
    """All ticks of all CPUs since the start, and those in which one was busy."""
    fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = fields[3] + fields[4]
    return sum(fields), sum(fields) - idle


def busy(cpus: int) -> float:
    """How many CPUs are busy just now."""
    total, used = ticks()
    time.sleep(SAMPLE)
    later, used_later = ticks()
    return cpus * (used_later - used) / max(1, later - total)


def settle(cpus: int, patience: float) -> float:
    """Waits up to `patience` seconds for a quiet moment. Returns how many CPUs others keep busy."""
    deadline = time.monotonic() + patience
    others = busy(cpus)
    while others > QUIET and time.monotonic() < deadline:
        time.sleep(0.5)
        others = busy(cpus)
    return others
