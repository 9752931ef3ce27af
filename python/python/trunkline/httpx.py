"""Transports for httpx: `httpx.Client(transport=Transport())`, `httpx.AsyncClient(transport=AsyncTransport())`.

They carry one request each and nothing else: redirects, authentication, cookies, decoding and errors by status are
httpx's own. httpx is imported here, and needed only by who imports this module.
"""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Optional, Union

import httpx

from . import _errors as errors
from ._adapting import CONNECTION, bare_manager, check_options, deadlines, nearest
from ._config import Limits
from ._native import Attempt, Manager, Timeout
from ._streaming import StreamingResponse
from ._streaming_async import AsyncStreamingResponse

if TYPE_CHECKING:
    from ._options import CertTypes, VerifyTypes

    ProxyTypes = Union[str, httpx.URL, httpx.Proxy, None]
    LimitTypes = Union[httpx.Limits, Limits, None]
    Response = Union[StreamingResponse, AsyncStreamingResponse]

__all__ = ["AsyncTransport", "Transport"]

_CONNECTION = frozenset(name.encode() for name in CONNECTION)
#: What the engine adds to requests that lack it, and httpx's users may have taken away.
_ADDED = b"accept"
#: Stands for no limit: connections, and seconds that an unused one is kept.
_NO_COUNT = 2**31 - 1
_NO_EXPIRY = 365 * 86400.0
#: What httpx raises for the library's errors; the nearest class counts.
_ERRORS: dict[type[BaseException], type[httpx.TransportError]] = {
    errors.InvalidArgument: httpx.LocalProtocolError,
    errors.Unsupported: httpx.UnsupportedProtocol,
    errors.UploadFailed: httpx.WriteError,
    errors.Cancelled: httpx.ReadError,
    errors.Shutdown: httpx.ReadError,
    errors.TimeoutError: httpx.ReadTimeout,
    errors.PoolTimeout: httpx.PoolTimeout,
    errors.ResolveTimeout: httpx.ConnectTimeout,
    errors.ConnectTimeout: httpx.ConnectTimeout,
    errors.TlsTimeout: httpx.ConnectTimeout,
    errors.WriteTimeout: httpx.WriteTimeout,
    errors.NetworkError: httpx.ReadError,
    errors.ConnectError: httpx.ConnectError,
    errors.ProxyFailed: httpx.ProxyError,
    errors.ConnectionClosed: httpx.RemoteProtocolError,
    errors.ProtocolError: httpx.RemoteProtocolError,
}


@contextlib.contextmanager
def _mapped() -> Iterator[None]:
    """Raises the library's errors as httpx's."""
    try:
        yield
    except errors.Error as error:
        kind = nearest(_ERRORS, error)
        if kind is None:
            raise
        if kind is httpx.ReadError and error.phase == "write":
            raise httpx.WriteError(str(error)) from error
        raise kind(str(error)) from error


def _limits(limits: httpx.Limits) -> Limits:
    count, expiry = limits.max_connections, limits.keepalive_expiry
    if limits.max_keepalive_connections == 0:
        expiry = 0.0
    count = _NO_COUNT if count is None else count
    return Limits(count, count, _NO_EXPIRY if expiry is None else expiry)


def _proxy(proxy: Union[str, httpx.URL, httpx.Proxy]) -> dict[str, Any]:
    """The engine's options for a proxy as httpx takes it."""
    proxy = proxy if isinstance(proxy, httpx.Proxy) else httpx.Proxy(proxy)
    if proxy.ssl_context is not None:
        raise TypeError("a proxy's ssl.SSLContext cannot be used: give proxy_verify, proxy_cert")
    url = proxy.url
    if proxy.auth is not None:
        url = url.copy_with(username=proxy.auth[0], password=proxy.auth[1])
    given: dict[str, Any] = {"proxy": str(url)}
    if proxy.headers:
        given["proxy_headers"] = proxy.headers.raw
    return given


def _only_connecting(attempt: Attempt) -> bool:
    return isinstance(
        attempt.error,
        (errors.ConnectError, errors.ConnectTimeout, errors.ResolveTimeout, errors.TlsTimeout),
    )


def _pause(number: int) -> float:
    """As httpx's own transport: at once, then 0.5, 1, 2, ... seconds."""
    return 0.0 if number == 1 else 0.25 * 2.0 ** min(number - 1, 10)


