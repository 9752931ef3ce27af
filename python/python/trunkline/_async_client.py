"""The client for asyncio (and uvloop)."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional

from ._auth import at_once
from ._body import Defaults, Prepared, prepare, websocket_url
from ._config import jar_of, make_manager
from ._errors import UploadFailed
from ._native import AsyncExchange, Response
from ._raw import RawContext
from ._streaming_async import AsyncStreamContext, AsyncStreamingResponse, read_file
from ._websocket import WebSocketContext
from ._websocket_options import take_options

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from ._options import (
        AsyncRequestOptions,
        ClientOptions,
        Drive,
        OpenOptions,
        WebSocketOptions,
    )

#: Who runs the reactor unless the client says otherwise. Inline, the loop does, and no thread is woken for an answer:
#: measured side by side that was faster one at a time (about 1.4 times), and slightly slower with 64 in flight.
DRIVE: Drive = "inline"


class AsyncClient:
    """A client for asyncio programs, to be used from one event loop at a time.

    It keeps connections and uses them again, so make one and keep it. Use it in an `async with` block, or await
    `aclose`. Its options are those of `ClientOptions`, the options of a request those of `AsyncRequestOptions`.

    A request is sent when it is first awaited. Cancelling the task that awaits it cancels the request at once.
    """

    def __init__(self, **options: Unpack[ClientOptions]) -> None:
        self._closed = True
        self._defaults = Defaults.of(options)
        #: The jar that keeps the cookies of answers; unused where the option `cookies` is None.
        self.cookies = jar_of(options)
        self._manager = make_manager(options, DRIVE, self.cookies)
        self._plain = self._defaults.nothing
        self._closed = False

    def request(
        self, method: str, url: str, **options: Unpack[AsyncRequestOptions]
    ) -> Coroutine[Any, Any, Response]:
        """Sends a request; awaiting it gives the whole answer."""
        if self._plain and not options:
            return self._manager.fetch(method, url)
        given = prepare(options, self._defaults, url, read_file)
        if given.is_simple:
            return self._manager.fetch(method, *given[:5])
        return self._request(method, given)

    def get(
        self, url: str, **options: Unpack[AsyncRequestOptions]
    ) -> Coroutine[Any, Any, Response]:
        """Sends a GET request."""
        if self._plain and not options:
            return self._manager.fetch("GET", url)
        return self.request("GET", url, **options)

    def post(
        self, url: str, **options: Unpack[AsyncRequestOptions]
    ) -> Coroutine[Any, Any, Response]:
        """Sends a POST request."""
        return self.request("POST", url, **options)

    def put(
        self, url: str, **options: Unpack[AsyncRequestOptions]
    ) -> Coroutine[Any, Any, Response]:
        """Sends a PUT request."""
        return self.request("PUT", url, **options)

    def patch(
        self, url: str, **options: Unpack[AsyncRequestOptions]
    ) -> Coroutine[Any, Any, Response]:
        """Sends a PATCH request."""
        return self.request("PATCH", url, **options)

    def delete(
        self, url: str, **options: Unpack[AsyncRequestOptions]
    ) -> Coroutine[Any, Any, Response]:
        """Sends a DELETE request."""
        return self.request("DELETE", url, **options)

    def head(
        self, url: str, **options: Unpack[AsyncRequestOptions]
    ) -> Coroutine[Any, Any, Response]:
        """Sends a HEAD request."""
        return self.request("HEAD", url, **options)

    def options(
        self, url: str, **options: Unpack[AsyncRequestOptions]
    ) -> Coroutine[Any, Any, Response]:
        """Sends an OPTIONS request."""
        return self.request("OPTIONS", url, **options)

    def stream(
        self, method: str, url: str, **options: Unpack[AsyncRequestOptions]
    ) -> AsyncStreamContext:
        """`async with client.stream("GET", url) as response:` an answer whose body is taken piece by piece."""
        given = prepare(options, self._defaults, url, read_file)
        return AsyncStreamContext(lambda: self._streamed(method, given), given.strict)

    def submit(
        self,
        method: str,
        url: str,
        *,
        content: Optional[bytes] = None,
        extra: Optional[dict[str, Any]] = None,
        **options: Unpack[OpenOptions],
    ) -> AsyncExchange:
        """Submits a request whose parts are awaited one by one; see `Client.submit`."""
        given = prepare(options, self._defaults, url)
        if given.auth is not None:
            given = given.with_auth(at_once(given.auth()))
        more = {**(given.extra or {}), **(extra or {})}
        return self._manager.open_async(
            method, given.url, given.headers, content, given.timeout, more
        )

    def websocket(self, url: str, **options: Unpack[WebSocketOptions]) -> WebSocketContext:
        """Opens a WebSocket: `async with client.websocket("wss://...") as ws:`."""
        rest: Any = dict(options)
        more, taking = take_options(rest)
        given = prepare(rest, self._defaults, url)
        target = websocket_url(given.url)

        async def make() -> AsyncExchange:
            ready = await self._with_auth(given)
            extra = {**(ready.extra or {}), **more}
            return self._manager.open_async(
                "GET", target, ready.headers, None, ready.timeout, extra
            )

        return WebSocketContext(make, target, taking)

    def upgrade(self, url: str, protocol: str, **options: Unpack[OpenOptions]) -> RawContext:
        """Asks to speak another protocol: `async with client.upgrade(url, "echo") as stream:`; see `Client.upgrade`."""
        return self._raw("GET", url, {"upgrade": protocol}, options)

    def connect(self, proxy_url: str, target: str, **options: Unpack[OpenOptions]) -> RawContext:
        """Asks a proxy for a connection: `async with client.connect(proxy_url, "host:22") as stream:`; see `Client.connect`."""
        return self._raw("CONNECT", proxy_url, {"authority": target}, options)

    def statistics(self) -> dict[str, Any]:
        """The client's counters by name."""
        return self._manager.statistics()

    def openmetrics(self) -> str:
        """The client's counters as OpenMetrics text, which Prometheus and its kin read.

        To be served as `application/openmetrics-text; version=1.0.0; charset=utf-8`.
        """
        return self._manager.openmetrics()

    async def aclose(self) -> None:
        """Ends what is under way with `Shutdown` and closes the connections."""
        self._closed = True
        ended = self._manager.close_async()
        if ended is not None:
            await ended

    def _raw(self, method: str, url: str, more: dict[str, Any], options: OpenOptions) -> RawContext:
        given = prepare(options, self._defaults, url)

        async def make() -> AsyncExchange:
            ready = await self._with_auth(given)
            extra = {**(ready.extra or {}), **more}
            return self._manager.open_async(
                method, ready.url, ready.headers, None, ready.timeout, extra
            )

        return RawContext(make, method, given.url)

    async def _with_auth(self, given: Prepared) -> Prepared:
        if given.auth is None:
            return given
        auth = given.auth()
        return given.with_auth(await auth if inspect.isawaitable(auth) else auth)

    async def _streamed(self, method: str, given: Prepared) -> AsyncStreamingResponse:
        given = await self._with_auth(given)
        exchange = self._manager.open_async(method, *given[:5])
        return AsyncStreamingResponse(
            exchange, method, given.url, given.source, given.into, given.decode
        )

    async def _request(self, method: str, given: Prepared) -> Response:
        if given.into is not None:
            response = await (await self._streamed(method, given))._run_whole()
        elif given.source is None:
            given = await self._with_auth(given)
            try:
                response = await self._manager.fetch(method, *given[:5])
            except UploadFailed as error:
                raise given.failure() or error from None
        else:
            limit = given.extra.pop("max_bytes", 0) if given.extra else 0
            response = await (await self._streamed(method, given))._collect(limit)
        return response.raise_for_status() if given.strict else response

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if not self._closed:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
            self._manager.close()
