"""requests over the engine: its own features, and programs made on it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import importlib.util
import io
import pickle
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from conftest import Script, Server, answer

requests = pytest.importorskip("requests", reason="requests is not installed")

import urllib3  # noqa: E402

from trunkline.requests import Adapter  # noqa: E402

errors = requests.exceptions
GET = {"expect_request": {"method": "GET"}}
CHUNKED = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(text: str) -> str:
    return f"{len(text):x}\r\n{text}\r\n"


def mounted(session: Any, **options: Any) -> Any:
    adapter = Adapter(**options)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


@pytest.fixture
def web(server: Server, drive: Any) -> Iterator[Any]:
    with mounted(requests.Session(), drive=drive) as session:
        session.trust_env = False
        session.verify = server.ca
        yield session


def test_an_answer(web: Any, server: Server) -> None:
    for url, version in ((server.http, 11), (server.https, 20)):
        response = web.get(f"{url}/headers", headers={"X-Own": "value"})
        assert (response.status_code, response.reason, response.ok) == (200, "OK", True)
        assert response.headers["Content-Type"] == "application/json"
        assert response.raw.version == version
        assert response.url == f"{url}/headers"
        assert response.elapsed.total_seconds() > 0
        sent = response.json()
        assert sent["user-agent"].startswith("python-requests/")
        assert (sent["x-own"], sent["accept"]) == ("value", "*/*")
        bare = web.get(f"{url}/headers", headers={"Accept": None, "User-Agent": None}).json()
        assert not bare.keys() & {"accept", "user-agent"}
    with mounted(requests.Session(), http_versions="http1") as plain:
        assert plain.get(server.https, verify=server.ca).raw.version == 11
    assert web.head(f"{server.http}/bytes/10").headers["content-length"] == "10"
    assert web.get(f"{server.http}/status/204").content == b""


def test_connections_are_used_again(web: Any, server: Server) -> None:
    for _ in range(3):
        web.get(server.http)
        assert len(web.get(f"{server.http}/bytes/100000").content) == 100_000
        web.get(f"{server.http}/bytes/9", stream=True).raw.read(9)
        assert web.head(f"{server.http}/bytes/9", stream=True).raw.closed
    (manager,) = web.get_adapter(server.http)._managers.values()
    assert manager.statistics()["connections_opened"] == 1


def test_raw_is_a_file(web: Any, server: Server) -> None:
    whole = web.get(f"{server.http}/bytes/3000000").content
    for url in (f"{server.http}/bytes/3000000", f"{server.https}/chunked/3000000"):
        raw = web.get(url, stream=True).raw
        into = bytearray(5)
        assert (raw.readable(), raw.readinto(into), raw.closed) == (True, 5, False)
        assert bytes(into) + raw.read(7) + raw.read(1_000_000) == whole[:1_000_012]
        assert raw.tell() == 1_000_012
        assert raw.read() == whole[1_000_012:]
        assert (raw.read(), raw.read(1), raw.closed) == (b"", b"", True)
        buffered = io.BufferedReader(web.get(url, stream=True).raw)
        assert buffered.read(10) == whole[:10]
        assert b"".join(web.get(url, stream=True).raw.stream(999)) == whole
        pieces = list(web.get(url, stream=True).iter_content(None))
        assert b"".join(pieces) == whole


def test_pieces_have_the_size_asked_for(web: Any, server: Server) -> None:
    with web.get(f"{server.http}/bytes/2500", stream=True) as response:
        assert [len(each) for each in response.iter_content(1000)] == [1000, 1000, 500]


def test_lines_come_when_they_are_sent(web: Any, script: Script) -> None:
    peer = script([GET, {"send": CHUNKED + chunk("one\ntwo\nthr")}, {"wait_close": True}])
    with web.get(peer.url, stream=True) as response:
        lines = response.iter_lines()
        assert next(lines) == b"one"
        assert next(lines) == b"two"
    assert response.raw.closed
    peer.check()


def test_an_answer_outlives_its_session(server: Server) -> None:
    with mounted(requests.Session()) as session:
        response = session.get(f"{server.http}/drip/9/5", stream=True)
    assert response.content == b"." * 9
    assert session.get(server.http).ok
    session.close()


def test_bodies_are_decoded_by_requests(web: Any, script: Script) -> None:
    packed = gzip.compress(b"unpacked" * 100)
    sized = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(packed)}\r\n\r\n"
    unsized = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n"
    bytes_ = {"base64": base64.b64encode(packed).decode()}
    sends = [{"send": {"cat": [head, bytes_]}} for head in (sized, sized, unsized)]
    peer = script([GET, sends[0], GET, sends[1], GET, sends[2], {"close": True}])
    assert web.get(peer.url).text == "unpacked" * 100
    assert web.get(peer.url, stream=True).raw.read() == packed
    raw = web.get(peer.url, stream=True).raw
    assert raw.read(10, decode_content=True) + raw.read(decode_content=True) == b"unpacked" * 100
    peer.check()


def test_uploads(web: Any, server: Server, script: Script, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"of a file" * 100_000)
    for url in (server.http, server.https):
        with path.open("rb") as file:
            assert web.post(f"{url}/upload", data=file).json()["bytes"] == 900_000
        pieces = (b"x" * 1000 for _ in range(1000))
        assert web.put(f"{url}/upload", data=pieces).json()["bytes"] == 1_000_000
        assert web.post(f"{url}/echo", data={"a": "b c"}).text == "a=b+c"
        assert web.post(f"{url}/echo", json={"a": 1}).json() == {"a": 1}
        with path.open("rb") as file:
            echo = web.post(f"{url}/echo", files={"f": file}, data={"k": "v"}).content
        assert path.read_bytes() in echo
    chunked = {"transfer-encoding": "chunked", "content-length": None}
    length = {"content-length": "3", "transfer-encoding": None}
    peer = script(
        [
            {"expect_request": {"body": "onetwo", "headers": chunked}},
            answer(),
            {"expect_request": {"body": "one", "headers": length}},
            answer(),
            {"expect_request": {"body": "", "headers": {"content-length": "0"}}},
            answer(),
        ]
    )
    web.post(peer.url, data=iter([b"one", b"", b"two"]))
    web.post(peer.url, data=io.BytesIO(b"one"))
    web.post(peer.url)
    peer.check()


def test_an_answer_may_come_before_the_body_was_sent(web: Any, script: Script) -> None:
    early = [{"expect_head": {"method": "POST"}}, answer(413), {"shutdown_write": True}]
    peer = script([*early, {"wait_close": {"discard": True}}])
    endless = iter(lambda: b"x" * 65536, b"")
    assert web.post(peer.url, data=endless).status_code == 413
    peer.check()


def test_what_a_body_raises_is_raised(web: Any, server: Server) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"one"
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        web.post(f"{server.http}/upload", data=pieces())


def test_credentials(web: Any, server: Server, script: Script) -> None:
    basic = "Basic dXNlcjpwYXNzd29yZA=="
    url = f"{server.http}/headers"
    assert web.get(url, auth=("user", "password")).json()["authorization"] == basic
    assert web.get(url.replace("//", "//user:password@")).json()["authorization"] == basic
    challenge = 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256'
    peer = script([GET, answer(401, www_authenticate=challenge), GET, answer(body="welcome")])
    response = web.get(peer.url, auth=requests.auth.HTTPDigestAuth("user", "password"))
    assert (response.text, len(response.history)) == ("welcome", 1)
    assert response.request.headers["authorization"].startswith('Digest username="user"')
    peer.check()


def test_redirects_and_cookies(web: Any, script: Script) -> None:
    with_cookies = {"expect_request": {"target": "/%C3%BC", "headers": {"cookie": "a=1; b=2"}}}
    head = "HTTP/1.1 302 Found\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nlocation: /\u00fc\r\n"
    peer = script([GET, {"send": head + "content-length: 0\r\n\r\n"}, with_cookies, answer(404)])
    seen: list[int] = []
    hooks = {"response": lambda each, **_: seen.append(each.status_code)}
    response = web.get(f"{peer.url}/a", hooks=hooks)
    assert (response.status_code, seen) == (404, [302, 404])
    assert dict(response.history[0].cookies) == {"a": "1", "b": "2"}
    with pytest.raises(errors.HTTPError):
        response.raise_for_status()
    peer.check()


def test_timeouts(web: Any, server: Server, script: Script) -> None:
    for timeout in (0.1, (9, 0.1), (None, 0.1), requests.adapters.TimeoutSauce(total=0.1)):
        with pytest.raises(errors.ReadTimeout):
            web.get(f"{server.http}/hang", timeout=timeout)
    silent = script([{"hang": True}], [GET, {"send": CHUNKED + chunk("one")}, {"hang": True}])
    with pytest.raises(errors.ConnectTimeout):
        web.get(silent.url.replace("http:", "https:"), timeout=(0.2, None))
    response = web.get(silent.url, timeout=(None, 0.2), stream=True)
    with pytest.raises(errors.ConnectionError, match="idle"):
        _ = response.content
    with pytest.raises(ValueError, match="connect, read"):
        web.get(server.http, timeout=(1, 2, 3))
    with pytest.raises(ValueError, match="0"):
        web.get(server.http, timeout=0)


BROKEN = {
    "nonsense": ([GET, {"send": "nonsense\r\n\r\n"}, {"close": True}], "ConnectionError"),
    "nothing": ([GET, {"close": True}], "ConnectionError"),
    "too little": ([GET, {"send": CHUNKED + "5\r\nabc"}, {"close": True}], "ChunkedEncodingError"),
    "bad chunk": ([GET, {"send": CHUNKED + "zz\r\n"}, {"close": True}], "ChunkedEncodingError"),
    "reset": ([GET, {"send": CHUNKED + chunk("one")}, {"reset": True}], "ChunkedEncodingError"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_peers(name: str, web: Any, script: Script) -> None:
    connection, error = BROKEN[name]
    peer = script(connection)
    with pytest.raises(getattr(errors, error)):
        web.get(peer.url)


def test_other_errors(web: Any, server: Server) -> None:
    with pytest.raises(errors.ConnectionError) as raised:
        web.get("http://127.0.0.1:1/")
    assert raised.value.request.url == "http://127.0.0.1:1/"
    with pytest.raises(errors.SSLError):
        web.get(server.https, verify=True)
    with pytest.raises(OSError, match="bundle"):
        web.get(server.https, verify="/no/such/file")
    with pytest.raises(errors.InvalidURL):
        web.get("http://127.0.0.1:99999/")
    with pytest.raises(errors.InvalidHeader):
        web.get(server.http, headers={"connection": "upgrade", "upgrade": "websocket"})
    with pytest.raises(TypeError, match="no option 'verify'"):
        Adapter(verify=False)
    with pytest.raises(TypeError, match="no option 'max_retries'"):
        Adapter(max_retries=3)


def test_certificates(web: Any, server: Server, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(Path(server.ca).read_bytes())
    assert web.get(server.https, verify=str(tmp_path)).ok
    with pytest.warns(urllib3.exceptions.InsecureRequestWarning):
        assert web.get(server.https, verify=False).ok
    with pytest.raises(errors.ConnectionError):
        web.get(server.mtls)
    assert web.get(server.mtls, cert=(server.client_cert, server.client_key)).ok


def test_proxies(web: Any, script: Script) -> None:
    login = {"proxy-authorization": "Basic dXNlcjpwdw=="}
    absolute = {"target": "http://far.invalid/a", "headers": login}
    connect = {"expect_head": {"method": "CONNECT", "target": "far.invalid:443"}}
    peer = script(
        [{"expect_request": absolute}, answer(body="by proxy"), {"close": True}],
        [connect, answer(403), {"close": True}],
    )
    proxy = peer.url.replace("://", "://user:pw@")
    web.proxies = {"http": proxy, "https": peer.url.replace("http://", "")}
    assert web.get("http://far.invalid/a").text == "by proxy"
    with pytest.raises(errors.ProxyError):
        web.get("https://far.invalid/")
    with pytest.raises(errors.InvalidProxyURL):
        web.get("http://far.invalid/", proxies={"http": "gopher://127.0.0.1:1"})


def test_threads_share_a_session(web: Any, server: Server) -> None:
    statuses: list[int] = []

    def work() -> None:
        for _ in range(5):
            statuses.append(web.get(f"{server.https}/bytes/1000").status_code)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert statuses == [200] * 40


def test_sessions_are_pickled(server: Server) -> None:
    with mounted(requests.Session(), http_versions="http1") as session:
        again = pickle.loads(pickle.dumps(session))
        with again:
            assert again.get(server.https, verify=server.ca).raw.version == 11


FORKED = """
import os, sys
import requests
from trunkline.requests import Adapter
session = requests.Session()
session.mount("http://", Adapter(drive=sys.argv[2]))
assert session.get(sys.argv[1]).ok
child = os.fork()
if child == 0:
    try:
        os._exit(0 if session.get(sys.argv[1]).ok else 1)
    finally:
        os._exit(2)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert session.get(sys.argv[1]).ok
