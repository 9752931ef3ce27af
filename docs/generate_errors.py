"""Writes the table in docs/errors.md from the core's table of errors and the exceptions of the Python package.

    python docs/generate_errors.py [--check]

With `--check` nothing is written; the status is 1 when the document is out of date. A code that ADVICE does not know,
or that has no exception, is an error: an error code is complete when all its columns are.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "core" / "src" / "error" / "table.rs"
EXCEPTIONS = ROOT / "python" / "python" / "trunkline" / "_errors.py"
DOCUMENT = ROOT / "docs" / "errors.md"
BEGIN, END = "<!-- table: written by generate_errors.py -->", "<!-- end of the table -->"
ENTRY = re.compile(r'^ {4}(\d+) \w+ "(\w+)" "([^"]*)";$', re.MULTILINE)

#: What a caller does about it.
ADVICE = {
    "invalid_argument": "Correct the call; the message names the argument.",
    "invalid_url": "Correct the URL: absolute, with the scheme `http`, `https`, `ws` or `wss`.",
    "invalid_header": "Correct the field; the message names the byte and its offset.",
    "null_pointer": "Correct the call. Cannot happen in Python.",
    "invalid_handle": "Look for a use after the handle was freed, or a handle of another kind. Cannot happen in Python.",
    "invalid_state": "Correct the order of calls, for example a write after the body was finished.",
    "again": "Wait for a part of kind writable (or, for a receive that does not wait, for a part), then repeat the call.",
    "busy": "Do not wait inside a callback; do not poll one manager, or receive from one request, on two threads at once.",
    "forked": "Make a new manager in the child process.",
    "unsupported": "Do without the function.",
    "closed": "Make a new manager.",
    "panic": "Report a bug in Trunkline, with the message.",
    "end_of_parts": "Stop receiving: the request is over.",
    "io": "See the message: a file could not be read, or the process has too few descriptors or threads.",
    "timeout": "Call again, or cancel the request.",
    "cancelled": "Nothing: this end was asked for.",
    "shutdown": "Nothing: this end was asked for. `shutdown` with a longer timeout lets requests end by themselves.",
    "pool_timeout": "Raise the limit of connections or the pool timeout, or ask for less at once.",
    "resolve_timeout": "Look at the resolver, or try again later.",
    "connect_timeout": "Try again later; look for a firewall that drops packets.",
    "tls_timeout": "Try again later.",
    "write_timeout": "The peer stopped reading. Try again only if the request may be processed twice.",
    "first_byte_timeout": "The peer may have processed the request. Try again only if it may be processed twice.",
    "idle_timeout": "What was delivered stands; ask for the rest, or again.",
    "total_timeout": "`phase` says how far it came. Try again only if the request may be processed twice.",
    "resolve_failed": "Correct the host name, or look at the resolver.",
    "connect_failed": "See the message; nothing was sent, so any request may be tried again.",
    "tls_failed": "See the message; nothing was sent.",
    "tls_certificate": "Trust the right authority, or correct the host name. Nothing was sent.",
    "protocol_not_negotiated": "Allow HTTP/1.1 for this origin.",
    "proxy_failed": "See the message: the proxy forbids the target or cannot reach it, or is no proxy of this kind.",
    "proxy_authentication": "Correct the user and password in the proxy's URL; the target has seen nothing.",
    "connection_closed": "Try again only if the request may be processed twice; a safe replay was tried already.",
    "connection_reset": "As `connection_closed`.",
    "http1_malformed": "The peer is broken, or is no HTTP server.",
    "header_too_large": "Raise the limit if such heads are expected.",
    "body_too_large": "Raise the limit, or stream the body.",
    "http2_protocol": "The peer is broken; HTTP/1.1 may work.",
    "http2_stream_reset": "The peer's code (RFC 9113, 7) says why.",
    "http2_goaway": "Try again: the peer has not processed the request. Replays were used up or not allowed.",
    "websocket_rejected": "Status and body of the answer were delivered: they say why.",
    "websocket_handshake": "The peer is broken, or serves no WebSocket at this URL.",
    "websocket_protocol": "The peer is broken; open the WebSocket anew.",
    "websocket_invalid_utf8": "The peer is broken; open the WebSocket anew.",
    "websocket_too_large": "Raise the limit if such messages are expected.",
    "too_many_redirects": "Look for a loop; raise `max_redirects`, or do not follow redirects.",
    "redirect_refused": "See the message. Allow `redirect_downgrade`, give a body that can be sent again, or do not follow.",
    "http_status": "Head and body were delivered: they say why. The status is the peer's code.",
    "upload_failed": "Look at the source of the body; the message is its own.",
    "decode_failed": "The peer is broken, or the body was cut short. What was delivered before stands.",
    "decoded_too_large": "Raise the limit if such bodies are expected from this peer; it may be an attack.",
}


def exceptions() -> dict[int, str]:
    """The exception class of each code, as the package's BY_CODE says."""
    tree = ast.parse(EXCEPTIONS.read_text(encoding="utf-8"))
    for node in tree.body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        if node.target.id == "BY_CODE" and isinstance(node.value, ast.Dict):
            return {
                ast.literal_eval(key): value.id
                for key, value in zip(node.value.keys, node.value.values)
                if key is not None and isinstance(value, ast.Name)
            }
    raise SystemExit(f"{EXCEPTIONS.name} has no BY_CODE")


def table() -> str:
    """The rows of the document's table."""
    classes = exceptions()
    entries = ENTRY.findall(TABLE.read_text(encoding="utf-8"))
    missing = [
        name for number, name, _ in entries if name not in ADVICE or int(number) not in classes
    ]
    if missing or len(entries) != len(ADVICE):
        stale = sorted(set(ADVICE) - {name for _, name, _ in entries})
        raise SystemExit(f"without advice or exception: {missing}; advice without a code: {stale}")
    rows = [
        "| number | name | meaning | C | Python | what to do |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for number, name, meaning in entries:
        constant = f"`TRUNK_ERROR_{name.upper()}`"
        rows.append(
            f"| {number} | `{name}` | {meaning} | {constant} | `{classes[int(number)]}` | {ADVICE[name]} |"
        )
    return "\n".join(rows)


def main() -> int:
    before = DOCUMENT.read_text(encoding="utf-8")
    head, rest = before.split(BEGIN)
    after = f"{head}{BEGIN}\n\n{table()}\n\n{END}{rest.split(END)[1]}"
    if sys.argv[1:] == ["--check"]:
        if before != after:
            print(
                "docs/errors.md is out of date: run python docs/generate_errors.py", file=sys.stderr
            )
        return int(before != after)
    DOCUMENT.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
