"""httpbin, a program of others, asked through both clients and both adapters."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Callable, Optional

import pytest

import trunkline

httpx = pytest.importorskip("httpx")
requests = pytest.importorskip("requests")
pytest.importorskip("httpbin")
pytest.importorskip("gunicorn")
from requests.auth import HTTPBasicAuth, HTTPDigestAuth  # noqa: E402

from trunkline.httpx import AsyncTransport, Transport  # noqa: E402
from trunkline.requests import Adapter  # noqa: E402

TIMEOUTS = (trunkline.TimeoutError, httpx.TimeoutException, requests.Timeout)


@dataclass
class Answer:
    """What every way of asking tells alike."""

    status: int
    headers: Any
    body: bytes
    redirects: int

    def json(self) -> Any:
        return json.loads(self.body)


def _answer(response: Any) -> Answer:
    return Answer(response.status_code, response.headers, response.content, len(response.history))


class Requests:
    """requests on the adapter."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._session = requests.Session()
        self._session.mount("http://", Adapter(http_versions="http1"))

    def ask(
        self,
        method: str,
        path: str,
        *,
        auth: Any = None,
        follow_redirects: bool = True,
        content: Optional[bytes] = None,
        **options: Any,
    ) -> Answer:
        if auth and auth[0] == "bearer":
            options["headers"] = {"authorization": f"Bearer {auth[1]}"}
        elif auth:
            kinds = {"basic": HTTPBasicAuth, "digest": HTTPDigestAuth}
            options["auth"] = kinds[auth[0]](*auth[1:])
        if content is not None:
            options["data"] = content
        options["allow_redirects"] = follow_redirects
        return _answer(self._session.request(method, self._base + path, **options))

    def lines(self, path: str) -> list[bytes]:
        with self._session.get(self._base + path, stream=True) as response:
            return list(response.iter_lines())

    def close(self) -> None:
        self._session.close()


def _httpx_auth(auth: Any, options: dict[str, Any]) -> None:
    if auth and auth[0] == "bearer":
        options["headers"] = {"authorization": f"Bearer {auth[1]}"}
    elif auth:
        kinds = {"basic": httpx.BasicAuth, "digest": httpx.DigestAuth}
        options["auth"] = kinds[auth[0]](*auth[1:])


class Httpx:
    """httpx on the transport."""

    def __init__(self, base: str) -> None:
        self._client = httpx.Client(transport=Transport(), base_url=base)

    def ask(
        self,
        method: str,
        path: str,
        *,
        auth: Any = None,
        follow_redirects: bool = True,
        **options: Any,
    ) -> Answer:
        _httpx_auth(auth, options)
        return _answer(
            self._client.request(method, path, follow_redirects=follow_redirects, **options)
        )

    def lines(self, path: str) -> list[bytes]:
        with self._client.stream("GET", path) as response:
            return [line.encode() for line in response.iter_lines()]

    def close(self) -> None:
        self._client.close()


class OnLoop:
    """An asynchronous client, asked by blocking calls."""

    def __init__(self, client: Any, login: Callable[[Any, dict[str, Any]], None]) -> None:
        self._loop = asyncio.new_event_loop()
        self._client = client
        self._login = login

    def ask(self, method: str, path: str, *, auth: Any = None, **options: Any) -> Answer:
        self._login(auth, options)
        options.setdefault("follow_redirects", True)
        return _answer(self._loop.run_until_complete(self._client.request(method, path, **options)))

    def lines(self, path: str) -> list[bytes]:
        async def read() -> list[bytes]:
            async with self._client.stream("GET", path) as response:
                lines: AsyncIterator[str] = response.aiter_lines()
                return [line.encode() async for line in lines]

        return self._loop.run_until_complete(read())

    def close(self) -> None:
        self._loop.run_until_complete(self._client.aclose())
        self._loop.close()


def _own_auth(auth: Any, options: dict[str, Any]) -> None:
    if auth:
        kinds: dict[str, Callable[..., Any]] = {
            "basic": trunkline.BasicAuth,
            "digest": trunkline.DigestAuth,
            "bearer": trunkline.BearerAuth,
        }
        options["auth"] = kinds[auth[0]](*auth[1:])


class Own:
    """The blocking client."""

    def __init__(self, base: str) -> None:
        self._client = trunkline.Client(base_url=base)

    def ask(self, method: str, path: str, *, auth: Any = None, **options: Any) -> Answer:
        _own_auth(auth, options)
        return _answer(self._client.request(method, path, **options))

    def lines(self, path: str) -> list[bytes]:
        with self._client.stream("GET", path) as response:
            return [line.encode() for line in response.iter_lines()]

    def close(self) -> None:
        self._client.close()


