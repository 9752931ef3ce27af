"""Exceptions: one class for each error code of the core, under `Error`."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from ._native import Response
    from ._streaming import StreamingResponse
    from ._streaming_async import AsyncStreamingResponse


class Error(Exception):
    """Whatever Trunkline raises.

    `code` and `name` are the error's stable number and name, `phase` the part of a request's life in which it happened,
    `peer_code` the code that the peer gave (of an HTTP/2 reset or GOAWAY), each where there is one.
    """

    def __init__(
        self,
        message: str = "",
        code: int = 0,
        name: str = "",
        phase: Optional[str] = None,
        peer_code: Optional[int] = None,
    ) -> None:
        super().__init__(message)
        self.args = (message,)
        self.message = message
        self.code: Optional[int] = code
        self.name = name
        self.phase = phase
        self.peer_code = peer_code

    def __str__(self) -> str:
        return f"{self.name}: {self.message}" if self.name else self.message


# --- the call -----------------------------------------------------------------------------------------------------


class InvalidArgument(Error, ValueError):
    """An argument is outside what the call accepts."""


class InvalidUrl(InvalidArgument):
    """The URL cannot be parsed, or its scheme is not served."""


class InvalidHeader(InvalidArgument):
    """A header name or value holds a byte that HTTP does not allow."""


class NullPointer(InvalidArgument):
    """A required pointer was NULL; cannot happen from Python."""


class InvalidHandle(InvalidArgument):
    """The handle is not, or no longer, a live handle; cannot happen from Python."""


class StateError(Error, RuntimeError):
    """The call cannot be made now."""


class InvalidState(StateError):
    """The call does not fit the state of the request."""


class Again(StateError):
    """Nothing could be taken or given right now."""


class Busy(StateError):
    """The call is already running, on this thread or another."""


class ForkedError(StateError):
    """The object belongs to the process that this one was forked from."""


class Unsupported(StateError):
    """This build or platform does not offer the function."""


class Closed(StateError):
    """The client has been closed."""


class EndOfParts(StateError):
    """The request has already delivered its last part."""


class Panic(Error):
    """A bug inside the library was caught at its boundary."""


class IoError(Error):
    """A file or descriptor of the caller failed."""


class UploadFailed(Error):
    """The source of the request's body gave up."""


# --- the end of a request by its owner ----------------------------------------------------------------------------


class Cancelled(Error):
    """The request was cancelled by its owner."""


class Shutdown(Error):
    """The client was closed before the request ended."""


# --- deadlines ----------------------------------------------------------------------------------------------------


class TimeoutError(Error, builtins.TimeoutError):
    """A deadline ran out; `phase` says in which part of the request's life."""


class CallTimeout(TimeoutError):
    """The call's own time ran out; nothing is lost and it may be called again."""


class PoolTimeout(TimeoutError):
    """No connection became free in time."""


class ResolveTimeout(TimeoutError):
    """The host name was not resolved in time."""


class ConnectTimeout(TimeoutError):
    """The connection was not established in time."""


class TlsTimeout(TimeoutError):
    """The TLS handshake did not finish in time."""


class WriteTimeout(TimeoutError):
    """The peer did not take the request in time."""


class FirstByteTimeout(TimeoutError):
    """The answer did not begin in time."""


class IdleTimeout(TimeoutError):
    """The answer stood still for too long."""


class TotalTimeout(TimeoutError):
    """The request took longer than allowed in all."""


# --- the network --------------------------------------------------------------------------------------------------


class NetworkError(Error):
    """A connection could not be made or was lost."""


class ConnectError(NetworkError):
    """No connection could be made."""


class ResolveFailed(ConnectError):
    """The host name has no address."""


class ConnectFailed(ConnectError):
    """The connection was refused or the peer is unreachable."""


class TlsFailed(ConnectError):
    """The TLS handshake failed."""


class TlsCertificate(TlsFailed):
    """The peer's certificate was not accepted."""


class ProtocolNotNegotiated(ConnectError):
    """The peer does not speak the protocol that was asked for."""


class ProxyFailed(ConnectError):
    """The proxy refused the connection or its answer is not valid."""


class ProxyAuthentication(ProxyFailed):
    """The proxy asks for other credentials."""


class ConnectionClosed(NetworkError):
    """The peer closed the connection before the answer was complete."""


class ConnectionReset(NetworkError):
    """The connection was reset or failed while in use."""


# --- the peer's protocol ------------------------------------------------------------------------------------------


class ProtocolError(Error):
    """The peer broke a protocol or a limit."""