"""


def test_a_forked_child_has_connections_of_its_own(server: Server, drive: Any) -> None:
    subprocess.run([sys.executable, "-c", FORKED, server.http, drive], check=True, timeout=60)


INDEX = """
import pathlib, sys
from wsgiref.simple_server import make_server
import pypiserver
app = pypiserver.app(roots=[pathlib.Path(sys.argv[1])], password_file=".", authenticate=[])
with make_server("127.0.0.1", 0, app) as server:
    print(server.server_port, flush=True)
    server.serve_forever()
"""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """A package index of our own, which takes uploads from anyone."""
    # Not imported: its copy of bottle changes how all others are imported after it.
    if importlib.util.find_spec("pypiserver") is None:
        pytest.skip("pypiserver is not installed")
    packages = tmp_path / "packages"
    packages.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", INDEX, str(packages)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def wheel(folder: Path) -> Path:
    """A wheel, small and valid."""
    path = folder / "sample-1.0-py3-none-any.whl"
    about = "Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("sample/__init__.py", f"DATA = {'x' * 300_000!r}\n")
        file.writestr("sample-1.0.dist-info/METADATA", about)
        file.writestr("sample-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        file.writestr("sample-1.0.dist-info/RECORD", "")
    return path


def test_twine_uploads_what_is_downloaded_again(index: str, tmp_path: Path, drive: Any) -> None:
    settings = pytest.importorskip("twine.settings", reason="twine is not installed")
    from twine.package import PackageFile

    path = wheel(tmp_path)
    repository = settings.Settings(
        repository_url=f"{index}/",
        username="user",
        password="password",
        non_interactive=True,
        disable_progress_bar=True,
    ).create_repository()
    session = mounted(repository.session, drive=drive)
    package = PackageFile.from_filename(str(path), None)
    assert repository.upload(package).status_code == 200
    page = session.get(f"{index}/simple/sample/")
    found = re.search(r'href="([^"#]+)#sha256=([0-9a-f]{64})"', page.text)
    assert found is not None
    with session.get(urljoin(page.url, found[1]), stream=True) as download:
        content = b"".join(download.iter_content(4096))
    assert content == path.read_bytes()
    assert hashlib.sha256(content).hexdigest() == found[2]
    assert repository.upload(package).status_code == 409
    repository.close()