WAYS: dict[str, Callable[[str], Any]] = {
    "client": Own,
    "async-client": lambda base: OnLoop(trunkline.AsyncClient(base_url=base), _own_auth),
    "httpx": Httpx,
    "httpx-async": lambda base: OnLoop(
        httpx.AsyncClient(transport=AsyncTransport(), base_url=base), _httpx_auth
    ),
    "requests": Requests,
}


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """Where httpbin is. Its socket listens before it runs, so nobody has to wait for it."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        more = ["--threads", "16", "--keep-alive", "60", "httpbin:app"]
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--bind", f"fd://{listener.fileno()}", *more],
            pass_fds=[listener.fileno()],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture(params=WAYS)
def web(request: pytest.FixtureRequest, base: str) -> Iterator[Any]:
    with closing(WAYS[request.param](base)) as way:
        yield way


def test_methods(web: Any) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        answer = web.ask(method, f"/{method.lower()}", params={"a": "1 ü", "b": ["x", "y"]})
        assert answer.status == 200
        assert answer.json()["args"] == {"a": "1 ü", "b": ["x", "y"]}
    head = web.ask("HEAD", "/get")
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["content-length"]) > 0
    assert "PUT" in web.ask("OPTIONS", "/anything").headers["allow"]
    for status in (200, 204, 304, 400, 404, 418, 500, 503):
        assert web.ask("GET", f"/status/{status}").status == status


def test_bodies(web: Any) -> None:
    assert web.ask("POST", "/post", json={"a": [1, None]}).json()["json"] == {"a": [1, None]}
    assert web.ask("PUT", "/put", content=b"text").json()["data"] == "text"
    form = web.ask("POST", "/post", data={"a": "1 2", "b": ["x", "y"]}).json()["form"]
    assert form == {"a": "1 2", "b": ["x", "y"]}
    files = {"f": ("name.txt", b"content", "text/plain")}
    sent = web.ask("POST", "/post", data={"a": "b"}, files=files).json()
    assert (sent["files"], sent["form"]) == ({"f": "content"}, {"a": "b"})
    much = b"x" * 3_000_000
    assert len(web.ask("POST", "/anything", content=much).json()["data"]) == len(much)
    assert len(web.ask("GET", "/bytes/100000").body) == 100_000


def test_redirects(web: Any) -> None:
    answer = web.ask("GET", "/redirect/3")
    assert (answer.status, answer.redirects) == (200, 3)
    assert answer.json()["url"].endswith("/get")
    for path in ("/absolute-redirect/2", "/relative-redirect/2"):
        assert web.ask("GET", path).redirects == 2
    assert web.ask("GET", "/redirect/1", follow_redirects=False).status == 302
    to = {"url": "/anything", "status_code": "303"}
    assert web.ask("POST", "/redirect-to", params=to, content=b"gone").json()["method"] == "GET"
    kept = web.ask("POST", "/redirect-to", params={**to, "status_code": "307"}, content=b"kept")
    assert (kept.json()["method"], kept.json()["data"]) == ("POST", "kept")


def test_auth(web: Any) -> None:
    assert web.ask("GET", "/basic-auth/me/pw").status == 401
    assert web.ask("GET", "/basic-auth/me/pw", auth=("basic", "me", "pw")).json()["user"] == "me"
    assert web.ask("GET", "/basic-auth/me/pw", auth=("basic", "me", "no")).status == 401
    assert web.ask("GET", "/hidden-basic-auth/me/pw", auth=("basic", "me", "pw")).status == 200
    assert web.ask("GET", "/bearer").status == 401
    assert web.ask("GET", "/bearer", auth=("bearer", "token")).json()["token"] == "token"
    for algorithm in ("MD5", "SHA-256"):
        path = f"/digest-auth/auth/me/pw/{algorithm}"
        assert web.ask("GET", path, auth=("digest", "me", "pw")).status == 200
        assert web.ask("GET", path, auth=("digest", "me", "no")).status == 401


def test_cookies(web: Any) -> None:
    assert web.ask("GET", "/cookies/set", params={"a": "1", "b": "2"}).json() == {
        "cookies": {"a": "1", "b": "2"}
    }
    assert web.ask("GET", "/cookies/delete", params={"a": ""}).json() == {"cookies": {"b": "2"}}
    assert web.ask("GET", "/cookies").json() == {"cookies": {"b": "2"}}


def test_codings(web: Any) -> None:
    assert web.ask("GET", "/gzip").json()["gzipped"] is True
    assert web.ask("GET", "/deflate").json()["deflated"] is True
    # httpx and requests do so with a package for it, which httpbin brings along.
    assert web.ask("GET", "/brotli").json()["brotli"] is True
    assert "∮ E⋅da = Q" in web.ask("GET", "/encoding/utf8").body.decode()
    assert web.ask("GET", "/image/png").body.startswith(b"\x89PNG")


def test_streams(web: Any) -> None:
    lines = web.lines("/stream/20")
    assert [json.loads(line)["id"] for line in lines] == list(range(20))
    part = web.ask("GET", "/range/100", headers={"range": "bytes=10-19"})
    assert (part.status, part.body) == (206, b"klmnopqrst")
    assert web.ask("GET", "/drip", params={"numbytes": 5, "duration": 0.1}).body == b"*****"


def test_delays(web: Any) -> None:
    assert web.ask("GET", "/delay/0.05").status == 200
    with pytest.raises(TIMEOUTS):
        web.ask("GET", "/delay/1", timeout=0.1)
    assert web.ask("GET", "/uuid").status == 200


def test_conditions(web: Any) -> None:
    assert web.ask("GET", "/etag/one", headers={"if-none-match": "one"}).status == 304
    assert web.ask("GET", "/etag/one", headers={"if-match": "two"}).status == 412
    fields = web.ask("GET", "/response-headers", params={"x-own": ["1", "2"]}).headers
    assert fields["x-own"] == "1, 2"
