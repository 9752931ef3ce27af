"""Compares docs/options.md with the code: each option has a row, and what a row names exists."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "options.md"
#: Where a `FILE::function` of the column of tests may be.
TESTS = ("core/src", "core/tests", "ffi/src", "ffi/tests", "tests/c", "tests/python")
#: What takes the options of a client and of a request in Python.
CLIENT = ("ClientOptions", "PolicyOptions")
REQUEST = (
    "RequestOptions",
    "AsyncRequestOptions",
    "CommonOptions",
    "PolicyOptions",
    "OpenOptions",
    "WebSocketOptions",
)
#: Classes whose objects are the value of one option.
OBJECTS = ("Limits", "Timeout", "Deflate", "Reconnect")


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def rows() -> Iterator[tuple[str, list[str], list[str]]]:
    """The heading over each row of the tables, what the setters of its table begin with, its cells."""
    heading, beginnings = "", list[str]()
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading = line[3:]
        if not line.startswith("| ") or line.startswith("| ---"):
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] == "option":
            beginnings = [name.removesuffix("…") for name in names(cells[3])]
        else:
            yield heading, beginnings, cells


def rust_options() -> set[str]:
    """Fields of the types that hold options, and what is set on a request."""
    found = set()
    for file in (ROOT / "core" / "src" / "options").rglob("*.rs"):
        text = file.read_text(encoding="utf-8")
        for kind, body in re.findall(
            r"pub struct (Timeouts|WebSocketDeflate|WebSocketReconnect|\w+Options) \{(.*?)\n\}",
            text,
            re.S,
        ):
            found |= {f"{kind}::{name}" for name in re.findall(r"^    pub (\w+):", body, re.M)}
        policy = re.search(r"^policy! \{(.*?)\n\}", text, re.S | re.M)
        if policy:
            found |= {f"Policy::{name}" for name in re.findall(r"^    (\w+):", policy[1], re.M)}
    for file in (ROOT / "core" / "src" / "request").rglob("*.rs"):
        for body in re.findall(r"^impl Request \{(.*?)^\}", file.read_text("utf-8"), re.S | re.M):
            setters = re.findall(r"    pub fn (\w+)(?:<[^>]*>)?\(\s*&mut self", body)
            found |= {f"Request::{name}" for name in setters}
    return found


def python_options() -> dict[str, set[str]]:
    """The fields of each class that holds options, and the named arguments of Timeout."""
    files = ("_config.py", "_options.py", "_websocket_options.py")
    tree = ast.parse("".join(read(f"python/python/trunkline/{file}") for file in files))
    found = {
        node.name: {
            field.target.id
            for field in node.body
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        }
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }
    timeout = (
        read("python/python/trunkline/_native.pyi").split("class Timeout:")[1].split(") ->")[0]
    )
    found["Timeout"] = set(re.findall(r"^        (\w+): Optional\[float\] = ...,$", timeout, re.M))
    found["Timeout"].discard("every")
    return found


def tests() -> tuple[set[str], dict[str, str]]:
    """The names of all cases, and the text of each file of tests."""
    cases = {
        case["name"]
        for file in (ROOT / "tests" / "cases").glob("*.json")
        for case in json.loads(file.read_text(encoding="utf-8"))["cases"]
    }
    files: dict[str, str] = {}
    for folder in TESTS:
        for file in (ROOT / folder).rglob("*"):
            if file.suffix in (".rs", ".c", ".py"):
                text = file.read_text(encoding="utf-8")
                files[file.name] = files.get(file.name, "") + text
    return cases, files


def defines(text: str, function: str) -> bool:
    return bool(
        re.search(rf"\b(?:fn|def) {function}\(|^(?:static )?\w+ \*?{function}\(", text, re.M)
    )


def differences() -> list[str]:
    """Each option has a row in docs/options.md, and what the rows name exists."""
    wrong: list[str] = []
    rust, python, (cases, files) = rust_options(), python_options(), tests()
    header = set(re.findall(r"\b(trunk_\w+)\(", read("include/trunkline.h")))
    seen: set[str] = set()
    for heading, beginnings, cells in rows():
        place = f"docs/options.md, {heading}, {cells[0]}"
        if len(cells) != 7:
            wrong.append(f"{place}: {len(cells)} cells")
            continue
        _, _, _, c, in_python, in_rust, test = cells
        for setter in (beginning + name for name in names(c) for beginning in beginnings):
            seen.add(setter)
            if setter not in header:
                wrong.append(f"{place}: the header has no {setter}")
        for name in names(in_python):
            kinds = REQUEST if heading == "Of a request" else CLIENT
            fields = [f"{kind}.{name}" for kind in kinds if name in python.get(kind, ())]
            if heading.startswith("Of both: what"):
                fields += [f"{kind}.{name}" for kind in REQUEST if name in python.get(kind, ())]
            kind, dot, field = name.partition(".")
            if dot and field in python.get(kind, ()):
                fields = [name]
            seen |= set(fields)
            if not fields:
                wrong.append(f"{place}: Python has no {name}")
        for name in names(in_rust):
            seen.add(name)
            if name not in rust:
                wrong.append(f"{place}: the core has no {name}")
        for name in names(test):
            file, colons, function = name.partition("::")
            if name not in cases and not (colons and defines(files.get(file, ""), function)):
                wrong.append(f"{place}: there is no test {name}")
    setters = {
        name for name in header if re.match(r"trunk_(manager|request)_options_(?!new$|free$)", name)
    }
    classes = {*CLIENT, *REQUEST, *OBJECTS}
    arguments = {f"{kind}.{name}" for kind in classes for name in python.get(kind, ())}
    lacking = sorted((rust | setters | arguments) - seen)
    wrong += [f"docs/options.md lacks {name}" for name in lacking]
    return wrong


def without_test() -> list[str]:
    """The options whose rows name no test."""
    return [f"{heading}: {cells[0]}" for heading, _, cells in rows() if not names(cells[-1])]