def _timeout_of(request: httpx.Request) -> Timeout:
    given: Mapping[str, Optional[float]] = request.extensions.get("timeout", {})
    return deadlines(given.get("connect"), given.get("read"), given.get("write"), given.get("pool"))


def _url_of(request: httpx.Request) -> str:
    """The URL without user, password and fragment: httpx has made a header of the first two."""
    url = request.url
    if url.scheme not in ("http", "https"):
        raise httpx.UnsupportedProtocol(f"{url.scheme!r} is not one of 'http' and 'https'")
    for name in ("sni_hostname", "target"):
        if name in request.extensions:
            raise httpx.LocalProtocolError(f"the extension {name!r} is not served")
    return b"".join((url.raw_scheme, b"://", url.netloc, url.raw_path)).decode("ascii")


def _headers_of(request: httpx.Request) -> list[tuple[bytes, Optional[bytes]]]:
    fields: list[tuple[bytes, Optional[bytes]]] = []
    is_added = True
    for name, value in request.headers.raw:
        lower = name.lower()
        if lower not in _CONNECTION:
            fields.append((name, value))
            is_added = is_added and lower != _ADDED
    if is_added:
        fields.append((_ADDED, None))
    return fields


def _whole_body(request: httpx.Request) -> Optional[bytes]:
    """The body if it is there as a whole; None: it is a stream."""
    stream = request.stream
    return b"".join(stream) if isinstance(stream, httpx.ByteStream) else None


class _NetworkStream:
    """What httpx's programs ask the connection for; known once the answer was read to its end."""

    def __init__(self, response: Response) -> None:
        self._response = response

    def get_extra_info(self, info: str) -> Any:
        """`client_addr` and `server_addr` as (host, port); None for everything else, and before the end."""
        try:
            connection = self._response.connection
        except errors.InvalidState:
            return None
        if connection is None:
            return None
        address = {"client_addr": connection.local, "server_addr": connection.remote}.get(info)
        host, colon, port = (address or "").rpartition(":")
        return (host.strip("[]"), int(port)) if colon and port.isdigit() else None


class _Stream(httpx.SyncByteStream):
    def __init__(self, response: StreamingResponse) -> None:
        self._response = response
        self.trailers = httpx.Headers()

    def __iter__(self) -> Iterator[bytes]:
        with _mapped():
            yield from self._response.iter_bytes()
        self.trailers.update(self._response.trailers.raw)

    def close(self) -> None:
        self._response.close()


class _AsyncStream(httpx.AsyncByteStream):
    def __init__(self, response: AsyncStreamingResponse) -> None:
        self._response = response
        self.trailers = httpx.Headers()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _mapped():
            async for chunk in self._response.aiter_bytes():
                yield chunk
        self.trailers.update(self._response.trailers.raw)

    async def aclose(self) -> None:
        await self._response.aclose()


def _answer(response: Response, stream: Union[_Stream, _AsyncStream]) -> httpx.Response:
    return httpx.Response(
        response.status_code,
        headers=response.headers.raw,
        stream=stream,
        extensions={
            "http_version": response.http_version.encode("ascii"),
            "reason_phrase": response.reason_phrase.encode("ascii"),
            "network_stream": _NetworkStream(response),
            "trailers": stream.trailers,
        },
    )


