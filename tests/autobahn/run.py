"""Plays Autobahn's fuzzing server against the clients, one after the other, and sums its reports.

    python tests/autobahn/run.py --server PYTHON2 --folder WORK [--full] NAME=COMMAND...

PYTHON2 is a Python 2.7 with autobahntestsuite; each COMMAND is given `--url` and `--agent`. Without `--full` the sub-cases 7
to 18 of groups 12 and 13 are left out, which send the same as 1 to 6 in larger messages. A case passes when it and its
closing are OK or informational: what is not implemented, not strict or missing has failed. The last line is
`N passed, N failed`.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
GOOD = ("OK", "INFORMATIONAL")
#: How many cases there are: a report that has fewer lacks some.
ALL, SHORT = 517, 373
PATIENCE = 30 * 60.0


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


def spec(folder: Path, full: bool) -> Path:
    """What the server is to play."""
    left_out = [] if full else [f"{group}.*.{n}" for group in (12, 13) for n in range(7, 19)]
    values = json.loads((HERE / "spec.json").read_text(encoding="utf-8"))
    values.update({"outdir": str(folder / "reports"), "exclude-cases": left_out})
    file = folder / "spec.json"
    file.write_text(json.dumps(values), encoding="utf-8")
    return file


def wait_for(port: int, server: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            time.sleep(0.1)
    return False


def results(folder: Path, agent: str) -> dict[str, dict[str, str]]:
    """What the server says of an agent: for each case how it and its closing went."""
    try:
        reports = json.loads((folder / "reports" / "index.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    found: dict[str, dict[str, str]] = reports.get(agent, {})
    return found


def play(folder: Path, url: str, agent: str, command: str, cases: int) -> tuple[int, int]:
    """Lets one client run; how many cases passed and failed."""
    begun = time.monotonic()
    line = [*shlex.split(command), "--url", url, "--agent", agent]
    try:
        done = subprocess.run(line, timeout=PATIENCE, stdin=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            print(f"{agent}: ended with status {done.returncode}")
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"{agent}: {error}")
    found = results(folder, agent)
    passed = 0
    for case, report in sorted(found.items()):
        if report["behavior"] in GOOD and report["behaviorClose"] in GOOD:
            passed += 1
        else:
            print(f"{agent}: case {case}: {report['behavior']}, close {report['behaviorClose']}")
    failed = max(cases, len(found)) - passed
    seconds = time.monotonic() - begun
    print(f"{agent}: {passed} passed, {failed} failed in {seconds:.0f} s", flush=True)
    return passed, failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("clients", nargs="+")
    given = parser.parse_args()
    # Stopped from outside, it takes the server with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = given.folder.resolve()
    shutil.rmtree(folder / "reports", ignore_errors=True)
    (folder / "reports").mkdir(parents=True)
    port, cases = free_port(), ALL if given.full else SHORT
    line = [given.server, str(HERE / "serve.py"), str(spec(folder, given.full)), str(port)]
    passed = failed = 0
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            if not wait_for(port, server):
                print(f"the server does not listen, see {folder / 'server.log'}")
                print(f"0 passed, {cases * len(given.clients)} failed")
                return 1
            for client in given.clients:
                agent, _, command = client.partition("=")
                good, bad = play(folder, f"ws://127.0.0.1:{port}", agent, command, cases)
                passed, failed = passed + good, failed + bad
        finally:
            server.terminate()
            server.wait()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
