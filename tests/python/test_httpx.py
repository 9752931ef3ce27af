"""httpx over the engine: its own features, and a program made on it."""

from __future__ import annotations

import asyncio
import base64
import gzip
import ssl
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from conftest import Script, Server, answer

import trunkline

httpx = pytest.importorskip("httpx", reason="httpx is not installed")

from trunkline.httpx import AsyncTransport, Transport  # noqa: E402

CHUNKED = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: text/event-stream\r\n\r\n"
GET = {"expect_request": {"method": "GET"}}
#: Without it no server may send trailers over HTTP/1.1.
TE = {"te": "trailers"}


def chunk(text: str) -> str:
    return f"{len(text):x}\r\n{text}\r\n"


@pytest.fixture
def web(server: Server, drive: Any) -> Iterator[Any]:
    transport = Transport(verify=server.ca, http2=True, drive=drive)
    with httpx.Client(transport=transport) as client:
        yield client


@pytest.fixture
async def aweb(server: Server, drive: Any) -> AsyncIterator[Any]:
    transport = AsyncTransport(verify=server.ca, http2=True, drive=drive)
    async with httpx.AsyncClient(transport=transport) as client:
        yield client


def test_an_answer_and_its_extensions(web: Any, server: Server) -> None:
    for url, version in ((server.http, b"HTTP/1.1"), (server.https, b"HTTP/2")):
        response = web.get(f"{url}/trailers", headers=TE)
        assert (response.status_code, response.text) == (200, "with trailers\n")
        assert response.extensions["http_version"] == version
        assert response.extensions["reason_phrase"] == b"OK"
        assert response.extensions["trailers"]["x-sum"] == "42"
        told = response.extensions["network_stream"].get_extra_info("server_addr")
        assert told == ("127.0.0.1", httpx.URL(url).port)
        sent = web.get(f"{url}/headers", headers={"X-Own": "täg".encode()}).json()
        assert sent["user-agent"].startswith("python-httpx/")
        accepted = web.headers["accept-encoding"]
        assert (sent["x-own"], sent["accept-encoding"]) == ("täg", accepted)


async def test_an_answer_to_asyncio(aweb: Any, server: Server) -> None:
    urls = [server.http, server.https] * 8
    answers = await asyncio.gather(*(aweb.get(f"{url}/trailers", headers=TE) for url in urls))
    assert {each.http_version for each in answers} == {"HTTP/1.1", "HTTP/2"}
    assert all(each.extensions["trailers"]["x-sum"] == "42" for each in answers)


def test_http1_is_the_default(server: Server) -> None:
    with httpx.Client(transport=Transport(verify=server.ca)) as client:
        assert client.get(server.https).http_version == "HTTP/1.1"
    transport = Transport(http1=False, http2=True)
    with httpx.Client(transport=transport) as client:
        assert client.get(server.http).http_version == "HTTP/2"


def test_what_is_repeated_stays_apart(web: Any, script: Script) -> None:
    peer = script(
        [
            {"expect_request": {"headers": {"x-a": "1, 2", "user-agent": None, "accept": None}}},
            {"send": "HTTP/1.1 299 x\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nx: \u00fc\r\n\r\n"},
            {"close": True},
        ]
    )
    request = web.build_request("GET", peer.url, headers=[("x-a", "1"), ("x-a", "2")])
    del request.headers["user-agent"], request.headers["accept"]
    response = web.send(request)
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert (response.headers["x"], response.status_code) == ("\u00fc", 299)
    assert dict(web.cookies) == {"a": "1", "b": "2"}
    peer.check()


def test_a_body_is_read_as_it_comes(web: Any, server: Server) -> None:
    with web.stream("GET", f"{server.https}/bytes/3000000") as response:
        assert sum(map(len, response.iter_raw())) == 3_000_000
        assert response.num_bytes_downloaded == 3_000_000


