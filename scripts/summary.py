"""Sums what the suites of a run printed; its last line is `N passed, N failed, N skipped`.

Reads the folder that scripts/test.sh fills: for each target a `.log` with what it printed and a `.status` with its exit
status and seconds. A target that failed without a failed test to show for it counts as one failure. Exits with 1 if
anything failed.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
CARGO = re.compile(r"test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;")
PYTEST = re.compile(r"=*\s*((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s(?: \([\d:]+\))?\s*=*")
PLAIN = re.compile(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?")

PYTEST_WORDS = {
    "passed": "passed",
    "xfailed": "passed",
    "failed": "failed",
    "xpassed": "failed",
    "error": "failed",
    "errors": "failed",
    "skipped": "skipped",
}


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other: Counts) -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def counts_of_line(line: str) -> Counts | None:
    """The counts in a suite's closing line; None for any other line."""
    line = ESCAPES.sub("", line).strip()
    if match := CARGO.match(line) or PLAIN.fullmatch(line):
        return Counts(*(int(group or 0) for group in match.groups()))
    if match := PYTEST.fullmatch(line):
        counts = Counts()
        for number, word in re.findall(r"(\d+) ([a-z]+)", match[1]):
            if field := PYTEST_WORDS.get(word):
                setattr(counts, field, getattr(counts, field) + int(number))
        return counts
    return None


def counts_of_log(text: str) -> Counts:
    total = Counts()
    for line in text.splitlines():
        if counts := counts_of_line(line):
            total.add(counts)
    return total


def main(folder: Path) -> int:
    total = Counts()
    for log in sorted(folder.glob("*.log")):
        counts = counts_of_log(log.read_text(encoding="utf-8", errors="replace"))
        status_file = log.with_suffix(".status")
        status, seconds = status_file.read_text().split() if status_file.exists() else ("1", "?")
        if status != "0" and counts.failed == 0:
            counts.failed = 1
        total.add(counts)
        name = log.stem.split("-", 1)[1]
        outcome = "FAILED" if counts.failed else "ok"
        print(f"{name:<22} {outcome:<7} {seconds:>5} s   {counts}")
    print(total)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "target/test-logs")))
