"""A second server for the examples: what the embedded test server does not answer, and a proxy.

| path | answer |
| --- | --- |
| `/` | `here`, whatever the method |
| `/redirect/N` | leads on N times, then to `/` |
| `/flaky/N` | 503 N times, then `at last`, and so on |
| `/basic`, `/digest` | 401 without `user` and `password`, else `welcome` |
| `/login`, `/cookies` | sets the cookie `session`; answers the `cookie` field |
| `/gzip` | a body of 1000 bytes, with gzip |
| `/events` | two server-sent events |
| `/parts` | name and size of each part of a multipart body, as JSON |
| `/expect` | the length of the body |

As a proxy it takes CONNECT and requests in absolute form. mail.example.net is behind it.
"""

from __future__ import annotations

import base64
import email
import gzip
import hashlib
import json
import re
import select
import socket
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import urlsplit

REALM, NONCE = "docs", "5ccc069c403ebaf9f0171e9517f40e41"
BASIC = "Basic " + base64.b64encode(b"user:password").decode()


MAIL = "mail.example.net"


def _mail() -> socket.socket:
    """A connection to a mail server that knows QUIT only."""
    here, there = socket.socketpair()

    def talk() -> None:
        with there, there.makefile("rw", newline="\r\n") as lines:
            lines.write(f"220 {MAIL} ready\n")
            lines.flush()
            asked = lines.readline().strip()
            lines.write("221 bye\n" if asked == "QUIT" else "502 unknown\n")

    threading.Thread(target=talk, daemon=True).start()
    return here


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[Counter[str]] = Counter()

    def log_message(self, *_words: object) -> None:
        pass

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _digest_fits(self) -> bool:
        given = dict(re.findall(r'(\w+)="?([^",]*)"?', self.headers.get("authorization", "")))
        if given.get("nonce") != NONCE:
            return False
        secret = _digest(f"user:{REALM}:password")
        target = _digest(f"{self.command}:{given['uri']}")
        middle = f"{NONCE}:{given['nc']}:{given['cnonce']}:{given['qop']}"
        return bool(given["response"] == _digest(f"{secret}:{middle}:{target}"))

    def _parts(self, body: bytes) -> bytes:
        head = f"content-type: {self.headers['content-type']}\r\n\r\n".encode()
        found = {}
        for part in email.message_from_bytes(head + body).walk():
            name = part.get_param("name", header="content-disposition")
            if name is not None:
                found[str(name)] = len(part.get_payload(decode=True) or b"")
        return json.dumps(found).encode()

    def _serve(self) -> None:
        body = self._body()
        path = urlsplit(self.path).path
        number = int(path.rsplit("/", 1)[1]) if path[-1].isdigit() else 0
        if path.startswith("/redirect/"):
            self._answer(302, location=f"/redirect/{number - 1}" if number > 1 else "/")
        elif path.startswith("/flaky/"):
            self.asked[path] += 1
            late = self.asked[path] > number
            if late:
                del self.asked[path]
            self._answer(200 if late else 503, b"at last" if late else b"", retry_after="0")
        elif path == "/basic" and self.headers.get("authorization") != BASIC:
            self._answer(401, www_authenticate=f'Basic realm="{REALM}"')
        elif path == "/digest" and not self._digest_fits():
            challenge = f'Digest realm="{REALM}", nonce="{NONCE}", algorithm=SHA-256, qop="auth"'
            self._answer(401, www_authenticate=challenge)
        elif path in ("/basic", "/digest"):
            self._answer(200, b"welcome")
        elif path == "/login":
            self._answer(200, set_cookie="session=abc; Path=/; HttpOnly")
        elif path == "/cookies":
            self._answer(200, self.headers.get("cookie", "none").encode())
        elif path == "/gzip":
            self._answer(200, gzip.compress(b"x" * 1000), content_encoding="gzip")
        elif path == "/events":
            text = b"event: news\nid: 1\ndata: one\n\n: a comment\ndata: two\ndata: lines\n\n"
            self._answer(200, text, content_type="text/event-stream")
        elif path == "/parts":
            self._answer(200, self._parts(body), content_type="application/json")
        elif path == "/expect":
            self._answer(200, str(len(body)).encode())
        elif path == "/":
            self._answer(200, b"here")
        else:
            self._answer(404)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve

    def do_CONNECT(self) -> None:
        host, _, port = self.path.rpartition(":")
        with _mail() if host == MAIL else socket.create_connection((host, int(port))) as there:
            self.send_response(200)
            self.end_headers()
            ends = {self.connection: there, there: self.connection}
            while True:
                for end in select.select(list(ends), [], [])[0]:
                    data = end.recv(65536)
                    if not data:
                        self.close_connection = True
                        return
                    ends[end].sendall(data)


def start() -> tuple[ThreadingHTTPServer, int]:
    """The server, in a thread that ends with the process, and its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, server.server_port
