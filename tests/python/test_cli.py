"""`python -m trunkline`."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

from conftest import Script, Server, answer


def trunkline(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "trunkline", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)


def test_get(server: Server) -> None:
    done = trunkline("get", server.http + "/resource/7", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b'{\n  "id": "7"')
    done = trunkline("get", "-i", server.http + "/bytes/10")
    assert done.stdout.startswith(b"HTTP/1.1 200 OK\ncontent-type: application/octet-stream\n")
    done = trunkline("get", "--http2", "-i", server.http)
    assert done.stdout.startswith(b"HTTP/2 200")
    # Nobody has to agree.
    done = trunkline("get", "--http2-upgrade", "-i", server.http)
    assert done.stdout.startswith(b"HTTP/1.1 200")


def test_post(server: Server, tmp_path: Path) -> None:
    assert trunkline("get", "-d", "text", server.http + "/echo").stdout == b"text"
    file = tmp_path / "body"
    file.write_bytes(b"from a file")
    url = server.http + "/echo"
    assert trunkline("get", "-X", "PUT", "-d", f"@{file}", url).stdout == b"from a file"
    assert trunkline("get", "-d", "@-", url, stdin=b"from stdin").stdout == b"from stdin"
    sent = trunkline("get", "-H", "X-Own: 1", server.http + "/headers").stdout
    assert b'"x-own":"1"' in sent


def test_output_and_tls(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "out"
    done = trunkline("get", "--cacert", server.ca, "-v", "-o", str(file), server.https + "/bytes/9")
    assert done.returncode == 0, done.stderr
    assert done.stdout == b""
    assert file.stat().st_size == 9
    assert b"protocol HTTP/2, TLSv1.3" in done.stderr
    assert b"first_byte" in done.stderr
    assert trunkline("get", "-k", server.https1).returncode == 0


def test_errors(server: Server) -> None:
    done = trunkline("get", "http://127.0.0.1:1/")
    assert done.returncode == 1
    assert done.stderr.startswith(b"trunkline: connect_failed: ")
    assert done.stderr.count(b"\n") == 1
    assert trunkline("get", server.https).returncode == 1
    assert trunkline("get", "--json", server.http).stderr.startswith(b"trunkline: the body is not")
    assert trunkline("get", "-H", "nonsense", server.http).returncode == 1
    assert trunkline("get").returncode == 2
    assert trunkline("nonsense").returncode == 2
    assert trunkline("get", "--http1", "--http2", server.http).returncode == 2
    assert trunkline("--help").returncode == 0


def test_ws(server: Server) -> None:
    done = trunkline("ws", server.ws, "-v", stdin="eins\nzwei ü\n".encode())
    assert done.returncode == 0, done.stderr
    assert done.stdout == "eins\nzwei ü\n".encode()
    assert b"closed: 1000" in done.stderr
    done = trunkline("ws", server.http.replace("http", "ws") + "/status/404")
    assert done.returncode == 1
    assert done.stderr.startswith(b"trunkline: websocket_rejected")


def sent_by(server: Server, *arguments: str) -> dict[str, str]:
    """The header fields that arrive."""
    done = trunkline("get", *arguments, server.http + "/headers")
    assert done.returncode == 0, done.stderr
    fields: dict[str, str] = json.loads(done.stdout)
    return fields


def test_what_is_sent(server: Server, tmp_path: Path) -> None:
    basic = "Basic " + base64.b64encode(b"me:se:cret").decode()
    sent = sent_by(
        server,
        "-u",
        "me:se:cret",
        "-H",
        "Accept:",
        "-H",
        "X-Empty;",
        "-A",
        "mine",
        "-b",
        "a=b; c=d",
    )
    assert sent["authorization"] == basic
    assert "accept" not in sent
    assert (sent["x-empty"], sent["user-agent"], sent["cookie"]) == ("", "mine", "a=b; c=d")
    assert sent_by(server, "--bearer", "token")["authorization"] == "Bearer token"
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password se:cret\n")
    assert sent_by(server, "--netrc-file", str(netrc))["authorization"] == basic
    assert "gzip" in sent_by(server, "--compressed")["accept-encoding"]
    assert "accept-encoding" not in sent_by(server, "--raw")
    form = "application/x-www-form-urlencoded"
    assert sent_by(server, "-d", "a=1", "-X", "GET")["content-type"] == form
    json = ("-d", "{}", "-X", "GET", "-H", "Content-Type: application/json")
    assert sent_by(server, *json)["content-type"] == "application/json"
    assert "content-type" not in sent_by(server, "-d", "a", "-X", "GET", "-H", "Content-Type:")


def test_digest(script: Script) -> None:
    peer = script(
        [
            {"expect_request": {"headers": {"authorization": None}}},
            answer(401, "", www_authenticate='Digest realm="r", nonce="n", qop="auth"'),
            {"expect_request": {"method": "GET"}},
            answer(body="in"),
        ]
    )
    done = trunkline("get", "--digest", "-u", "me:pw", peer.url)
    assert (done.returncode, done.stdout) == (0, b"in"), done.stderr
    assert trunkline("get", "--digest", peer.url).stderr == b"trunkline: --digest needs -u\n"


def test_bodies(server: Server, tmp_path: Path) -> None:
    url = server.http + "/echo"
    file = tmp_path / "file.txt"
    file.write_text("content")
    assert trunkline("get", "-d", "a=1", "-d", f"@{file}", url).stdout == b"a=1&content"
    parts = ("-F", "a=text", "-F", f"b=@{file};type=text/x;filename=other", "-F", f"c=<{file}")
    form = trunkline("get", *parts, url).stdout
    assert b'name="a"\r\n\r\ntext\r\n' in form
    assert b'name="b"; filename="other"' in form
    assert b"text/x\r\n\r\ncontent\r\n" in form
    assert form.count(b"content\r\n") == 2
    for bad in ("nothing", f"a=@{file};x=y"):
        assert trunkline("get", "-F", bad, url).returncode == 1
    assert trunkline("get", "-d", "a", "-F", "a=b", url).returncode == 1


def test_answers(server: Server, script: Script) -> None:
    peer = script(
        [
            {"expect_request": {}},
            answer(503, retry_after="0"),
            {"expect_request": {}},
            answer(302, location="/next"),
            {"expect_request": {"target": "/next"}},
            answer(302, location="/last"),
        ]
    )
    done = trunkline("get", "-i", "--retry", "1", "--max-redirs", "1", peer.url)
    assert done.stderr.startswith(b"trunkline: too_many_redirects: ")
    done = trunkline("get", "-I", server.http + "/bytes/10")
    assert done.stdout.startswith(b"HTTP/1.1 200 OK\n")
    assert b"content-length: 10\n" in done.stdout
    done = trunkline("get", "-f", server.http + "/status/404")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"404 Not Found" in done.stderr


def test_upgrade(script: Script) -> None:
    played = script(
        [
            {"expect_request": {"headers": {"upgrade": "h2c"}}},
            {"send": "HTTP/1.1 101 S\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"},
            {"h2_start": {}},
            {"h2_headers": {"stream": 1, "headers": [[":status", "200"]]}},
            {"h2_data": {"stream": 1, "data": "hello", "end_stream": True}},
            {"wait_close": {"discard": True}},
        ]
    )
    done = trunkline("get", "--http2-upgrade", "-i", played.url)
    assert done.stdout.startswith(b"HTTP/2 200") and done.stdout.endswith(b"hello"), done
    played.check()
    assert trunkline("get", "--http1", "--http2-upgrade", played.url).returncode == 2


def test_no_redirects(script: Script) -> None:
    peer = script([{"expect_request": {}}, answer(302, "here", location="/next")])
    done = trunkline("get", "--no-location", peer.url)
    assert (done.returncode, done.stdout) == (0, b"here"), done.stderr


def test_connections(server: Server, script: Script) -> None:
    port = server.http.rpartition(":")[2]
    there = f"far.test:{port}:[::1],127.0.0.1"
    done = trunkline("get", "--resolve", there, f"http://far.test:{port}/status/204", "-i")
    assert done.stdout.startswith(b"HTTP/1.1 204"), done.stderr
    assert trunkline("get", "--resolve", "nonsense", server.http).returncode == 1
    done = trunkline("get", "--unix-socket", server.unix, "http://any/status/204", "-i")
    assert done.stdout.startswith(b"HTTP/1.1 204"), done.stderr
    pair = ("--cacert", server.ca, "-E", server.client_cert, "--key", server.client_key)
    assert trunkline("get", *pair, server.mtls).returncode == 0
    proxy = script([{"expect_request": {"target": "http://far.test/"}}, answer(body="by proxy")])
    through = ("-x", proxy.url.removeprefix("http://"), "--noproxy", "127.0.0.1")
    assert trunkline("get", *through, "http://far.test/").stdout == b"by proxy"
    assert trunkline("get", *through, server.http + "/bytes/3").returncode == 0


def test_deadlines(server: Server) -> None:
    done = trunkline("get", "--max-time", "0.05", server.http + "/hang")
    assert done.stderr.startswith(b"trunkline: total_timeout: ")
    done = trunkline("get", "--timeout", "5", "--connect-timeout", "5", server.http)
    assert done.returncode == 0, done.stderr


def test_what_is_kept(script: Script, tmp_path: Path) -> None:
    peer = script(
        [{"expect_request": {"headers": {"cookie": None}}}, answer(set_cookie="a=b; max-age=99")],
        [{"expect_request": {"headers": {"cookie": "a=b"}}}, answer()],
    )
    jar, har = str(tmp_path / "jar"), tmp_path / "session.har"
    done = trunkline("get", "-c", jar, "--har", str(har), peer.url + "/one")
    assert done.returncode == 0, done.stderr
    (entry,) = json.loads(har.read_text())["log"]["entries"]
    assert entry["request"]["url"].endswith("/one")
    done = trunkline("get", "-b", jar, peer.url)
    assert done.returncode == 0, done.stderr
    peer.check()
    assert trunkline("get", "-b", str(tmp_path / "none"), peer.url).returncode == 1
