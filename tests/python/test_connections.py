"""How connections are opened: proxies, TLS, sockets, HTTP/2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import Script, Server, answer

import trunkline
from trunkline import AsyncClient, Client, Limits

VARIABLES = ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy")


def absolute(**headers: Any) -> dict[str, Any]:
    return {"expect_request": {"target": "http://far.invalid/a", "headers": headers}}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in (*VARIABLES, "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_a_client_s_proxy(script: Script, drive: Any) -> None:
    login = {"proxy-authorization": "Basic dXNlcjpwdw==", "x-proxy": "field"}
    proxy = script([absolute(**login), answer(body="by proxy")])
    with Client(
        proxy=proxy.url.replace("://", "://user:pw@"),
        proxy_headers={"x-proxy": "field"},
        drive=drive,
    ) as client:
        assert client.get("http://far.invalid/a").text == "by proxy"
    proxy.check()


async def test_a_request_s_proxy(script: Script, server: Server, drive: Any) -> None:
    proxy = script([absolute(), answer(body="by proxy")])
    async with AsyncClient(drive=drive) as client:
        assert (await client.get("http://far.invalid/a", proxy=proxy.url)).text == "by proxy"
    proxy.check()
    async with AsyncClient(proxy="http://127.0.0.1:1", drive=drive) as client:
        with pytest.raises(trunkline.ConnectFailed):
            await client.get(server.http)
        assert (await client.get(server.http, proxy=None)).is_success


def test_proxies_by_scheme_and_their_exceptions(server: Server) -> None:
    with Client(proxy={"https": "http://127.0.0.1:1"}, verify=False) as client:
        assert client.get(server.http).is_success
        with pytest.raises(trunkline.ConnectFailed):
            client.get(server.https)
    for hosts in ("127.0.0.1,localhost", ["127.0.0.0/8"]):
        with Client(proxy="http://127.0.0.1:1", no_proxy=hosts) as client:
            assert client.get(server.http).is_success


def test_the_environment_s_proxies(
    script: Script, server: Server, environment: pytest.MonkeyPatch
) -> None:
    proxy = script([absolute(), answer(body="by proxy")])
    environment.setenv("http_proxy", proxy.url)
    environment.setenv("no_proxy", "127.0.0.1")
    with Client(trust_env=True) as client:
        assert client.get("http://far.invalid/a").text == "by proxy"
        assert client.get(server.http).is_success
    with Client() as client, pytest.raises(trunkline.ResolveFailed):
        client.get("http://far.invalid/a")
    client = Client(trust_env=True, proxy="http://127.0.0.1:1")
    with client, pytest.raises(trunkline.ConnectFailed):
        client.get("http://far.invalid/a")
    proxy.check()


def test_proxies_that_refuse(script: Script) -> None:
    connect = {"expect_head": {"method": "CONNECT", "target": "far.invalid:443"}}
    proxy = script([connect, answer(403), {"close": True}], [connect, answer(407), {"close": True}])
    with Client(proxy=proxy.url) as client:
        with pytest.raises(trunkline.ProxyFailed):
            client.get("https://far.invalid/")
        with pytest.raises(trunkline.ProxyAuthentication):
            client.get("https://far.invalid/")


def test_digest_for_proxies(script: Script) -> None:
    challenge = answer(407, proxy_authenticate='Digest realm="r", nonce="n", qop="auth"')
    proxy = script([absolute(), challenge, absolute(), answer(body="by proxy")])
    url = proxy.url.replace("://", "://user:pw@")
    with Client(proxy=url, proxy_auth="digest") as client:
        assert client.get("http://far.invalid/a").text == "by proxy"
    proxy.check()
    with pytest.raises(ValueError, match="basic"):
        Client(proxy=url, proxy_auth="ntlm")  # type: ignore[arg-type]


def test_coalescing_and_adaptive_windows(server: Server, drive: Any) -> None:
    other = server.https.replace("localhost", "127.0.0.1")
    for coalescing in (False, True):
        with Client(
            verify=server.ca,
            http2_coalescing=coalescing,
            http2_adaptive_window=True,
            drive=drive,
        ) as client:
            for url in (server.https, other):
                assert len(client.get(f"{url}/bytes/300000").content) == 300000
            assert client.statistics()["connections_opened"] == 2 - coalescing


def test_versions_of_tls(server: Server) -> None:
    for options, expected in (
        ({"tls_max_version": "1.2"}, "TLSv1.2"),
        ({"tls_min_version": "1.3"}, "TLSv1.3"),
    ):
        with Client(verify=server.ca, **options) as client:  # type: ignore[arg-type]
            connection = client.get(server.https).connection
            assert connection is not None
            assert (connection.tls or "").startswith(expected)


def test_more_of_tls(server: Server, tmp_path: Path) -> None:
    log = tmp_path / "keys"
    with Client(verify=server.ca, key_log=log, tls_resumption=False, sni="other.test") as client:
        assert client.get(server.https).is_success
    assert "CLIENT_TRAFFIC_SECRET_0" in log.read_text()
    pin = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    with Client(verify=False, tls_pins=[pin]) as client, pytest.raises(trunkline.TlsCertificate):
        client.get(server.https)


def test_sockets(server: Server, drive: Any) -> None:
    with Client(
        local_address="127.0.0.2", tcp_nodelay=False, tcp_keepalive=(5, 5, 3), drive=drive
    ) as client:
        connection = client.get(server.http).connection
        assert connection is not None
        assert (connection.local or "").startswith("127.0.0.2:")
    with Client(tcp_keepalive=True) as client:
        assert client.get(server.http).is_success
    with Client(interface="no-such-one") as client, pytest.raises(trunkline.ConnectError):
        client.get(server.http)


def test_pings(server: Server) -> None:
    limits = Limits(
        http2_connection_window=1_000_000,
        http2_max_frame_size=20_000,
        http2_header_table_size=0,
        http2_connections_per_origin=2,
    )
    with Client(
        http_versions="http2", ping_interval=0.01, ping_unused=True, limits=limits
    ) as client:
        assert client.get(f"{server.http}/delay/100").is_success
        assert client.statistics()["ping_round_trip"] > 0


def test_the_peer_s_word_is_waited_for(script: Script) -> None:
    server = script(
        [
            {"expect_head": {"method": "POST", "headers": {"expect": "100-continue"}}},
            {"send": "HTTP/1.1 100 Continue\r\n\r\n"},
            {"expect_body": {"body": "body"}},
            answer(),
        ]
    )
    with Client(expect_continue=20) as client:
        assert client.post(server.url, content=b"body").is_success
    server.check()


def test_options_are_checked() -> None:
    wrong: list[dict[str, Any]] = [
        {"tls_min_version": "1.1"},
        {"proxy": "ftp://host"},
        {"proxy": {"ftp": "http://host"}},
        {"local_address": "localhost"},
        {"tcp_keepalive": (-1, 1, 1)},
    ]
    for options in wrong:
        with pytest.raises(ValueError, match=r".+"):
            Client(**options)
    wrong = [{"proxy": 3}, {"tcp_keepalive": "x"}, {"proxy_headers": 3}]
    for options in wrong:
        with pytest.raises(TypeError):
            Client(**options)
