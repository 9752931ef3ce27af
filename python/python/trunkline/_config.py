"""A client's options on their way to the native half."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Optional

from ._auth import is_asked, native
from ._logging import update_logging
from ._native import CookieJar, Manager, Timeout
from ._options import ClientOptions
from ._resolver import beginning_of
from ._websocket_options import deflate_of, reconnect_of

if TYPE_CHECKING:
    from ._options import CertTypes, Drive, TimeoutTypes, VerifyTypes

#: The options of `PolicyOptions` that the core knows by the same names.
POLICY = (
    "follow_redirects",
    "max_redirects",
    "redirect_trusted",
    "redirect_downgrade",
    "retry",
    "max_retries",
    "retry_delay",
    "decode",
    "max_decoded_bytes",
    "max_decode_ratio",
    "expect_continue",
)
#: The options of `ClientOptions` that the core knows by the same names.
NATIVE = (
    "http_versions",
    "server_hostname",
    "sni",
    "tls_min_version",
    "tls_max_version",
    "tls_resumption",
    "trust_env",
    "proxy_auth",
    "proxy_headers",
    "local_address",
    "interface",
    "tcp_nodelay",
    "tcp_keepalive",
    "http2_adaptive_window",
    "http2_coalescing",
    "user_agent",
    "har",
    "websocket_ping_interval",
    "websocket_ping_timeout",
    "websocket_close_timeout",
    "websocket_frames",
)


def header_fields(**fields: Any) -> list[tuple[str, Any]]:
    """Header fields with names that are identifiers: underscores become dashes, lists repeat their name, None is none.

    >>> header_fields(content_type="text/plain", x_tag=["a", "b"], cookie=None)
    [('content-type', 'text/plain'), ('x-tag', 'a'), ('x-tag', 'b')]
    """
    pairs = []
    for name, value in fields.items():
        for one in value if isinstance(value, (list, tuple)) else (value,):
            if one is not None:
                text = str(one) if isinstance(one, (int, float)) else one
                pairs.append((name.replace("_", "-").lower(), text))
    return pairs


@dataclass(frozen=True)
class Limits:
    """Bounds of a client; None keeps the library's default."""

    #: Connections in all.
    max_connections: Optional[int] = None
    #: Connections to one origin.
    max_connections_per_origin: Optional[int] = None
    #: Seconds that an unused connection is kept.
    keepalive_expiry: Optional[float] = None
    #: Bytes of a streamed answer that may have arrived and not been taken.
    credit: Optional[int] = None
    #: Bytes of a streamed upload that may wait to be sent.
    upload_buffer: Optional[int] = None
    #: Bytes of the head of an answer.
    max_header_bytes: Optional[int] = None
    #: Header fields of an HTTP/1.1 answer.
    max_headers: Optional[int] = None
    #: Bytes of the body of an answer; 0 sets no limit.
    max_body_bytes: Optional[int] = None
    #: Streams at once on one HTTP/2 connection.
    http2_max_concurrent_streams: Optional[int] = None
    #: HTTP/2 connections to one origin; a further one is opened when all are full.
    http2_connections_per_origin: Optional[int] = None
    #: Receive window of one HTTP/2 stream, in bytes.
    http2_stream_window: Optional[int] = None
    #: Receive window of a whole HTTP/2 connection, in bytes.
    http2_connection_window: Optional[int] = None
    #: Payload of one HTTP/2 frame that the peer may send, in bytes.
    http2_max_frame_size: Optional[int] = None
    #: Bytes of the table by which the peer compresses header fields.
    http2_header_table_size: Optional[int] = None
    #: Bytes of one WebSocket frame.
    websocket_max_frame_bytes: Optional[int] = None
    #: Bytes of one WebSocket message.
    websocket_max_message_bytes: Optional[int] = None
    #: Bytes of outgoing WebSocket messages that may wait to be sent.
    websocket_send_buffer: Optional[int] = None

    def _options(self) -> dict[str, Any]:
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        options = {name: value for name, value in given.items() if value is not None}
        if "keepalive_expiry" in options:
            options["idle_connection_timeout"] = int(options.pop("keepalive_expiry") * 1000)
        return options


def _pem(source: str | bytes | os.PathLike[str]) -> bytes:
    """PEM as it is, or the file that a path names."""
    if isinstance(source, bytes):
        return source
    if isinstance(source, str) and source.lstrip().startswith("-----BEGIN"):
        return source.encode()
    with open(source, "rb") as file:
        return file.read()