def test_a_failure_behind_the_head_shows_with_the_body(web: Any, script: Script) -> None:
    peer = script(
        [
            {"expect_request": {}},
            {"send": "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"},
            {"close": True},
        ]
    )
    with web.stream("GET", peer.url) as response:
        assert response.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            response.read()
    peer.check()


def test_an_answer_closed_early_is_cancelled(web: Any, script: Script) -> None:
    peer = script([GET, {"send": CHUNKED + chunk("one")}, {"wait_close": True}])
    with web.stream("GET", peer.url) as response:
        assert next(response.iter_text()) == "one"
    peer.check()


async def test_an_answer_closed_early_by_asyncio(aweb: Any, script: Script) -> None:
    peer = script([GET, {"send": CHUNKED + chunk("one")}, {"wait_close": True}])
    async with aweb.stream("GET", peer.url) as response:
        pieces = response.aiter_text()
        assert await pieces.__anext__() == "one"
    await asyncio.to_thread(peer.check)


async def test_a_cancelled_task_cancels_its_request(aweb: Any, script: Script) -> None:
    peer = script([GET, {"wait_close": True}])
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(aweb.get(peer.url), 0.2)
    await asyncio.to_thread(peer.check)


def test_uploads_are_streamed(web: Any, server: Server, script: Script) -> None:
    for url in (server.http, server.https):
        sent = (b"x" * 1000 for _ in range(1000))
        assert web.post(f"{url}/upload", content=sent).json()["bytes"] == 1_000_000
    told = {"content-length": "6", "transfer-encoding": None}
    untold = {"content-length": None, "transfer-encoding": "chunked"}
    peer = script(
        [
            {"expect_request": {"body": "onetwo", "headers": told}},
            answer(),
            {"expect_request": {"body": "onetwo", "headers": untold}},
            answer(),
        ]
    )
    web.post(peer.url, content=iter([b"one", b"", b"two"]), headers={"content-length": "6"})
    web.post(peer.url, content=iter([b"one", b"", b"two"]))
    peer.check()


async def test_uploads_are_streamed_by_asyncio(aweb: Any, server: Server) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b"y" * 1000
            await asyncio.sleep(0)

    for url in (server.http, server.https):
        response = await aweb.post(f"{url}/upload", content=pieces())
        assert response.json()["bytes"] == 1_000_000


async def test_an_answer_may_come_before_the_body_was_sent(
    web: Any, aweb: Any, script: Script
) -> None:
    early = [{"expect_head": {"method": "POST"}}, answer(413), {"shutdown_write": True}]
    discard = {"wait_close": {"discard": True}}
    peer = script([*early, discard], [*early, discard])

    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65536

    endless = iter(lambda: b"x" * 65536, b"")
    assert web.post(peer.url, content=endless).status_code == 413
    assert (await aweb.post(peer.url, content=pieces())).status_code == 413
    await asyncio.to_thread(peer.check)


async def test_what_a_body_raises_is_raised(web: Any, aweb: Any, server: Server) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"one"
        raise KeyError("mine")

    async def apieces() -> AsyncIterator[bytes]:
        yield b"one"
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        web.post(f"{server.http}/upload", content=pieces())
    with pytest.raises(KeyError, match="mine"):
        await aweb.post(f"{server.http}/upload", content=apieces())


def test_multipart(web: Any, server: Server, tmp_path: Any) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"of a file" * 100_000)
    with path.open("rb") as file:
        echo = web.post(f"{server.https}/echo", data={"a": "b"}, files={"f": file})
    assert path.read_bytes() in echo.content
    assert echo.headers["content-type"].startswith("multipart/form-data")


