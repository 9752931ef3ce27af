"""Connections that own no socket: bytes go in and out by calls, events come out.

A program that owns its transport (an event loop of its own, a serial line, a test) gives what it reads to `receive` and
sends what `data_to_send` gives. There is no thread, no timer and no task here; deadlines are the program's.

    client = Http2Client()
    number = client.request("GET", "http://example.org/")
    while not done:
        transport.send(client.data_to_send())
        for event in client.receive(transport.recv(65536)):
            ...
"""

from __future__ import annotations

from typing import Union

from ._native import (
    Answer,
    AnswerData,
    AnswerEnd,
    AnswerFailed,
    AnswerTrailers,
    Closed,
    ConnectionFailed,
    Frame,
    Handshake,
    Http1Client,
    Http2Client,
    PingAnswered,
    Promised,
    Upgraded,
)
from ._native import SansIoWebSocket as WebSocket

#: What `receive` of the two HTTP clients gives.
Event = Union[
    Answer,
    AnswerData,
    AnswerTrailers,
    AnswerEnd,
    AnswerFailed,
    ConnectionFailed,
    PingAnswered,
    Promised,
    Upgraded,
]

__all__ = [
    "Answer",
    "AnswerData",
    "AnswerEnd",
    "AnswerFailed",
    "AnswerTrailers",
    "Closed",
    "ConnectionFailed",
    "Event",
    "Frame",
    "Handshake",
    "Http1Client",
    "Http2Client",
    "PingAnswered",
    "Promised",
    "Upgraded",
    "WebSocket",
]
