"""The options of a client, of a request and of a WebSocket, by name."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any, Callable, Optional, TypedDict, Union

from ._auth import AsyncAuthTypes, AuthTypes
from ._native import Attempt, CookieJar, HarLog, Headers, Timeout

if TYPE_CHECKING:
    from typing import Literal

    from ._config import Limits
    from ._resolver import AsyncResolverTypes
    from ._websocket_options import CompressionTypes, ReconnectTypes

    Drive = Union[Literal["inline", "threads"], int]
    HttpVersions = Literal["auto", "http1", "http2", "upgrade"]
    ProxyAuth = Literal["basic", "digest"]
    TlsVersion = Literal["1.2", "1.3"]
    RetryTypes = Union[
        Literal["safe_transient", "transient"], Callable[[Attempt], Union[bool, float, None]], None
    ]

HeaderTypes = Union[
    Headers,
    Mapping[str, str],
    Mapping[str, bytes],
    Mapping[bytes, bytes],
    Mapping[str, datetime],
    Mapping[str, Union[str, bytes, datetime, None]],
    Iterable[tuple[Union[str, bytes], Union[str, bytes, datetime, None]]],
]
QueryTypes = Union[Mapping[str, Any], Iterable[tuple[str, Any]], str]
TimeoutTypes = Union[Timeout, float, None]
WholeContent = Union[bytes, bytearray, memoryview, str]
SyncContent = Union[
    WholeContent, "os.PathLike[str]", Iterable[bytes], IO[bytes], Callable[[], Iterable[bytes]]
]
AsyncContent = Union[
    SyncContent,
    AsyncIterable[bytes],
    Callable[[], Union[Iterable[bytes], AsyncIterable[bytes]]],
]
VerifyTypes = Union[bool, str, bytes, "os.PathLike[str]"]
CertTypes = Union[str, "os.PathLike[str]", tuple[Union[str, bytes, "os.PathLike[str]"], ...]]
FileContent = Union[bytes, bytearray, memoryview, str, "os.PathLike[str]", IO[bytes]]
FileSpec = Union[
    FileContent,
    tuple[Optional[str], FileContent],
    tuple[Optional[str], FileContent, Optional[str]],
]
FileTypes = Union[Mapping[str, FileSpec], Iterable[tuple[str, FileSpec]]]


class PolicyOptions(TypedDict, total=False):
    """What is done with answers: a client's defaults, and what a request does otherwise.

    follow_redirects: whether redirects are followed. Default True; `Response.history` tells them.
    max_redirects: how many; one more raises `TooManyRedirects`. Default 10.
    redirect_trusted: whether credentials and cookies given for the first origin go along to another. Default False.
    redirect_downgrade: whether a redirect may lead from https to http. Default False: it raises `RedirectRefused`.
    retry: "safe_transient" (GET and HEAD after the statuses 408, 429, 500, 502, 503, 504, timeouts and lost
        connections), "transient" (any method), or a function that is given an `Attempt` and answers True (again, after
        the usual pause), False (no), or a pause in seconds. None, the default: no retries. The function runs on the
        thread that runs the reactor, so it must not block; what it raises is shown on stderr and counts as False.
    max_retries: how often at most. Default 3.
    retry_delay: the pause before a retry where neither the peer (`retry-after`) nor `retry` names one: seconds, or a
        function of the retry's number, 1 for the first. Default 1, 2, 4, 8 s, each up to a quarter shorter.
    decode: whether `accept-encoding` is sent and the body decoded (gzip, deflate, br, zstd). Default True.
    max_decoded_bytes: the most bytes of a decoded body, else `DecodedTooLarge`. Default 0, no limit.
    max_decode_ratio: how many times longer than what was sent a decoded body may be. Default 1000; 0 sets no limit.
    expect_continue: send `expect: 100-continue` with a body, and wait so many seconds for the peer's word before sending
        the body. Default None: do not.
    raise_for_status: whether an answer other than 2xx raises `HTTPStatusError`, with `.response`. Default False.
    """

    follow_redirects: bool
    max_redirects: int
    redirect_trusted: bool
    redirect_downgrade: bool
    retry: RetryTypes
    max_retries: int
    retry_delay: Union[float, Callable[[int], float], None]
    decode: bool
    max_decoded_bytes: int
    max_decode_ratio: int
    expect_continue: Optional[float]
    raise_for_status: bool


class CommonOptions(PolicyOptions, total=False):
    """What any request may say of itself, beside `PolicyOptions`.

    params: added to the URL's query after the client's, a mapping or a list of pairs; lists repeat their name. None is
        an empty value, True and False are "true" and "false".
    path_params: values for the names in the URL's path, which stay within their segment; one that is missing or unused
        raises `InvalidArgument`.
    path_style: "curly" for `/users/{id}`, the default, or "colon" for `/users/:id`.
    headers: a mapping or a list of pairs; a name given here stands in for the client's own header of that name. A
        datetime becomes an HTTP date. None leaves out what would be sent else, such as `accept` and `user-agent`. `header_fields(content_type="text/plain")` makes names of identifiers.
    json, data: a body as JSON, or as a form (`data` also takes bytes or str, as `content` does).
    files: a form with files (multipart/form-data), `data` beside it for other fields: a mapping or list of pairs of
        names and files. A file is bytes, str, a path or a binary file, or (filename, file), or (filename, file, type).
        Files are read as they are sent, from where they stand.
    timeout: a `Timeout`, a number of seconds for every phase, or None for no limit at all.
    cookies: cookies that go along before the jar's, value by name; None leaves the jar alone.
    proxy: the URL of the proxy for this request, whatever the client's rules say; None connects directly.
    http_versions: "auto", "http1", "http2" or "upgrade", as the client's.
    max_bytes: the most bytes that the body of the answer may have, else `BodyTooLarge` (not for streamed answers).
    credit: bytes of a streamed answer that may have arrived and not been taken.
    into: a function that takes the pieces of the body as they come, and answers "continue" (or None) or "halt", which
        gives the request up: the answer has no body then. With `stream`, `run()` hands the pieces over, and the
        function may also answer "pause", after which `run()` goes on. With an `AsyncClient` it may be asynchronous.
    replay: whether the request may be sent again where that is known to be safe. Default True.
    """

    params: QueryTypes
    path_params: Mapping[str, Any]
    path_style: Literal["curly", "colon"]
    headers: HeaderTypes
    json: Any
    files: FileTypes
    data: Union[Mapping[str, Any], Iterable[tuple[str, Any]], WholeContent]
    timeout: TimeoutTypes
    cookies: Optional[Mapping[str, str]]
    proxy: Optional[str]
    http_versions: HttpVersions
    max_bytes: int
    credit: int
    into: Callable[[bytes], Any]
    replay: bool


class RequestOptions(CommonOptions, total=False):
    """As `CommonOptions`, with two more.

    content: bytes or str; or what is streamed: a path, an iterable of bytes, a binary file, or a function without
        arguments that answers an iterable. A path and a function can be sent again, for a redirect or a retry; others
        cannot once a piece was taken. The function and its iterable run on the thread that runs the reactor.
    auth: (user, password), `BasicAuth`, `DigestAuth`, `BearerAuth`, `NetRCAuth`, `AwsSigV4Auth`, or the whole value of
        `authorization` as a str; or a function without arguments that answers one of these, asked before the request is
        sent. None: not the client's; those of the URL stay.
    """

    content: SyncContent
    auth: AuthTypes


class AsyncRequestOptions(CommonOptions, total=False):
    """As `CommonOptions`, with two more.

    content: as for a `Client`, or an async iterable of bytes, or an asynchronous generator function (sent once).
    auth: as for a `Client`; a function may also be asynchronous.
    """

    content: AsyncContent
    auth: AsyncAuthTypes


class OpenOptions(PolicyOptions, total=False):
    """What the opening of a WebSocket may say of itself; see `CommonOptions`."""

    params: QueryTypes
    path_params: Mapping[str, Any]
    path_style: Literal["curly", "colon"]
    headers: HeaderTypes
    timeout: TimeoutTypes
    cookies: Optional[Mapping[str, str]]
    auth: AsyncAuthTypes
    proxy: Optional[str]
    credit: int


class WebSocketOptions(OpenOptions, total=False):
    """What a WebSocket is opened with, beside the options of any request; the client's `websocket_…` else.

    subprotocols: those that are offered, the best first; `ws.subprotocol` tells the one that the peer chose.
    compression: "deflate" or a `Deflate` offers compression (permessage-deflate). Default None: it costs time and up to
        300 KiB of memory, and the length of a compressed message tells of its content.
    max_size: bytes of a message, else `WebSocketTooLarge`; None sets no limit but that of a frame. Default: that of
        `Limits.websocket_max_message_bytes`.
    ping_interval: ping the peer after so many seconds, which measures `ws.latency` and finds a peer that is gone.
        Default None.
    ping_timeout: seconds in which nothing at all came after such a ping; then it ends with `IdleTimeout`. Default 20.
    close_timeout: seconds to wait for the peer's answer to a close. Default 10.
    frames: whether messages are taken frame by frame, as `Frame`. Default False.
    reconnect: True or a `Reconnect`: a WebSocket that was lost is opened again. Default False.
    http_versions: "http1", "http2" (RFC 8441) or "auto": on the HTTP/2 connection of the requests where there is one.
        Default "http1".
    listener: a function `listener(ws, messages)` that is called with the messages that came together, or an object with
        a method `on_messages(ws, messages)` or `on_message(ws, message)`, and where wanted `on_reconnect(ws, head)` and
        `on_close(ws, error)`. It answers None or "continue", "halt" (the WebSocket is closed), a list of messages to
        send, or ("continue", messages) or ("halt", messages). With an `AsyncClient` it is called on the event loop's
        thread as messages come; with a `Client` by `ws.run()`. It must not wait.
    views: whether binary messages are handed over as read-only `memoryview`s of what was received, instead of as `bytes`
        of their own, which saves a copy. A view of 4 KiB or more keeps the buffer that it came in until it and every
        slice of it are gone: up to 256 KiB, or twice the largest message that came together with it. Default False.
    """

    subprotocols: Sequence[str]
    compression: CompressionTypes
    max_size: Optional[int]
    ping_interval: Optional[float]
    ping_timeout: Optional[float]
    close_timeout: Optional[float]
    frames: bool
    reconnect: ReconnectTypes
    http_versions: HttpVersions
    listener: Any
    views: bool


class ClientOptions(PolicyOptions, total=False):
    """What a client is made with, beside `PolicyOptions`.

    base_url: what relative URLs are appended to.
    headers, params, timeout, auth: for every request that has none of its own.
    cookies: a `CookieJar`, which clients may share; or cookies that go along with every request, value by name. The
        client keeps a jar of its own unless it is given one, or None: then it keeps no cookies.
    http_versions: "auto" (HTTP/2 where TLS negotiates it), "http1", "http2" (in clear text by prior knowledge), or
        "upgrade" ("auto", and in clear text HTTP/1.1 that asks for HTTP/2, RFC 7540, 3.2).
    verify: True (the platform's trust store), False (nobody is checked), or certificates to trust: a path or PEM.
    cert: a client certificate: a path to a PEM file with certificate and key, or (certificate, key), paths or PEM.
    server_hostname: the name that is checked and sent in place of the URL's host.
    sni: the name that is sent in place of the one that is checked; empty sends none.
    tls_min_version, tls_max_version: "1.2" or "1.3".
    tls_pins: public keys of which the peer's certificate must have one, as curl's `--pinnedpubkey` has them:
        "sha256//BASE64".
    tls_resumption: whether TLS sessions are resumed. Default True.
    key_log: a file to append session secrets to, for those who look at the wire. Default: the one that the variable
        `SSLKEYLOGFILE` names.
    proxy: the URL of a proxy ("http://", "https://", "socks5://" or "socks5h://", with user and password where wanted),
        or URLs by the scheme of the request: {"http": ..., "https": ...}. Default None: connections are direct.
    no_proxy: hosts that are connected to directly, as curl's `NO_PROXY` has them.
    trust_env: whether `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` of the environment count where `proxy` and
        `no_proxy` do not say otherwise, as curl reads them when the client is made. Default False.
    proxy_auth: how user and password of the proxy's URL are shown to HTTP proxies: "basic" (default), at once and in the
        clear, or "digest", once it has asked for a proof.
    proxy_headers: header fields for HTTP proxies.
    proxy_verify, proxy_cert: as `verify` and `cert`, for proxies that are spoken to over TLS.
    local_address: the IP address to connect from.
    interface: the network interface to connect over, by its name. The system may demand privileges.
    tcp_nodelay: whether small pieces are sent at once. Default True.
    tcp_keepalive: TCP's own probes: True (after 60 s, every 60 s, 9 of them), or seconds, seconds and a number. Default
        False.
    http2_adaptive_window: whether windows of HTTP/2 streams begin small and grow with bandwidth and delay of the
        connection, up to `Limits.http2_stream_window`. Default False.
    http2_coalescing: whether an HTTP/2 connection serves other https origins of the same address and port as well, if
        its certificate is valid for them. Default False.
    ping_interval: seconds between PINGs on HTTP/2 connections in use, which find a dead peer. Default None.
    ping_unused: whether unused HTTP/2 connections are pinged too. Default False.
    websocket_compression, websocket_ping_interval, websocket_ping_timeout, websocket_close_timeout, websocket_frames,
        websocket_reconnect, websocket_http_versions: for every WebSocket, as the options without `websocket_` of
        `WebSocketOptions`.
    limits: see `Limits`.
    uds: the path of a unix socket that every request goes to.
    resolve: addresses that stand in for a host and port: {("example.org", 443): ["192.0.2.1"]}.
    resolver: a function of host and port that answers a list of IP addresses, in place of the system's resolver. It is
        called on a thread of its own, so it may wait; with an `AsyncClient` it may also be asynchronous, and runs on
        the client's loop. Addresses, `localhost` and what `resolve` names never come to it.
    user_agent: sent as `user-agent`; empty sends none.
    har: a `HarLog` in which exchanges are recorded; clients may share one.
    drive: "inline" (default) runs the reactor on the calling thread or its event loop, "threads" (or how many) in the
        background: for loops that are often busy, and for much TLS.
    """

    base_url: str
    headers: HeaderTypes
    params: QueryTypes
    timeout: TimeoutTypes
    auth: AsyncAuthTypes
    cookies: Union[CookieJar, Mapping[str, str], None]
    http_versions: HttpVersions
    verify: VerifyTypes
    cert: CertTypes
    server_hostname: str
    sni: str
    tls_min_version: TlsVersion
    tls_max_version: TlsVersion
    tls_pins: Sequence[str]
    tls_resumption: bool
    key_log: Union[str, os.PathLike[str]]
    proxy: Union[str, Mapping[str, Optional[str]], None]
    no_proxy: Union[str, Iterable[str]]
    trust_env: bool
    proxy_auth: ProxyAuth
    proxy_headers: HeaderTypes
    proxy_verify: VerifyTypes
    proxy_cert: CertTypes
    local_address: str
    interface: str
    tcp_nodelay: bool
    tcp_keepalive: Union[bool, tuple[float, float, int]]
    http2_adaptive_window: bool
    http2_coalescing: bool
    ping_interval: Optional[float]
    ping_unused: bool
    websocket_compression: CompressionTypes
    websocket_ping_interval: Optional[float]
    websocket_ping_timeout: Optional[float]
    websocket_close_timeout: Optional[float]
    websocket_frames: bool
    websocket_reconnect: ReconnectTypes
    websocket_http_versions: HttpVersions
    limits: Limits
    uds: Union[str, os.PathLike[str]]
    resolve: Mapping[tuple[str, int], list[str]]
    resolver: AsyncResolverTypes
    user_agent: str
    har: HarLog
    drive: Drive
