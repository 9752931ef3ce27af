"""What a WebSocket is opened with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from ._native import Head

if TYPE_CHECKING:
    from typing import Literal

    CompressionTypes = Union[Literal["deflate"], "Deflate", None]
    ReconnectTypes = Union[bool, "Reconnect", None]

#: str is a text message, bytes a binary one.
Message = Union[str, bytes, bytearray, memoryview]


@dataclass(frozen=True)
class Deflate:
    """What is offered of permessage-deflate (RFC 7692), and how it is used. The peer may choose less, or nothing."""

    #: How hard to compress, from 1 (fast) to 9 (small).
    level: int = 6
    #: Bytes of a message below which it is not compressed.
    threshold: int = 128
    #: The window that the peer may compress with, as a power of two from 9 to 15.
    server_max_window_bits: int = 15
    #: The window of what is sent, likewise.
    client_max_window_bits: int = 15
    #: Ask the peer to compress each message by itself.
    server_no_context_takeover: bool = False
    #: Compress each message by itself.
    client_no_context_takeover: bool = False


@dataclass(frozen=True)
class Reconnect:
    """How a WebSocket that was lost is opened again; None keeps the library's default.

    What was handed to the lost connection is not sent again; what was still queued is.
    """

    #: Seconds before the first attempt; doubled for each further one in a row, less up to a quarter. Default 1.
    delay: Optional[float] = None
    #: The longest such pause, in seconds. Default 30.
    max_delay: Optional[float] = None
    #: Attempts in a row; then the WebSocket ends with its last error. Default 10.
    max_attempts: Optional[int] = None
    #: Bytes of messages that may be queued while it is not open. Default 1 MiB.
    queue: Optional[int] = None
    #: Codes of a close by the peer after which it is opened again. Default 1011, 1012, 1013 and 1014.
    close_codes: Optional[Sequence[int]] = None
    #: Is given the answer that opened it again, and gives the messages that are sent first. It runs on the thread that
    #: runs the reactor and must not block; what it raises is shown on stderr, and nothing is sent then.
    resume: Optional[Callable[[Head], Optional[Iterable[Message]]]] = None


def deflate_of(given: CompressionTypes) -> Optional[dict[str, Any]]:
    """Compression as the native half takes it."""
    if given is None:
        return None
    if given == "deflate":
        return {}
    if not isinstance(given, Deflate):
        raise TypeError(f"compression is 'deflate', a Deflate or None, not {given!r}")
    return vars(given)


def reconnect_of(given: ReconnectTypes) -> Optional[dict[str, Any]]:
    """Reconnecting as the native half takes it."""
    if not given:
        return None
    if given is True:
        return {}
    if not isinstance(given, Reconnect):
        raise TypeError(f"reconnect is a bool or a Reconnect, not {given!r}")
    return {name: value for name, value in vars(given).items() if value is not None}


@dataclass(frozen=True)
class WebSocketTaking:
    """How messages are taken."""

    listener: Any = None
    views: bool = False


def take_options(options: dict[str, Any]) -> tuple[dict[str, Any], WebSocketTaking]:
    """Takes what only WebSockets have out of the options: what the native half is told, and how messages are taken."""
    native: dict[str, Any] = {}
    if "compression" in options:
        native["websocket_deflate"] = deflate_of(options.pop("compression"))
    if "reconnect" in options:
        native["websocket_reconnect"] = reconnect_of(options.pop("reconnect"))
    if "subprotocols" in options:
        native["subprotocols"] = list(options.pop("subprotocols"))
    if "max_size" in options:
        native["max_size"] = options.pop("max_size")
    for name in ("ping_interval", "ping_timeout", "close_timeout", "frames"):
        if name in options:
            native[f"websocket_{name}"] = options.pop(name)
    taking = {name: options.pop(name) for name in ("listener", "views") if name in options}
    return native, WebSocketTaking(**taking)
