"""Compares the documents with the code: the tables of errors, limits and options, names of the C ABI, links.

    python tests/docs/check_tables.py

It needs nothing that is built. The last line is `N passed, N failed`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Optional

import options_table

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "us": 0.001, "ms": 1, "s": 1000, "": 1}


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def errors() -> list[str]:
    """The table of errors is what the code says."""
    script = ROOT / "docs" / "generate_errors.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True)
    return [(done.stdout + done.stderr).strip()] if done.returncode else []


def constants() -> dict[str, float]:
    """The limits of the core; times in milliseconds."""
    found = {}
    pattern = r"pub const (\w+): \w+ = (?:Duration::from_(\w+)\()?([\d_* ]+)\)?;"
    for name, unit, value in re.findall(pattern, read("core/src/limits/mod.rs")):
        number = 1
        for factor in value.replace("_", "").split("*"):
            number *= int(factor)
        found[name] = number * {"secs": 1000, "micros": 0.001}.get(unit, 1)
    return found


def told_of(text: str) -> Optional[float]:
    """A value of a table or a comment, times in milliseconds; none is 0."""
    if text in ("none", "2^31-1"):
        return 0 if text == "none" else 2**31 - 1
    value = re.fullmatch(r"(\d+)(?: (\w+))?", text)
    return int(value[1]) * UNITS[value[2] or ""] if value else None


def default_in(comment: str) -> Optional[float]:
    """The default that the comment of a setter tells."""
    text = " ".join(comment.replace(" *", " ").split())
    words = re.search(r"The default is (\w+(?: (?:[KMG]iB|s)\b)?)", text) or re.search(
        r"(\d[\d^-]*),(?: which is)? the default", text
    )
    return told_of(words[1]) if words else None


def limits() -> list[str]:
    """Each limit of the core, each setter and each field of Limits is in the table, with its default."""
    wrong = []
    rows = [
        [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        for line in read("docs/limits.md").splitlines()
        if line.startswith("| ") and not line.startswith(("| limit", "| ---"))
    ]
    told: dict[str, float] = {}
    for row in rows:
        if row[1] and (value := told_of(row[2])) is not None:
            told[row[1]] = value
    for name, default in constants().items():
        if told.get(name) != default:
            wrong.append(f"{name} is {default}, docs/limits.md says {told.get(name)}")
    wrong += [
        f"docs/limits.md has {name}, the core has not" for name in set(told) - set(constants())
    ]
    setters = set(
        re.findall(r"fn trunk_manager_options_set_(\w+)", read("ffi/src/options_limits.rs"))
    )
    named = {row[3] for row in rows if row[3]}
    wrong += [f"docs/limits.md lacks the setter {name}" for name in setters - named]
    header = read("include/trunkline.h")
    wrong += [
        f"there is no setter {n}" for n in named if f"trunk_manager_options_set_{n}(" not in header
    ]
    for row in rows:
        comment = re.search(
            rf"/\*\*((?:(?!\*/).)*)\*/\s*trunk_status trunk_manager_options_set_{row[3]}\(",
            header,
            re.S,
        )
        if row[3] and comment and (said := default_in(comment[1])) != told_of(row[2]):
            wrong.append(
                f"the header says that the default of {row[3]} is {said}, docs/limits.md says {row[2]}"
            )
    body = read("python/python/trunkline/_config.py").split("class Limits")[1].split("def ")[0]
    fields, python = (
        set(re.findall(r"^    (\w+): Optional", body, re.M)),
        {r[4] for r in rows if r[4]},
    )
    wrong += [f"Limits and docs/limits.md differ in {name}" for name in fields ^ python]
    return wrong


def timeouts() -> list[str]:
    """The defaults of the timeouts are those of the options."""
    wrong = []
    body = read("core/src/options/mod.rs").split("impl Default for Timeouts")[1].split("impl ")[0]
    document = read("docs/timeouts.md")
    for name, seconds in re.findall(r"(\w+): (?:Some\(Duration::from_secs\((\d+)\)\)|None)", body):
        default = f"{seconds} s" if seconds else "none"
        if not re.search(rf"^\| `{name}` \|.*\| {default} \|", document, re.M):
            wrong.append(f"docs/timeouts.md: the default of {name} is {default}")
    return wrong


def names() -> list[str]:
    """Each name of the C ABI that a document uses is in the header."""
    header = read("include/trunkline.h")
    known = set(re.findall(r"\b(?:trunk|TRUNK)_\w+", header))
    wrong = []
    for document in DOCUMENTS:
        for name in sorted(
            set(re.findall(r"\b(?:trunk|TRUNK)_\w+", document.read_text(encoding="utf-8")))
        ):
            # A name that ends with an underscore stands for all that begin so.
            if name not in known and not (
                name.endswith("_") and any(k.startswith(name) for k in known)
            ):
                wrong.append(f"{document.relative_to(ROOT)}: the header has no {name}")
    return wrong


def links() -> list[str]:
    """Each link to a file leads to one."""
    wrong = []
    for document in DOCUMENTS:
        for target in re.findall(
            r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")
        ):
            if not (document.parent / target).exists():
                wrong.append(f"{document.relative_to(ROOT)}: there is no {target}")
    return wrong


def imports() -> list[str]:
    """The folders of the core import only what is left of them in ARCHITECTURE.md's line."""
    line = next(
        line for line in read("ARCHITECTURE.md").splitlines() if line.startswith("error limits")
    )
    rank = {name: number for number, group in enumerate(line.split("<-")) for name in group.split()}
    wrong = []
    for file in sorted((ROOT / "core" / "src").rglob("*.rs")):
        folder = file.relative_to(ROOT / "core" / "src").parts[0].removesuffix(".rs")
        if folder == "lib":
            continue
        text = re.sub(r"//.*|#\[cfg\(test\)\].*", "", file.read_text(encoding="utf-8"), flags=re.M)
        if folder not in rank:
            wrong.append(f"ARCHITECTURE.md does not name core/src/{folder}")
            continue
        for used in set(re.findall(r"\bcrate::(\w+)", text)) - {folder}:
            if used in rank and rank[used] > rank[folder]:
                wrong.append(f"{file.relative_to(ROOT)} imports {used}, which is right of {folder}")
    return wrong


def main() -> int:
    checks: list[Callable[[], list[str]]] = [
        errors,
        limits,
        options_table.differences,
        timeouts,
        names,
        links,
        imports,
    ]
    failed = 0
    for check in checks:
        wrong = check()
        failed += bool(wrong)
        print(f"{'failed' if wrong else 'ok'}: {check.__doc__}")
        for what in wrong:
            print("    " + what.replace("\n", "\n    "))
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
