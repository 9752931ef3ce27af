"""Runs every example of the documentation against the embedded test server.

    python tests/docs/run_examples.py [--list] [--only TEXT]

It needs the library and the test server (`make lib`), the OCaml libraries (`make ocaml-installed`) and the module `trunkline` in the Python that runs it.

In README.md and docs/*.md a block is an example by its language:

`python`   a program of its own. A line `NAME.py` given as `sys.argv[1]` is the URL of the echo WebSocket.
`c`        with `main`: a program of its own. With `#include` but without `main`: a beginning, put before each later
           block of the file that includes nothing. With neither: statements, run inside `main` with a `manager`.
`ocaml`    a program of its own, built against the libraries that `make ocaml-installed` lays down.
`sh`       run where every line is a call of `python -m trunkline`, `printf` or `echo`; other shell blocks are not
           examples of the library.
`text`     right after an example: what it prints on its standard output. `…` stands for anything within a line.

A comment `<!-- not run -->` in the line before a block leaves it out, and counts as skipped.

After a comment `<!-- rows run -->` the cells of a table are examples, in the columns headed

`Trunkline C`        calls that answer a status. They are given `options` of a manager and the options `request` of a GET of
                     https://example.org/, unless the cell makes that itself, before the request is sent. What has `part`
                     in it is evaluated for each part. The request must end well.
`Trunkline command`  a line for the shell.
`Trunkline Python`   statements, given a `client`.

The examples ask https://example.org (also http, ws and wss): here that name stands for the test server, whose
certificates `SSL_CERT_FILE` makes the platform's trusted ones. http://example.net stands for the server of `peer.py`, and
http://proxy.example.net:8080 for the same as a proxy. The last line is `N passed, N failed, N skipped`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Optional

import peer
from blocks import Block, blocks, is_example

ROOT = Path(__file__).resolve().parents[2]
RELEASE = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "release"
SERVER = os.environ.get("TRUNKLINE_TEST_SERVER") or str(RELEASE / "trunkline-test-server")
OCAML = RELEASE.parent / "ocaml-installed" / "lib"
OCAML_PROJECT = """
(executable (name main) (libraries trunkline trunkline-lwt lwt lwt.unix unix))
"""
SECONDS = 60
C_FLAGS = ["-std=gnu11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-pthread"]
STATEMENTS = """
int main(void)
{{
    trunk_manager *manager;
    try(trunk_manager_new(NULL, &manager));
    {{
{body}
    }}
    try(trunk_manager_free(manager));
    return 0;
}}
"""


def matches(expected: str, printed: str) -> bool:
    """Whether a program printed what its document says."""
    pattern = "[^\n]*".join(re.escape(piece) for piece in expected.strip().split("…"))
    return re.fullmatch(pattern, printed.strip()) is not None


class Runner:
    """Builds and runs examples in a folder of their own."""

    def __init__(self, folder: Path, places: dict[str, object], peer_port: int) -> None:
        self._folder = folder
        self._places = places
        self._peer = peer_port
        self._number = 0
        self._beginnings: dict[Path, str] = {}
        self._environment = {**os.environ, "SSL_CERT_FILE": str(places["ca"])}
        python = folder / "bin"
        python.mkdir()
        (python / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (python / "python").chmod(0o755)
        self._environment["PATH"] = f"{python}{os.pathsep}{os.environ['PATH']}"
        library = RELEASE / "libtrunkline.so"
        for name in ("libtrunkline.so", "libtrunkline.so.0"):
            (folder / name).symlink_to(library)

    def _here(self, text: str) -> str:
        """The text with the test server in the place of example.org."""

        def host(found: re.Match[str]) -> str:
            scheme, user, name = found[1], found[2] or "", found[3]
            if name == "net":
                return f"{scheme}://{user}localhost:{self._peer}"
            place = "https" if scheme in ("https", "wss") else "http"
            return f"{scheme}://{user}localhost:{self._places[place]}"

        text = text.replace("http://proxy.example.net:8080", f"http://localhost:{self._peer}")
        text = re.sub(r"\b(https?|wss?)://([^/@\s]*@)?example\.(org|net)\b", host, text)
        text = text.replace("/path/to/ca.pem", str(self._places["ca"]))
        text = text.replace("/path/to/client.pem", str(self._places["client_cert"]))
        text = text.replace("/path/to/client.key", str(self._places["client_key"]))
        text = text.replace("https://mtls.example.org", f"https://localhost:{self._places['mtls']}")
        return text.replace("/path/to/server.sock", str(self._places["unix"]))

    def _c_source(self, block: Block) -> str:
        if "#include" in block.text:
            return block.text
        beginning = self._beginnings.get(block.file, "")
        if re.search(r"\bint main\(", block.text):
            return beginning + block.text
        return beginning + STATEMENTS.format(body=block.text)

    def _ocaml(self, block: Block, folder: Path) -> list[str]:
        """Builds a program in a project of its own."""
        folder.mkdir()
        (folder / "dune-project").write_text("(lang dune 2.9)\n")
        (folder / "dune").write_text(OCAML_PROJECT)
        (folder / "main.ml").write_text(self._here(block.text), encoding="utf-8")
        built = subprocess.run(
            ["dune", "build", "--root", str(folder), "--display", "quiet", "./main.exe"],
            env={**self._environment, "OCAMLPATH": str(OCAML)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        if built.returncode:
            raise RuntimeError(built.stderr)
        return [str(folder / "_build" / "default" / "main.exe")]

    def _command(self, block: Block) -> list[str]:
        stem = self._folder / f"example{self._number}"
        self._number += 1
        if block.language == "sh":
            return ["bash", "-e", "-c", self._here(block.text)]
        if block.language == "ocaml":
            return self._ocaml(block, stem)
        arguments = [f"ws://localhost:{self._places['http']}/ws"] if "argv[1]" in block.text else []
        if block.language == "python":
            source = stem.with_suffix(".py")
            source.write_text(self._here(block.text), encoding="utf-8")
            return [sys.executable, "-W", "error", str(source), *arguments]
        source = stem.with_suffix(".c")
        source.write_text(self._here(self._c_source(block)), encoding="utf-8")
        compiler = os.environ.get("CC") or "cc"
        compile_only = not re.search(r"\bint main\(", source.read_text(encoding="utf-8"))
        if compile_only:
            # A beginning alone: it must compile; what of it is unused shows later.
            return [
                compiler,
                *C_FLAGS,
                "-Wno-unused-function",
                f"-I{ROOT / 'include'}",
                "-c",
                "-o",
                os.devnull,
                str(source),
            ]
        linked = ["-L", str(self._folder), "-ltrunkline", f"-Wl,-rpath,{self._folder}"]
        built = subprocess.run(
            [
                compiler,
                *C_FLAGS,
                "-Wno-unused-function",
                f"-I{ROOT / 'include'}",
                "-o",
                str(stem),
                str(source),
                *linked,
            ],
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        if built.returncode:
            raise RuntimeError(built.stderr)
        return [str(stem), *arguments]

    def run(self, block: Block) -> Optional[str]:
        """What is wrong with the example; None where nothing is."""
        if block.language == "c" and "#include" in block.text and "int main(" not in block.text:
            self._beginnings[block.file] = block.text
        try:
            done = subprocess.run(
                self._command(block),
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired:
            return f"not done after {SECONDS} s"
        except RuntimeError as error:
            return str(error)
        if done.returncode:
            return f"status {done.returncode}\n{done.stdout}{done.stderr}"
        if block.output is not None and not matches(block.output, done.stdout):
            return f"expected to print\n{block.output}but printed\n{done.stdout}"
        return None


def run_all(chosen: list[Block]) -> int:
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    with tempfile.TemporaryDirectory() as temporary:
        server = subprocess.Popen(
            [SERVER, "embedded"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert server.stdout is not None and server.stdin is not None
        try:
            _, peer_port = peer.start()
            runner = Runner(Path(temporary), json.loads(server.stdout.readline()), peer_port)
            for block in chosen:
                if block.left_out:
                    counts["skipped"] += 1
                    print(f"skipped: {block.place} ({block.language})")
                    continue
                wrong = runner.run(block)
                counts["failed" if wrong else "passed"] += 1
                print(f"{'failed' if wrong else 'ok'}: {block.place} ({block.language})")
                if wrong:
                    print("    " + wrong.rstrip().replace("\n", "\n    "))
        finally:
            server.stdin.close()
            server.wait(timeout=10)
    print(", ".join(f"{count} {word}" for word, count in counts.items()))
    return 1 if counts["failed"] else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs the examples of the documentation.")
    parser.add_argument("--list", action="store_true", help="name the examples, run none")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="those whose place has TEXT in it"
    )
    arguments = parser.parse_args()
    files = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    found = [block for file in files for block in blocks(file) if is_example(block)]
    # A beginning is needed by what comes after it, whatever is chosen.
    chosen = [
        b
        for b in found
        if arguments.only in b.place or ("#include" in b.text and "int main(" not in b.text)
    ]
    if arguments.list:
        for block in chosen:
            print(f"{block.place} ({block.language})")
        return 0
    for needed in (SERVER, str(RELEASE / "libtrunkline.so")):
        if not shutil.which(needed) and not Path(needed).exists():
            print(f"{needed} is missing: run `make lib` first", file=sys.stderr)
            return 2
    return run_all(chosen)


if __name__ == "__main__":
    sys.exit(main())
