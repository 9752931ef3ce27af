"""Writes websocket-http2-frames.json: what the WebSocket cases show of frames, messages and closes, over HTTP/2.

    python tests/cases/over_http2.py [--check]

A case is taken over where its script has nothing but frames after the handshake; what is of HTTP/1.1 alone, or ends the
connection below the frames, has cases of its own in websocket-http2.json. `--check` writes nothing, and fails where the
file is not as it would be written.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Optional

FOLDER = Path(__file__).parent
FILE = FOLDER / "websocket-http2-frames.json"
SOURCES = ("messages", "faults", "close")
#: What the peer is told of an error of its own (RFC 6455, 7.4.1).
CLOSE_CODES = {
    "websocket_protocol": 1002,
    "websocket_invalid_utf8": 1007,
    "websocket_too_large": 1009,
}
#: Room for all that any of them sends.
WINDOW = 1 << 20
OPENING = [
    {"h2_start": {"settings": {"ENABLE_CONNECT_PROTOCOL": 1, "INITIAL_WINDOW_SIZE": WINDOW}}},
    {"h2_window_update": {"stream": 0, "increment": WINDOW}},
    {"h2_expect_headers": {"stream": "ws", "method": "CONNECT", "path": "/", "end_stream": False}},
    {"h2_headers": {"stream": "ws", "headers": [[":status", "200"]]}},
]
END = {"h2_data": {"stream": "ws", "end_stream": True}}


def _close(code: Optional[int], reason: Any) -> dict[str, Any]:
    payload = "" if code is None else {"cat": [{"hex": f"{code:04x}"}, reason]}
    return {"ws_send": {"stream": "ws", "opcode": "close", "payload": payload}}


def _step(
    step: dict[str, Any], error: object, before: list[dict[str, Any]]
) -> Optional[list[dict[str, Any]]]:
    """The same step over HTTP/2; None where there is none."""
    ((kind, value),) = step.items()
    if kind == "ws_accept" and not value:
        return OPENING
    if kind in ("ws_send", "ws_expect"):
        return [{kind: {"stream": "ws", **value}}]
    if kind == "ws_send_close":
        return [_close(*value)]
    if kind == "close":
        return [END]
    if kind == "wait_close" and "close" in before[-1].get("ws_expect", ()):
        return [END]
    if kind == "wait_close" and isinstance(error, str) and error in CLOSE_CODES:
        return [{"ws_expect": {"stream": "ws", "close": [CLOSE_CODES[error], ""]}}, END]
    return None


def over_http2(case: dict[str, Any]) -> Optional[dict[str, Any]]:
    """The case over HTTP/2, where it has nothing to do with HTTP/1.1."""
    (connection, *others), requests = case["server"]["connections"], case["requests"]
    if others or len(requests) != 1:
        return None
    parts = requests[0]["parts"]
    if not parts or parts[0] != {"head": 101}:
        return None
    error = parts[-1].get("error")
    steps: list[dict[str, Any]] = []
    for step in connection:
        same = _step(step, error, steps)
        if same is None:
            return None
        steps += same
    if not any("ws_" in kind for step in steps for kind in step):
        return None
    name = case["name"].removeprefix("websocket-")
    request = {**requests[0], "parts": [{"head": 200}, *parts[1:]]}
    return {
        **case,
        "name": f"websocket-http2-frames-{name}",
        "protocol": "websocket_http2",
        "requests": [request],
        "server": {**case["server"], "connections": [steps]},
    }


def written() -> str:
    """What the file is to hold."""
    cases = []
    for source in SOURCES:
        file = json.loads((FOLDER / f"websocket-{source}.json").read_text(encoding="utf-8"))
        cases += [case for case in map(over_http2, file["cases"]) if case]
    about = "Frames, messages and closes of a WebSocket over HTTP/2. Written by over_http2.py."
    return json.dumps({"about": about, "cases": cases}, indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    text = written()
    if "--check" not in sys.argv[1:]:
        FILE.write_text(text, encoding="utf-8")
    elif not FILE.exists() or FILE.read_text(encoding="utf-8") != text:
        print(f"{FILE.name} is not what over_http2.py writes", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
