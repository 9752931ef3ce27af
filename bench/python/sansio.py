"""HTTP/2 without a socket over a blocking one of this program: `h2` or `trunkline` with the same pump. `--in-flight` streams are
asked at the start, and each anew when it has its answer."""

from __future__ import annotations

import socket
import time
from typing import Protocol
from urllib.parse import urlsplit

import measure

BUFFER = 64 * 1024


class Connection(Protocol):
    """What the pump needs of a connection."""

    def ask(self) -> None: ...
    def receive(self, data: bytes) -> None: ...
    def data_to_send(self) -> bytes: ...


class Trunkline:
    def __init__(self, url: str, counter: measure.Counter) -> None:
        from trunkline import sansio

        self.url, self.counter, self.sansio = url, counter, sansio
        self.client = sansio.Http2Client()
        self.data_to_send = self.client.data_to_send
        self.streams: dict[int, list[int]] = {}

    def ask(self) -> None:
        self.streams[self.client.request("GET", self.url)] = [0, 0]

    def receive(self, data: bytes) -> None:
        for event in self.client.receive(data):
            kind = type(event)
            if kind is self.sansio.AnswerData:
                self.streams[event.exchange][1] += len(event.data)
            elif kind is self.sansio.Answer:
                self.streams[event.exchange][0] = event.status
            elif kind is self.sansio.AnswerEnd:
                self.counter.answer(*self.streams.pop(event.exchange))
                self.ask()
            else:
                raise event.error


class H2:
    def __init__(self, url: str, counter: measure.Counter) -> None:
        import h2.connection
        import h2.events

        parts = urlsplit(url)
        self.fields = [
            (":method", "GET"),
            (":scheme", parts.scheme),
            (":authority", parts.netloc),
            (":path", parts.path),
        ]
        self.counter, self.events = counter, h2.events
        self.connection = h2.connection.H2Connection()
        self.connection.initiate_connection()
        self.data_to_send = self.connection.data_to_send
        self.streams: dict[int, list[int]] = {}

    def ask(self) -> None:
        number = self.connection.get_next_available_stream_id()
        self.connection.send_headers(number, self.fields, end_stream=True)
        self.streams[number] = [0, 0]

    def receive(self, data: bytes) -> None:
        for event in self.connection.receive_data(data):
            kind = type(event)
            if kind is self.events.DataReceived:
                self.streams[event.stream_id][1] += len(event.data)
                self.connection.acknowledge_received_data(
                    event.flow_controlled_length, event.stream_id
                )
            elif kind is self.events.ResponseReceived:
                self.streams[event.stream_id][0] = int(dict(event.headers)[b":status"])
            elif kind is self.events.StreamEnded:
                self.counter.answer(*self.streams.pop(event.stream_id))
                self.ask()
            elif kind is self.events.ConnectionTerminated:
                raise SystemExit("the server has closed")


def main() -> None:
    arguments = measure.parse()
    counter = measure.Counter(arguments.size)
    try:
        connection: Connection = measure.choose(
            {"trunkline": Trunkline, "h2": H2}, arguments.client
        )(arguments.url, counter)
    except ImportError as error:
        raise measure.skip_missing(error) from error
    parts = urlsplit(arguments.url)
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as transport:
        transport.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(arguments.in_flight):
            connection.ask()
        end, measured = time.perf_counter() + arguments.warmup, False
        start = cpu = 0.0
        while True:
            transport.sendall(connection.data_to_send())
            data = transport.recv(BUFFER)
            if not data:
                raise SystemExit("the server has closed")
            connection.receive(data)
            now = time.perf_counter()
            if now < end:
                continue
            if measured:
                used = measure.cpu_seconds() - cpu
                measure.report(arguments, arguments.client, counter, now - start, used)
                return
            measured, start, cpu = True, now, measure.cpu_seconds()
            end = start + arguments.seconds
            counter.requests = counter.errors = counter.bytes = 0


if __name__ == "__main__":
    main()
