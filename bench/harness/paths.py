"""Where things are."""

from __future__ import annotations

from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
ROOT = BENCH.parent
OUT = ROOT / "target" / "bench"
BIN = OUT / "bin"
CERTS = OUT / "certs"
CA = CERTS / "ca.pem"
FILES = OUT / "files"
DOWNLOAD = FILES / "1GiB"
ECHO = ROOT / "target" / "release" / "bench-echo"
H2 = ROOT / "target" / "release" / "bench-h2"
TUNGSTENITE = ROOT / "target" / "release" / "bench-tungstenite"
OCAML = OUT / "bin" / "http_async_ocaml"
PYTHON = ROOT / "target" / "bench-venv" / "bin" / "python"
RESULTS = BENCH / "results"