def test_credentials(web: Any, server: Server, script: Script) -> None:
    basic = "Basic dXNlcjpwYXNzd29yZA=="
    url = f"{server.http}/headers"
    assert web.get(url, auth=("user", "password")).json()["authorization"] == basic
    assert web.get(url.replace("//", "//user:password@")).json()["authorization"] == basic
    challenge = 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256'
    peer = script([GET, answer(401, www_authenticate=challenge), GET, answer(body="welcome")])
    response = web.get(peer.url, auth=httpx.DigestAuth("user", "password"))
    assert response.text == "welcome"
    assert response.request.headers["authorization"].startswith('Digest username="user"')
    peer.check()


def test_redirects_and_cookies_are_left_to_httpx(web: Any, script: Script) -> None:
    with_cookie = {"expect_request": {"target": "/b", "headers": {"cookie": "k=v"}}}
    found = answer(302, location="/b", set_cookie="k=v; Path=/")
    peer = script([GET, found, with_cookie, answer(body="here"), with_cookie, answer(500)])
    response = web.get(f"{peer.url}/a")
    assert (response.status_code, response.next_request.url.path) == (302, "/b")
    assert web.get(f"{peer.url}/b").text == "here"
    with pytest.raises(httpx.HTTPStatusError):
        web.get(f"{peer.url}/b").raise_for_status()
    peer.check()


def test_redirects_are_followed_with_hooks(web: Any, script: Script) -> None:
    peer = script([GET, answer(307, location="/b"), GET, answer(body="here")])
    seen: list[Any] = []
    web.event_hooks = {
        "request": [lambda request: seen.append(request.url.path)],
        "response": [lambda response: seen.append(response.status_code)],
    }
    response = web.get(f"{peer.url}/a", follow_redirects=True)
    assert (response.text, len(response.history)) == ("here", 1)
    assert seen == ["/a", 307, "/b", 200]
    peer.check()


def test_bodies_are_decoded_by_httpx(web: Any, script: Script) -> None:
    packed = gzip.compress(b"unpacked" * 100)
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(packed)}\r\n\r\n"
    send = {"send": {"cat": [head, {"base64": base64.b64encode(packed).decode()}]}}
    peer = script([GET, send, GET, send])
    assert web.get(peer.url).text == "unpacked" * 100
    with web.stream("GET", peer.url) as response:
        assert b"".join(response.iter_raw()) == packed
    peer.check()


def test_timeouts(web: Any, server: Server, script: Script) -> None:
    with pytest.raises(httpx.ReadTimeout):
        web.get(f"{server.http}/hang", timeout=0.1)
    silent = script([{"hang": True}], [GET, {"send": CHUNKED + chunk("one")}, {"hang": True}])
    with pytest.raises(httpx.ConnectTimeout):
        web.get(silent.url.replace("http:", "https:"), timeout=httpx.Timeout(None, connect=0.2))
    short = httpx.Timeout(None, read=0.2)
    with pytest.raises(httpx.ReadTimeout), web.stream("GET", silent.url, timeout=short) as response:
        response.read()


def test_connections_are_waited_for_no_longer_than_allowed(server: Server) -> None:
    one = Transport(limits=httpx.Limits(max_connections=1))
    slow = f"{server.http}/drip/9/99"
    with httpx.Client(transport=one) as client, client.stream("GET", slow) as response:
        with pytest.raises(httpx.PoolTimeout):
            client.get(server.http, timeout=httpx.Timeout(None, pool=0.1))
        assert len(response.read()) == 9
        assert client.get(server.http).is_success


def test_write_timeouts(web: Any, script: Script) -> None:
    peer = script([{"hang": True}])
    endless = iter(lambda: b"x" * 65536, b"")
    with pytest.raises(httpx.WriteTimeout):
        web.post(peer.url, content=endless, timeout=httpx.Timeout(None, write=0.2))


