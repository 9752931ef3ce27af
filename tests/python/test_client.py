"""The blocking client."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from conftest import Script, Server

import trunkline
from trunkline import Client, Headers, Timeout


def test_get(client: Client) -> None:
    response = client.get("/bytes/1000")
    assert response.status_code == 200
    assert response.reason_phrase == "OK"
    assert response.http_version == "HTTP/1.1"
    assert len(response.content) == 1000
    assert response.content is response.content
    assert response.read() == response.content == b"".join(response.iter_bytes(7))
    assert response.headers["Content-Length"] == "1000"
    assert response.is_success
    assert not response.is_error
    assert response.raise_for_status() is response
    assert response.attempts == 1
    assert 0 < response.timings.first_byte <= response.timings.total == response.elapsed
    assert response.connection is not None
    assert response.connection.protocol == "HTTP/1.1"
    assert response.connection.tls is None
    assert not response.connection.reused
    again = client.get("/bytes/1000").connection
    assert again is not None
    assert again.reused
    assert again.id == response.connection.id


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options"])
def test_methods(client: Client, method: str) -> None:
    response = getattr(client, method)("/status/201")
    assert response.method == method.upper()
    assert response.status_code == 201


def test_head_has_no_body(client: Client) -> None:
    response = client.head("/bytes/1000")
    assert response.headers["content-length"] == "1000"
    assert response.content == b""


def test_status_errors(client: Client) -> None:
    for code in (301, 404, 503):
        response = client.get(f"/status/{code}")
        with pytest.raises(trunkline.HTTPStatusError, match=str(code)) as caught:
            response.raise_for_status()
        assert caught.value.response is response


def test_bodies(client: Client) -> None:
    assert client.post("/echo", content=b"bytes").content == b"bytes"
    assert client.post("/echo", content="grüße").text == "grüße"
    assert client.post("/echo", content=bytearray(b"array")).content == b"array"
    assert client.post("/echo", json={"a": [1, None, "ü"]}).json() == {"a": [1, None, "ü"]}
    form = client.post("/echo", data={"a": "1 2", "b": ["x", "y"]})
    assert form.text == "a=1+2&b=x&b=y"
    assert form.headers["content-type"] == "application/x-www-form-urlencoded"
    assert client.post("/echo", content=b"x" * 3_000_000).content == b"x" * 3_000_000
    with pytest.raises(TypeError, match="one body"):
        client.post("/echo", content=b"1", json=1)
    with pytest.raises(TypeError):
        client.post("/echo", content=3)  # type: ignore[arg-type]


def test_headers_and_params(server: Server, drive: str) -> None:
    with Client(
        base_url=server.http,
        headers={"x-one": "client", "x-two": "client"},
        params={"from": "client"},
        drive=drive,  # type: ignore[arg-type]
    ) as client:
        sent = client.get("/headers", headers=[("X-One", "own"), ("x-three", b"3")]).json()
        assert (sent["x-one"], sent["x-two"], sent["x-three"]) == ("own", "client", "3")
        assert sent["user-agent"].startswith("trunkline/")
        url = client.get("/headers", params={"a": ["1", "2"], "b": True}).url
        assert url.endswith("/headers?from=client&a=1&a=2&b=true")


def test_user_agent(server: Server) -> None:
    with Client(base_url=server.http, user_agent="mine/1") as client:
        assert client.get("/headers").json()["user-agent"] == "mine/1"
        assert client.get("/headers", headers={"user-agent": "own"}).json()["user-agent"] == "own"
    with Client(base_url=server.http, user_agent="") as client:
        assert "user-agent" not in client.get("/headers").json()


def test_headers_left_out(server: Server, drive: str) -> None:
    given = {"accept": None, "x-one": "client"}
    with Client(base_url=server.http, headers=given, drive=drive) as client:  # type: ignore[arg-type]
        sent = client.get("/headers").json()
        assert "accept" not in sent
        assert sent["x-one"] == "client"
        sent = client.get("/headers", headers={"Accept": "text/*", "X-One": None}).json()
        assert sent["accept"] == "text/*"
        assert "x-one" not in sent
        names = ("user-agent", "accept-encoding", "accept", "x-none")
        sent = client.get("/headers", headers=[(name, None) for name in names]).json()
        assert not sent.keys() & {*names}
        # What the request says of itself is sent.
        both = [("accept", None), ("accept", "text/plain")]
        assert client.get("/headers", headers=both).json()["accept"] == "text/plain"
        for name in ("host", "content-length", "a b"):
            with pytest.raises(trunkline.InvalidHeader):
                client.get("/headers", headers={name: None})
    with pytest.raises(TypeError, match="only headers of requests"):
        Headers({"a": None})  # type: ignore[arg-type]


def test_unknown_options() -> None:
    with pytest.raises(TypeError, match="a client has no option 'verfy': is 'verify' meant"):
        Client(verfy=False)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"no option 'xyz'$"):
        trunkline.AsyncClient(xyz=1)  # type: ignore[call-arg]


def test_headers_mapping() -> None:
    headers = Headers([("A", "1"), ("b", "2"), ("a", "3")])
    assert headers["a"] == "1, 3"
    assert headers.get("none") is None
    assert headers.get("none", 5) == 5
    assert headers.get_list("A") == ["1", "3"]
    assert headers.multi_items() == [("a", "1"), ("a", "3"), ("b", "2")]
    assert headers.raw == [(b"a", b"1"), (b"a", b"3"), (b"b", b"2")]
    assert Headers({"a": b"caf\xe9"}).raw == [(b"a", b"caf\xe9")]
    assert list(headers) == headers.keys() == ["a", "b"]
    assert dict(headers.items()) == {"a": "1, 3", "b": "2"}
    assert "B" in headers
    assert "c" not in headers
    assert len(headers) == 2
    assert headers == Headers([("a", "1"), ("b", "2"), ("A", "3")])
    assert Headers({"x": "y"}) == {"X": "y"}
    with pytest.raises(KeyError):
        headers["c"]
    assert "('b', '2')" in repr(headers)


def test_http2_over_tls(server: Server, drive: str) -> None:
    with Client(base_url=server.https, verify=server.ca, drive=drive) as client:  # type: ignore[arg-type]
        response = client.get("/resource/7")
        assert response.http_version == "HTTP/2"
        assert response.json()["id"] == "7"
        assert response.connection is not None
        assert "TLSv1.3" in (response.connection.tls or "")
        assert client.get("/resource/8", http_versions="http1").http_version == "HTTP/1.1"


def test_http2_by_prior_knowledge(server: Server) -> None:
    with Client(http_versions="http2") as client:
        response = client.get(server.http + "/trailers")
        assert response.http_version == "HTTP/2"
        assert response.trailers == {"x-sum": "42"}


def test_http2_by_upgrade(script: Script, drive: Any) -> None:
    played = script(
        [
            {"expect_request": {"target": "/1", "headers": {"upgrade": "h2c"}}},
            {"send": "HTTP/1.1 101 S\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"},
            {"h2_start": {}},
            {"h2_headers": {"stream": 1, "headers": [[":status", "200"]]}},
            {"h2_data": {"stream": 1, "data": "hello"}},
            {"h2_headers": {"stream": 1, "headers": [["x-sum", "42"]], "end_stream": True}},
            {"h2_expect_headers": {"stream": 3, "method": "POST", "headers": {"upgrade": None}}},
            {"h2_expect_data": {"stream": 3, "body": "a body", "end_stream": True}},
            {"h2_headers": {"stream": 3, "headers": [[":status", "204"]], "end_stream": True}},
        ],
        protocol="upgrade",
    )
    with Client(http_versions="upgrade", drive=drive) as client:
        first = client.get(played.url + "/1")
        assert (first.http_version, first.text) == ("HTTP/2", "hello")
        assert first.trailers == {"x-sum": "42"}
        second = client.post(played.url + "/2", content="a body")
        assert (second.http_version, second.status_code) == ("HTTP/2", 204)
        assert client.statistics()["connections_opened"] == 1
    played.check()


def test_trust(server: Server) -> None:
    with Client() as client, pytest.raises(trunkline.TlsCertificate):
        client.get(server.https)
    with Client(verify=False) as client:
        assert client.get(server.https).is_success
    with Client(verify=Path(server.ca).read_bytes()) as client:
        assert client.get(server.https1).http_version == "HTTP/1.1"
    with Client(verify=server.ca, cert=(server.client_cert, server.client_key)) as client:
        assert client.get(server.mtls).is_success
    with Client(verify=server.ca) as client, pytest.raises(trunkline.Error):
        client.get(server.mtls)


def test_unix_socket_and_resolve(server: Server) -> None:
    with Client(uds=server.unix) as client:
        assert client.get("http://anything/bytes/5").content
    port = int(server.http.rsplit(":", 1)[1])
    with Client(resolve={("some.test", port): ["127.0.0.1"]}) as client:
        assert client.get(f"http://some.test:{port}/bytes/5").is_success


def test_max_bytes(client: Client) -> None:
    assert len(client.get("/bytes/1000", max_bytes=1000).content) == 1000
    with pytest.raises(trunkline.BodyTooLarge):
        client.get("/bytes/1001", max_bytes=1000)
    with pytest.raises(trunkline.BodyTooLarge):
        client.post("/echo", content=iter([b"x" * 600] * 2), max_bytes=1000)


def test_timeouts(client: Client) -> None:
    with pytest.raises(trunkline.TotalTimeout) as caught:
        client.get("/hang", timeout=Timeout(total=0.05))
    assert isinstance(caught.value, TimeoutError)
    assert isinstance(caught.value, trunkline.TimeoutError)
    with pytest.raises(trunkline.FirstByteTimeout) as first:
        client.get("/hang", timeout=0.05)
    assert first.value.phase == "first_byte"
    assert client.get("/bytes/1", timeout=None).is_success
    assert dict(Timeout(5, connect=1).as_dict())["connect"] == 1
    assert dict(Timeout(5).as_dict()).get("total") is None
    with pytest.raises(ValueError, match="seconds"):
        client.get("/bytes/1", timeout=-1)
    with pytest.raises(TypeError, match="no phase"):
        Timeout(nonsense=1)  # type: ignore[call-arg]


def test_threads_share_a_client(client: Client) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(20):
                size = number * 100 + turn
                assert len(client.get(f"/bytes/{size}").content) == size
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert client.statistics()["requests_completed"] == 160


def test_closed(server: Server) -> None:
    client = Client()
    client.get(server.http)
    client.close()
    client.close()
    with pytest.raises(trunkline.Closed):
        client.get(server.http)


def test_parts_in_order(client: Client) -> None:
    exchange = client.submit("GET", "/bytes/100000")
    kinds = []
    size = 0
    while True:
        part = exchange.recv()
        kinds.append(type(part))
        if isinstance(part, trunkline.Data):
            size += len(part.data)
        if isinstance(part, trunkline.Done):
            assert part.summary.received == size == 100000
            break
    assert kinds[0] is trunkline.Head
    assert set(kinds[1:-1]) == {trunkline.Data}
    with pytest.raises(trunkline.EndOfParts):
        exchange.recv()


def test_module_functions(server: Server) -> None:
    assert trunkline.get(server.http).is_success
    assert trunkline.post(server.http + "/echo", json=1).json() == 1
    with trunkline.stream("GET", server.http + "/bytes/10") as response:
        assert len(response.read()) == 10
