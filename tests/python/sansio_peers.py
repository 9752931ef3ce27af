"""A scripted peer for connections without a socket, and what these are told."""

from __future__ import annotations

from typing import Callable, Optional

import h2.config
import h2.connection
import h2.events

from trunkline import sansio
from trunkline.sansio import Http2Client

#: How many bytes are carried at once.
STEPS = [1, 2, 7, 100, 1 << 30]


class Peer:
    """A server by the package h2 that answers as `answer` says."""

    def __init__(
        self,
        answer: Callable[[Peer, h2.events.Event], None],
        *,
        upgrade: Optional[bytes] = None,
        acknowledges: bool = True,
    ) -> None:
        config = h2.config.H2Configuration(
            client_side=False,
            header_encoding="utf-8",
            # It is to send what no server may.
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self.connection = h2.connection.H2Connection(config)
        if upgrade is None:
            self.connection.initiate_connection()
        else:
            # Of an HTTP/1.1 request: what is in its `http2-settings`.
            self.connection.initiate_upgrade_connection(upgrade)
        self.answer = answer
        self.acknowledges = acknowledges
        self.events: list[h2.events.Event] = []

    def resets(self) -> list[tuple[int, int]]:
        """Streams that the client has reset, with the code."""
        events = [event for event in self.events if isinstance(event, h2.events.StreamReset)]
        return [(event.stream_id, int(event.error_code)) for event in events]

    def body(self, stream: int) -> bytes:
        """What has come of the body of a request."""
        events = [event for event in self.events if isinstance(event, h2.events.DataReceived)]
        return b"".join(event.data for event in events if event.stream_id == stream)

    def respond(self, stream: int, status: str = "200", *, end: bool = False) -> None:
        self.connection.send_headers(stream, [(":status", status)], end_stream=end)

    def receive(self, data: bytes) -> None:
        for event in self.connection.receive_data(data):
            self.events.append(event)
            if isinstance(event, h2.events.DataReceived) and self.acknowledges:
                size = event.flow_controlled_length
                self.connection.acknowledge_received_data(size, event.stream_id)
            self.answer(self, event)


def pump(client: Http2Client, peer: Peer, step: int) -> list[sansio.Event]:
    """Carries bytes between both, `step` at once, until neither has any; what the client told."""
    told: list[sansio.Event] = []
    while True:
        sent = client.data_to_send()
        for place in range(0, len(sent), step):
            peer.receive(sent[place : place + step])
        came = peer.connection.data_to_send()
        if not sent and not came:
            return told + client.events()
        for place in range(0, len(came), step):
            told += client.receive(came[place : place + step])


def shown(events: list[sansio.Event]) -> dict[int, list[str]]:
    """A line for each event by its exchange (0: the connection), bodies as one."""
    lines: dict[int, list[str]] = {}
    for event in events:
        line = lines.setdefault(getattr(event, "exchange", 0), [])
        if isinstance(event, sansio.Answer):
            kind = "informational" if event.informational else "head"
            line.append(f"{kind} {event.status}")
        elif isinstance(event, sansio.AnswerData):
            if line[-1].startswith("data "):
                line[-1] += event.data.decode()
            else:
                line.append(f"data {event.data.decode()}")
        elif isinstance(event, sansio.AnswerTrailers):
            line.append(f"trailers {event.headers.multi_items()}")
        elif isinstance(event, (sansio.AnswerFailed, sansio.ConnectionFailed)):
            line.append(f"failed {type(event.error).__name__}")
        elif isinstance(event, sansio.PingAnswered):
            line.append(f"ping {event.payload!r}")
        elif isinstance(event, sansio.Promised):
            line.append(f"promised {event.method} {event.url}")
        else:
            line.append("end")
    return lines
