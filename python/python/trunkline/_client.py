"""The blocking client."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional

from ._auth import at_once
from ._body import Defaults, Prepared, prepare, websocket_url
from ._config import jar_of, make_manager
from ._errors import UploadFailed
from ._native import Exchange, Response, WebSocket
from ._raw import RawStream, open_raw
from ._streaming import StreamContext, StreamingResponse
from ._websocket import open_websocket
from ._websocket_options import take_options

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from ._options import ClientOptions, OpenOptions, RequestOptions, WebSocketOptions


class Client:
    """A client for blocking programs; threads may share one.

    It keeps connections and uses them again, so make one and keep it. Use it in a `with` block, or call `close`.
    Its options are those of `ClientOptions`, the options of a request those of `RequestOptions`.
    """

    def __init__(self, **options: Unpack[ClientOptions]) -> None:
        self._defaults = Defaults.of(options)
        #: The jar that keeps the cookies of answers; unused where the option `cookies` is None.
        self.cookies = jar_of(options)
        self._manager = make_manager(options, "inline", self.cookies)
        self._plain = self._defaults.nothing

    def request(self, method: str, url: str, **options: Unpack[RequestOptions]) -> Response:
        """Sends a request and waits for its whole answer."""
        if self._plain and not options:
            return self._manager.request(method, url)
        given = self._prepare(options, url)
        if given.into is not None:
            response = self._streamed(method, given)._run_whole()
        elif given.source is None:
            try:
                response = self._manager.request(method, *given[:5])
            except UploadFailed as error:
                raise given.failure() or error from None
        else:
            limit = given.extra.pop("max_bytes", 0) if given.extra else 0
            response = self._streamed(method, given)._collect(limit)
        return response.raise_for_status() if given.strict else response

    def get(self, url: str, **options: Unpack[RequestOptions]) -> Response:
        """Sends a GET request."""
        if self._plain and not options:
            return self._manager.request("GET", url)
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Unpack[RequestOptions]) -> Response:
        """Sends a POST request."""
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Unpack[RequestOptions]) -> Response:
        """Sends a PUT request."""
        return self.request("PUT", url, **options)

    def patch(self, url: str, **options: Unpack[RequestOptions]) -> Response:
        """Sends a PATCH request."""
        return self.request("PATCH", url, **options)

    def delete(self, url: str, **options: Unpack[RequestOptions]) -> Response:
        """Sends a DELETE request."""
        return self.request("DELETE", url, **options)

    def head(self, url: str, **options: Unpack[RequestOptions]) -> Response:
        """Sends a HEAD request."""
        return self.request("HEAD", url, **options)

    def options(self, url: str, **options: Unpack[RequestOptions]) -> Response:
        """Sends an OPTIONS request."""
        return self.request("OPTIONS", url, **options)

    def stream(self, method: str, url: str, **options: Unpack[RequestOptions]) -> StreamContext:
        """`with client.stream("GET", url) as response:` an answer whose body is taken piece by piece."""
        given = self._prepare(options, url)
        return StreamContext(lambda: self._streamed(method, given), given.strict)

    def submit(
        self,
        method: str,
        url: str,
        *,
        content: Optional[bytes] = None,
        extra: Optional[dict[str, Any]] = None,
        **options: Unpack[OpenOptions],
    ) -> Exchange:
        """Submits a request whose parts are taken one by one.

        `extra` holds further options of the request by the core's names; `{"streamed": length or None}` for a body that
        is written with `Exchange.write` and `finish`. The URL's scheme may be `ws` or `wss` too.
        """
        given = self._prepare(options, url)
        more = {**(given.extra or {}), **(extra or {})}
        return self._manager.open(method, given.url, given.headers, content, given.timeout, more)

    def websocket(self, url: str, **options: Unpack[WebSocketOptions]) -> WebSocket:
        """Opens a WebSocket: `with client.websocket("wss://...") as ws:`."""
        rest: Any = dict(options)
        more, taking = take_options(rest)
        given = self._prepare(rest, url)
        target = websocket_url(given.url)
        extra = {**(given.extra or {}), **more}
        exchange = self._manager.open("GET", target, given.headers, None, given.timeout, extra)
        return open_websocket(exchange, target, taking)

    def upgrade(self, url: str, protocol: str, **options: Unpack[OpenOptions]) -> RawStream:
        """Asks to speak another protocol on the connection: `with client.upgrade(url, "echo") as stream:`.

        An answer other than 101 raises `HTTPStatusError`, with that answer in `response`. HTTP/1.1 only.
        """
        given = self._prepare(options, url)
        extra = {**(given.extra or {}), "upgrade": protocol}
        exchange = self._manager.open("GET", given.url, given.headers, None, given.timeout, extra)
        return open_raw(exchange, "GET", given.url)

    def connect(self, proxy_url: str, target: str, **options: Unpack[OpenOptions]) -> RawStream:
        """Asks the proxy at `proxy_url` for a connection to `target`, a "host:port", and gives its bytes.

        An answer other than 2xx raises `HTTPStatusError`, with that answer in `response`. HTTP/1.1 only.
        """
        given = self._prepare(options, proxy_url)
        extra = {**(given.extra or {}), "authority": target}
        exchange = self._manager.open(
            "CONNECT", given.url, given.headers, None, given.timeout, extra
        )
        return open_raw(exchange, "CONNECT", given.url)

    def statistics(self) -> dict[str, Any]:
        """The client's counters by name."""
        return self._manager.statistics()

    def openmetrics(self) -> str:
        """The client's counters as OpenMetrics text, which Prometheus and its kin read.

        To be served as `application/openmetrics-text; version=1.0.0; charset=utf-8`.
        """
        return self._manager.openmetrics()

    def close(self, timeout: float = 0.0) -> None:
        """Takes no more requests, waits up to `timeout` seconds for those under way, then ends them and closes."""
        if timeout > 0:
            self._manager.shutdown(timeout)
        self._manager.close()

    def _prepare(self, options: RequestOptions | OpenOptions, url: str) -> Prepared:
        given = prepare(options, self._defaults, url)
        if given.auth is None:
            return given
        return given.with_auth(at_once(given.auth()))

    def _streamed(self, method: str, given: Prepared) -> StreamingResponse:
        if given.source is not None and not isinstance(given.source, Iterator):
            raise TypeError("a blocking client cannot take an async iterable: use AsyncClient")
        exchange = self._manager.open(method, *given[:5])
        return StreamingResponse(
            exchange, method, given.url, given.source, given.into, given.decode
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()


_shared: Optional[Client] = None


def _forget() -> None:
    global _shared
    _shared = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def shared() -> Client:
    """The client behind `trunkline.get` and its like, which keeps their connections."""
    global _shared
    if _shared is None:
        _shared = Client()
    return _shared


def request(method: str, url: str, **options: Unpack[RequestOptions]) -> Response:
    """Sends a request and waits for its whole answer."""
    return shared().request(method, url, **options)


def get(url: str, **options: Unpack[RequestOptions]) -> Response:
    """Sends a GET request."""
    return shared().request("GET", url, **options)


def post(url: str, **options: Unpack[RequestOptions]) -> Response:
    """Sends a POST request."""
    return shared().request("POST", url, **options)


def put(url: str, **options: Unpack[RequestOptions]) -> Response:
    """Sends a PUT request."""
    return shared().request("PUT", url, **options)


def patch(url: str, **options: Unpack[RequestOptions]) -> Response:
    """Sends a PATCH request."""
    return shared().request("PATCH", url, **options)


def delete(url: str, **options: Unpack[RequestOptions]) -> Response:
    """Sends a DELETE request."""
    return shared().request("DELETE", url, **options)


def head(url: str, **options: Unpack[RequestOptions]) -> Response:
    """Sends a HEAD request."""
    return shared().request("HEAD", url, **options)


def options(url: str, **options: Unpack[RequestOptions]) -> Response:
    """Sends an OPTIONS request."""
    return shared().request("OPTIONS", url, **options)


def stream(method: str, url: str, **options: Unpack[RequestOptions]) -> StreamContext:
    """`with trunkline.stream("GET", url) as response:` an answer whose body is taken piece by piece."""
    return shared().stream(method, url, **options)


def websocket(url: str, **options: Unpack[WebSocketOptions]) -> WebSocket:
    """Opens a WebSocket: `with trunkline.websocket("wss://...") as ws:`."""
    return shared().websocket(url, **options)