class Http1Malformed(ProtocolError):
    """The peer's answer is not valid HTTP/1.1."""


class HeaderTooLarge(ProtocolError):
    """The head or trailers of the answer exceed their limit."""


class BodyTooLarge(ProtocolError):
    """The body of the answer exceeds its limit."""


class DecodeFailed(ProtocolError):
    """The body does not follow its content-encoding."""


class DecodedTooLarge(ProtocolError):
    """The decoded body exceeds its limit, or its ratio to what was sent."""


class Http2Protocol(ProtocolError):
    """The peer broke the HTTP/2 protocol."""


class Http2StreamReset(ProtocolError):
    """The peer reset this HTTP/2 stream; `peer_code` says with which code."""


class Http2Goaway(ProtocolError):
    """The peer is closing the HTTP/2 connection and did not process the request."""


class WebSocketError(ProtocolError):
    """A WebSocket could not be opened, failed or is closed."""


class WebSocketRejected(WebSocketError):
    """The peer answered the upgrade with another status than 101; `response` is that answer."""

    response: Optional[StreamingResponse | AsyncStreamingResponse] = None


class WebSocketHandshake(WebSocketError):
    """The peer's WebSocket handshake is not valid."""


class WebSocketProtocol(WebSocketError):
    """The peer broke the WebSocket protocol."""


class WebSocketInvalidUtf8(WebSocketError):
    """A WebSocket text message is not valid UTF-8."""


class WebSocketTooLarge(WebSocketError):
    """A WebSocket frame or message exceeds its limit."""


class WebSocketClosed(WebSocketError):
    """The WebSocket is closed; here `code` and `reason` are those of the peer's close frame."""

    def __init__(self, code: Optional[int] = None, reason: str = "") -> None:
        text = (
            "the WebSocket is closed"
            if code is None
            else f"the WebSocket is closed: {code} {reason}".rstrip()
        )
        super().__init__(text, name="websocket_closed")
        self.code = code
        self.reason = reason


# --- answers ------------------------------------------------------------------------------------------------------


class RedirectError(Error):
    """A redirect was not followed."""


class TooManyRedirects(RedirectError):
    """The answer leads on more often than is allowed."""


class RedirectRefused(RedirectError):
    """A redirect leads where it must not be followed, or needs a body that is gone."""


class StatusError(Error):
    """The status of the answer is an error, and the request asked for an error then; `response` is that answer."""

    response: Optional[Response | StreamingResponse | AsyncStreamingResponse] = None


class HTTPStatusError(StatusError):
    """`raise_for_status` met an answer other than 2xx, which is in `response`."""

    def __init__(self, response: Response | StreamingResponse | AsyncStreamingResponse) -> None:
        status = f"{response.status_code} {response.reason_phrase}".rstrip()
        message = f"{response.method} {response.url}: {status}"
        super().__init__(message, 87, "http_status", "receive", response.status_code)
        self.response: Response | StreamingResponse | AsyncStreamingResponse = response


#: The class of each error code.
BY_CODE: dict[int, type[Error]] = {
    1: InvalidArgument,
    2: InvalidUrl,
    3: InvalidHeader,
    4: NullPointer,
    5: InvalidHandle,
    6: InvalidState,
    7: Again,
    8: Busy,
    9: ForkedError,
    10: Unsupported,
    11: Closed,
    12: Panic,
    13: EndOfParts,
    14: IoError,
    15: CallTimeout,
    20: Cancelled,
    21: Shutdown,
    30: PoolTimeout,
    31: ResolveTimeout,
    32: ConnectTimeout,
    33: TlsTimeout,
    34: WriteTimeout,
    35: FirstByteTimeout,
    36: IdleTimeout,
    37: TotalTimeout,
    40: ResolveFailed,
    41: ConnectFailed,
    42: TlsFailed,
    43: TlsCertificate,
    44: ProtocolNotNegotiated,
    45: ProxyFailed,
    46: ProxyAuthentication,
    50: ConnectionClosed,
    51: ConnectionReset,
    60: Http1Malformed,
    61: HeaderTooLarge,
    62: BodyTooLarge,
    70: Http2Protocol,
    71: Http2StreamReset,
    72: Http2Goaway,
    80: WebSocketRejected,
    81: WebSocketHandshake,
    82: WebSocketProtocol,
    83: WebSocketInvalidUtf8,
    84: WebSocketTooLarge,
    85: TooManyRedirects,
    86: RedirectRefused,
    87: StatusError,
    90: UploadFailed,
    100: DecodeFailed,
    101: DecodedTooLarge,
}