def _trust(prefix: str, verify: VerifyTypes, cert: Optional[CertTypes]) -> dict[str, Any]:
    """Whom to trust and what to show, of targets or of proxies."""
    given: dict[str, Any] = {}
    if isinstance(verify, bool):
        given[f"{prefix}verify"] = verify
    else:
        given[f"{prefix}ca"] = _pem(verify)
    if cert is not None:
        pair = cert if isinstance(cert, tuple) else (cert, cert)
        given[f"{prefix}cert"] = (_pem(pair[0]), _pem(pair[-1]))
    return given


def _proxies(options: ClientOptions) -> dict[str, Any]:
    """Proxies by the scheme of the URL. They come after `trust_env`, which they override."""
    proxy = options.get("proxy")
    both = {"http": proxy, "https": proxy} if proxy is None or isinstance(proxy, str) else proxy
    for scheme in both:
        if scheme not in ("http", "https"):
            raise ValueError(f"proxies are for 'http' and 'https', not {scheme!r}")
    given: dict[str, Any] = {
        f"{scheme}_proxy": url for scheme, url in both.items() if url is not None
    }
    if "no_proxy" in options:
        hosts = options["no_proxy"]
        given["no_proxy"] = hosts if isinstance(hosts, str) else ",".join(hosts)
    return given


def jar_of(options: ClientOptions) -> CookieJar:
    """The jar that a client is to use: the one that it was given, or one of its own."""
    cookies = options.get("cookies")
    return cookies if isinstance(cookies, CookieJar) else CookieJar()


def check_names(who: str, given: Iterable[str], known: Collection[str]) -> None:
    """Refuses an option that there is not, and tells which one is nearest."""
    for name in given:
        if name not in known:
            import difflib  # most programs never need it

            near = difflib.get_close_matches(name, known, 1)
            hint = f": is {near[0]!r} meant?" if near else ""
            raise TypeError(f"{who} has no option {name!r}{hint}")


def make_manager(options: ClientOptions, drive: Drive, jar: CookieJar) -> Manager:
    """The native manager for a client's options."""
    check_names("a client", options, ClientOptions.__annotations__)
    given: dict[str, Any] = {"drive": options.get("drive", drive), "decode": True}
    given["cookies"] = options.get("cookies", ()) is not None
    given["cookie_jar"] = jar
    if not is_asked(options.get("auth")):
        given["auth"] = native(options.get("auth"))
    for name in (*NATIVE, *POLICY):
        if name in options:
            given[name] = options[name]  # type: ignore[literal-required]
    if "timeout" in options:
        given["timeout"] = options["timeout"] if options["timeout"] is not None else _no_timeout()
    given.update(_trust("", options.get("verify", True), options.get("cert")))
    given.update(_trust("proxy_", options.get("proxy_verify", True), options.get("proxy_cert")))
    given.update(_proxies(options))
    if "tls_pins" in options:
        given["tls_pins"] = list(options["tls_pins"])
    if "key_log" in options:
        given["key_log"] = os.fspath(options["key_log"])
    if options.get("ping_interval") is not None:
        given["http2_ping_interval"] = int((options["ping_interval"] or 0) * 1000)
    if "ping_unused" in options:
        given["http2_ping_unused"] = options["ping_unused"]
    if "websocket_compression" in options:
        given["websocket_deflate"] = deflate_of(options["websocket_compression"])
    if "websocket_reconnect" in options:
        given["websocket_reconnect"] = reconnect_of(options["websocket_reconnect"])
    if "websocket_http_versions" in options:
        given["websocket_http"] = options["websocket_http_versions"]
    if "uds" in options:
        given["unix_socket"] = os.fspath(options["uds"])
    if "resolve" in options:
        given["resolve"] = [
            (host, port, list(ips)) for (host, port), ips in options["resolve"].items()
        ]
    if "resolver" in options:
        given["resolver"] = beginning_of(options["resolver"])
    if "limits" in options:
        given.update(options["limits"]._options())
    update_logging()
    return Manager(options.get("headers"), **given)


def _no_timeout() -> Timeout:
    return Timeout(None, total=None)


def timeout_of(value: TimeoutTypes) -> Timeout | float:
    """A request's timeout as the native half takes it: None asks for no limit at all."""
    return _no_timeout() if value is None else value