BROKEN = {
    "nonsense": ([GET, {"send": "nonsense\r\n\r\n"}, {"close": True}], "RemoteProtocolError"),
    "nothing": ([GET, {"close": True}], "RemoteProtocolError"),
    "too little": ([GET, {"send": CHUNKED + "5\r\nabc"}, {"close": True}], "RemoteProtocolError"),
    "bad chunk": ([GET, {"send": CHUNKED + "zz\r\n"}, {"close": True}], "RemoteProtocolError"),
    "reset": ([GET, {"send": CHUNKED + chunk("one")}, {"reset": True}], "ReadError"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_broken_peers(name: str, web: Any, aweb: Any, script: Script) -> None:
    connection, error = BROKEN[name]
    peer = script(connection, connection)
    with pytest.raises(getattr(httpx, error)) as raised:
        web.get(peer.url)
    assert isinstance(raised.value.__cause__, trunkline.Error)
    assert raised.value.request.url == peer.url
    with pytest.raises(getattr(httpx, error)):
        await aweb.get(peer.url)


def test_other_errors(web: Any, server: Server) -> None:
    with pytest.raises(httpx.ConnectError):
        web.get("http://127.0.0.1:1/")
    with pytest.raises(httpx.UnsupportedProtocol):
        web.get("ftp://127.0.0.1/")
    with pytest.raises(httpx.LocalProtocolError):
        web.get(server.http, headers={"x": "a\nb"})
    with pytest.raises(httpx.LocalProtocolError):
        web.get(server.http, headers={"connection": "upgrade", "upgrade": "websocket"})
    with pytest.raises(httpx.LocalProtocolError, match="sni_hostname"):
        web.get(server.https, extensions={"sni_hostname": "other"})
    with httpx.Client(transport=Transport()) as strict, pytest.raises(httpx.ConnectError):
        strict.get(server.https)


def test_proxies(script: Script) -> None:
    login = {"proxy-authorization": "Basic dXNlcjpwdw==", "x-proxy": "field"}
    absolute = {"target": "http://far.invalid/a", "headers": login}
    connect = {"expect_head": {"method": "CONNECT", "target": "far.invalid:443"}}
    peer = script(
        [{"expect_request": absolute}, answer(body="by proxy"), {"close": True}],
        [connect, answer(403), {"close": True}],
        [connect, answer(407), {"close": True}],
    )
    proxy = httpx.Proxy(peer.url, auth=("user", "pw"), headers={"x-proxy": "field"})
    with httpx.Client(transport=Transport(proxy=proxy)) as client:
        assert client.get("http://far.invalid/a").text == "by proxy"
        for _ in range(2):
            with pytest.raises(httpx.ProxyError):
                client.get("https://far.invalid/")


def test_connecting_is_tried_again(monkeypatch: pytest.MonkeyPatch, script: Script) -> None:
    pauses: list[int] = []

    def pause(number: int) -> float:
        pauses.append(number)
        return 0.0

    monkeypatch.setattr("trunkline.httpx._pause", pause)
    with httpx.Client(transport=Transport(retries=3)) as client:
        with pytest.raises(httpx.ConnectError):
            client.get("http://127.0.0.1:1/")
        assert pauses == [1, 2, 3]
        peer = script([GET, answer(503)])
        assert client.get(peer.url).status_code == 503
    assert pauses == [1, 2, 3]
    peer.check()


def test_ways_to_a_server(server: Server) -> None:
    with httpx.Client(transport=Transport(uds=server.unix)) as client:
        assert client.get("http://whatever/status/204").status_code == 204
    cert = (server.client_cert, server.client_key)
    with httpx.Client(transport=Transport(verify=server.ca, cert=cert)) as client:
        assert client.get(server.mtls).is_success
    near = Transport(local_address="127.0.0.1", limits=httpx.Limits(max_keepalive_connections=0))
    with httpx.Client(transport=near) as client:
        addresses = []
        for _ in range(2):
            response = client.get(server.http)
            stream = response.extensions["network_stream"]
            addresses.append(stream.get_extra_info("client_addr"))
        assert [host for host, _ in addresses] == ["127.0.0.1"] * 2
        assert addresses[0] != addresses[1]


def test_what_cannot_be_served_is_refused() -> None:
    with pytest.raises(TypeError, match="SSLContext"):
        Transport(verify=ssl.create_default_context())
    with pytest.raises(TypeError, match="password"):
        Transport(cert=("cert", "key", "password"))
    with pytest.raises(TypeError, match="no option 'follow_redirects'"):
        Transport(follow_redirects=True)
    with pytest.raises(TypeError, match="no option 'socket_options'"):
        AsyncTransport(socket_options=[])
    with pytest.raises(ValueError, match="http1"):
        Transport(http1=False)


def test_threads_share_a_transport(web: Any, server: Server) -> None:
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


def test_uvloop(server: Server) -> None:
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")

    async def main() -> int:
        transport = AsyncTransport(verify=server.ca, http2=True)
        async with httpx.AsyncClient(transport=transport) as client:
            answers = await asyncio.gather(*(client.get(server.https) for _ in range(9)))
            return sum(each.status_code for each in answers)

    loop = uvloop.new_event_loop()
    try:
        assert loop.run_until_complete(main()) == 1800
    finally:
        loop.close()


FORKED = """
import os, sys
import httpx
from trunkline.httpx import Transport
client = httpx.Client(transport=Transport(drive=sys.argv[2]))
assert client.get(sys.argv[1]).is_success
child = os.fork()
if child == 0:
    try:
        os._exit(0 if client.get(sys.argv[1]).is_success else 1)
    finally:
        os._exit(2)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert client.get(sys.argv[1]).is_success
"""


def test_a_forked_child_has_connections_of_its_own(server: Server, drive: Any) -> None:
    subprocess.run([sys.executable, "-c", FORKED, server.http, drive], check=True, timeout=60)


def test_closing_ends_what_is_under_way(web: Any, server: Server) -> None:
    with web.stream("GET", f"{server.http}/drip/100/50") as response:
        pieces = response.iter_raw()
        assert next(pieces) == b"."
        web._transport.close()
        with pytest.raises(httpx.ReadError):
            list(pieces)


CHAT = {"expect_head": {"method": "POST", "target": "/v1/chat/completions"}}


def event(text: str) -> str:
    choice = f'{{"index":0,"delta":{{"content":"{text}"}}}}'
    told = '"id":"1","object":"chat.completion.chunk","created":1,"model":"m"'
    return chunk(f'data: {{{told},"choices":[{choice}]}}\n\n')


def chat(script: Script) -> Any:
    """A service that is busy at first, and then streams three words."""
    busy = answer(429, retry_after_ms="1")
    body: dict[str, Any] = {"expect_body": {}}
    words = {"send_split": CHUNKED + "".join(map(event, ["one ", "two ", "three"]))}
    end = {"send": chunk("data: [DONE]\n\n") + "0\r\n\r\n"}
    return script([CHAT, body, busy, CHAT, body, words, end])


ASKED: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "user", "content": "?"}],
    "stream": True,
}


def test_openai(web: Any, script: Script) -> None:
    openai = pytest.importorskip("openai", reason="openai is not installed")
    peer = chat(script)
    client = openai.OpenAI(base_url=f"{peer.url}/v1", api_key="key", http_client=web)
    words = [each.choices[0].delta.content for each in client.chat.completions.create(**ASKED)]
    assert words == ["one ", "two ", "three"]
    peer.check()


async def test_openai_by_asyncio(aweb: Any, script: Script) -> None:
    openai = pytest.importorskip("openai", reason="openai is not installed")
    peer = chat(script)
    client = openai.AsyncOpenAI(base_url=f"{peer.url}/v1", api_key="key", http_client=aweb)
    stream = await client.chat.completions.create(**ASKED)
    words = [each.choices[0].delta.content async for each in stream]
    assert words == ["one ", "two ", "three"]
    await asyncio.to_thread(peer.check)