class _Engine:
    """The options as httpx names them, and the manager made of them."""

    def __init__(
        self,
        verify: Union[VerifyTypes, ssl.SSLContext] = True,
        cert: Optional[CertTypes] = None,
        http1: bool = True,
        http2: bool = False,
        limits: LimitTypes = None,
        proxy: ProxyTypes = None,
        uds: Optional[str] = None,
        local_address: Optional[str] = None,
        retries: int = 0,
        **options: Any,
    ) -> None:
        """As `httpx.HTTPTransport`, with more options.

        verify: True (the platform's trust store), False (nobody is checked), or certificates to trust: a path or PEM. An
            `ssl.SSLContext` cannot be used and raises TypeError.
        cert: a client certificate: a path to a file with certificate and key, or (certificate, key). Keys with a
            password raise TypeError.
        http1, http2: the versions that may be spoken. Default HTTP/1.1 only, as httpx; with `http2=True` HTTP/2 where TLS
            negotiates it; `http1=False, http2=True` also in clear text.
        limits: `httpx.Limits` or `trunkline.Limits`. Of the former, `max_keepalive_connections` counts only as 0 (no
            connection is kept). Default: the library's own.
        proxy: a URL or an `httpx.Proxy`. SOCKS5 needs no further package.
        uds: the path of a unix socket that every request goes to.
        local_address: the address to connect from.
        retries: how often a connection that could not be made is tried again, after 0, 0.5, 1, 2, ... seconds. Default
            0. Without being asked a request is sent again only where it is known to be unsent, or idempotent and its
            kept connection was lost.
        options: what `trunkline.ClientOptions` has beside, such as `drive` and `resolve`.
        """
        if isinstance(verify, ssl.SSLContext):
            raise TypeError("an ssl.SSLContext cannot be used: give a path, PEM or a bool")
        if isinstance(cert, tuple) and len(cert) > 2 and cert[2] is not None:
            raise TypeError("a key with a password cannot be used: decrypt it first")
        if not (http1 or http2):
            raise ValueError("http1 or http2 must be allowed")
        given: dict[str, Any] = {**options, "verify": verify}
        given["http_versions"] = "auto" if http1 and http2 else "http1" if http1 else "http2"
        if cert is not None:
            given["cert"] = cert[:2] if isinstance(cert, tuple) else cert
        if limits is not None:
            given["limits"] = limits if isinstance(limits, Limits) else _limits(limits)
        if proxy is not None:
            given.update(_proxy(proxy))
        for name, value in (("uds", uds), ("local_address", local_address)):
            if value is not None:
                given[name] = value
        check_options(type(self).__name__, given)
        if retries:
            given.update(retry=_only_connecting, max_retries=retries, retry_delay=_pause)
        self._options = given
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._manager: Manager = bare_manager(self._options)

    def _ready(self) -> Manager:
        # A forked child has connections of its own: programs often make their clients before they fork.
        if self._process != os.getpid():
            self._start()
        return self._manager


class Transport(_Engine, httpx.BaseTransport):
    """A transport for `httpx.Client`; threads may share it. Its options are those of `httpx.HTTPTransport`, and more.

    The answer's extensions are `http_version`, `reason_phrase`, `trailers` (`httpx.Headers`, filled at the end of the
    body) and `network_stream` (its `get_extra_info` tells `server_addr` and `client_addr`, at the end as well).
    """

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request; answers when the head of the answer is there."""
        url = _url_of(request)
        content = _whole_body(request)
        source: Optional[Iterator[bytes]] = None
        extra: Optional[dict[str, Any]] = None
        if content is None:
            if not isinstance(request.stream, httpx.SyncByteStream):
                raise TypeError("an async body needs httpx.AsyncClient")
            source = filter(None, request.stream)
            extra = {"streamed": None}
        with _mapped():
            exchange = self._ready().open(
                request.method,
                url,
                _headers_of(request),
                content or None,
                _timeout_of(request),
                extra,
            )
            response = StreamingResponse(exchange, request.method, url, source)
            try:
                response._begin()
            except BaseException:
                response.close()
                raise
        return _answer(response, _Stream(response))

    def close(self) -> None:
        """Ends what is under way and closes the connections."""
        self._manager.close()


class AsyncTransport(_Engine, httpx.AsyncBaseTransport):
    """A transport for `httpx.AsyncClient` on asyncio and uvloop, from one event loop at a time; see `Transport`."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request; answers when the head of the answer is there. Cancelling it cancels the request."""
        url = _url_of(request)
        content = _whole_body(request)
        source: Optional[AsyncIterator[bytes]] = None
        extra: Optional[dict[str, Any]] = None
        if content is None:
            if not isinstance(request.stream, httpx.AsyncByteStream):
                raise TypeError("a blocking body needs httpx.Client")
            source = (piece async for piece in request.stream if piece)
            extra = {"streamed": None}
        with _mapped():
            exchange = self._ready().open_async(
                request.method,
                url,
                _headers_of(request),
                content or None,
                _timeout_of(request),
                extra,
            )
            response = AsyncStreamingResponse(exchange, request.method, url, source)
            try:
                await response._begin()
            except BaseException:
                await response.aclose()
                raise
        return _answer(response, _AsyncStream(response))

    async def aclose(self) -> None:
        """Ends what is under way and closes the connections."""
        ended = self._manager.close_async()
        if ended is not None:
            await ended
