"""The examples of a document: its fenced blocks, and the cells of tables whose rows run; see run_examples.py."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from rows import COLUMNS, row_source

ROOT = Path(__file__).resolve().parents[2]
SHELL_CALL = re.compile(r"(python -m trunkline|printf|echo) ")


@dataclass
class Block:
    """A fenced block of a document."""

    file: Path
    line: int
    language: str
    text: str
    left_out: bool
    output: Optional[str] = None

    @property
    def place(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}"


def blocks(file: Path) -> Iterator[Block]:
    """The fenced blocks of a document; a `text` block right after another is its output."""
    lines = file.read_text(encoding="utf-8").splitlines()
    former: Optional[Block] = None
    index = 0
    while index < len(lines):
        if lines[index].strip() == "<!-- rows run -->":
            yield from cells(file, lines, index + 1)
        if not lines[index].startswith("```"):
            if lines[index].strip():
                former = None
            index += 1
            continue
        start = index
        index += 1
        while index < len(lines) and lines[index] != "```":
            index += 1
        block = Block(
            file,
            start + 1,
            lines[start][3:].strip(),
            "\n".join(lines[start + 1 : index]) + "\n",
            start > 0 and lines[start - 1].strip() == "<!-- not run -->",
        )
        if block.language == "text" and former is not None:
            former.output = block.text
        former = block
        yield block
        index += 1


def cells(file: Path, lines: list[str], index: int) -> Iterator[Block]:
    """The examples in a table, whose head is at `index`."""
    heads = [head.strip() for head in lines[index].strip("|").split("|")]
    for number in range(index + 2, len(lines)):
        if not lines[number].startswith("|"):
            return
        for head, cell in zip(heads, lines[number].strip("|").split("|")):
            code = "; ".join(re.findall(r"`([^`]+)`", cell))
            if head in COLUMNS and code:
                text = row_source(COLUMNS[head], code)
                yield Block(file, number + 1, COLUMNS[head], text, False)


def is_example(block: Block) -> bool:
    if block.language in ("python", "c", "ocaml"):
        return True
    lines = block.text.replace("\\\n", " ").splitlines()
    return block.language == "sh" and all(SHELL_CALL.match(line) for line in lines if line)
