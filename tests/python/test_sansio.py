"""Connections without a socket, with the packages h2 and wsproto as their peers, however the bytes are cut."""

from __future__ import annotations

from typing import Union

import h2.errors
import h2.events
import pytest
import wsproto
import wsproto.events
import wsproto.extensions
from sansio_peers import STEPS, Peer, pump, shown

import trunkline
from trunkline import sansio
from trunkline.sansio import Http1Client, Http2Client


def play(peer: Peer, event: h2.events.Event) -> None:
    connection = peer.connection
    if isinstance(event, h2.events.StreamEnded):
        number = event.stream_id
        if number == 1:
            connection.send_headers(number, [(":status", "103")])
            peer.respond(number)
            connection.send_data(number, b"hello")
            connection.send_headers(number, [("checksum", "abc")], end_stream=True)
        elif number == 3:
            sent = b"".join(
                e.data
                for e in peer.events
                if isinstance(e, h2.events.DataReceived) and e.stream_id == number
            )
            peer.respond(number)
            connection.send_data(number, str(len(sent)).encode(), end_stream=True)
        elif number == 5:
            connection.reset_stream(number, h2.errors.ErrorCodes.REFUSED_STREAM)
        else:
            fields = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/p")]
            connection.push_stream(number, 2, fields)
            peer.respond(number, "204", end=True)
            peer.respond(2)
            connection.send_data(2, b"pushed", end_stream=True)


def converse(step: int) -> dict[int, list[str]]:
    client = Http2Client(push=True)
    peer = Peer(play)
    assert client.request("GET", "http://a/", {"x-a": "b"}) == 1
    assert client.request("POST", "http://a/", body=True) == 2
    client.request("GET", "http://a/")
    client.request("GET", "http://a/")
    client.write(2, b"x" * 50_000)
    client.write(2, bytearray(b"y" * 20_000))
    assert client.room(2) == 256 * 1024 - 70_000
    client.end(2, {"x-sum": "3"})
    assert client.room(2) == 0
    with pytest.raises(trunkline.Error):
        client.write(2, b"more")
    client.ping(b"measured")
    lines = shown(pump(client, peer, step))
    assert any(isinstance(event, h2.events.TrailersReceived) for event in peer.events)
    client.shutdown()
    assert shown(pump(client, peer, step)) == {}
    assert client.is_closed
    assert not client.wants_data
    with pytest.raises(trunkline.Error):
        client.request("GET", "http://a/")
    return lines


@pytest.mark.parametrize("step", STEPS)
def test_http2_however_it_is_cut(step: int) -> None:
    assert converse(step) == {
        0: ["ping b'measured'"],
        1: [
            "informational 103",
            "head 200",
            "data hello",
            "trailers [('checksum', 'abc')]",
            "end",
        ],
        2: ["head 200", "data 70000", "end"],
        3: ["failed Http2StreamReset"],
        4: ["head 204", "end"],
        5: ["promised GET http://a/p", "head 200", "data pushed", "end"],
    }


def test_http2_pauses_and_is_cancelled() -> None:
    client = Http2Client(stream_window=10_000)
    size, begun = 0, False

    def feed(peer: Peer, event: h2.events.Event) -> None:
        nonlocal size, begun
        if isinstance(event, h2.events.RequestReceived):
            peer.respond(1)
            begun = True
        window = peer.connection.local_flow_control_window(1) if begun else 0
        while window > 0 and size < 30_000:
            count = min(window, 5000, 30_000 - size)
            peer.connection.send_data(1, b"z" * count)
            size += count
            window -= count

    peer = Peer(feed)
    number = client.request("GET", "http://a/")
    client.pause(number)
    events = pump(client, peer, 1 << 30)
    assert [type(event).__name__ for event in events] == ["Answer", "AnswerData"]
    # The window, and the piece that was told, which was given back.
    assert size <= 15_000
    client.resume(number)
    events = pump(client, peer, 1 << 30)
    assert size == 30_000
    client.cancel(number)
    assert pump(client, peer, 1 << 30) == []
    reset = [event for event in peer.events if isinstance(event, h2.events.StreamReset)]
    assert [event.error_code for event in reset] == [8]


def test_http2_ends_with_its_transport() -> None:
    client = Http2Client()
    client.request("GET", "http://a/")
    client.data_to_send()
    lines = shown(client.receive_eof())
    assert lines[1] == ["failed ConnectionClosed"]
    assert client.is_closed
    client = Http2Client()
    client.request("GET", "http://a/")
    client.fail("out of order")
    assert shown(client.events()) == {0: ["failed ConnectionReset"], 1: ["failed ConnectionReset"]}
    client.send_failed()
    assert client.data_to_send() == b""
    with pytest.raises(ValueError):
        client.ping(b"seven b")
    with pytest.raises(ValueError):
        client.request("GET", "http://[")
    with pytest.raises(trunkline.Error):
        Http2Client(connection_window=1)


@pytest.mark.parametrize("step", STEPS)
def test_http1_however_it_is_cut(step: int) -> None:
    client = Http1Client()
    client.request("GET", "http://a/x?y")
    number = client.request("POST", "http://a/", {"trailer": "sum"}, body=True)
    client.write(number, "some bytes")
    client.end(number, {"sum": "10"})

    def receive(data: bytes) -> list[sansio.Event]:
        told = []
        for place in range(0, len(data), step):
            told += client.receive(data[place : place + step])
        return told

    assert client.data_to_send() == b"GET /x?y HTTP/1.1\r\nhost: a\r\n\r\n"
    told = receive(b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")
    sent = client.data_to_send()
    assert sent.endswith(b"\r\n\r\nA\r\nsome bytes\r\n0\r\nsum: 10\r\n\r\n")
    told += receive(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
    told += client.receive_eof()
    assert shown(told) == {
        1: ["informational 103", "head 200", "data hello", "end"],
        2: ["head 200", "data until the end", "end"],
    }
    assert client.is_closed


def test_http1_tells_what_is_cut_off_and_what_it_cannot_send() -> None:
    client = Http1Client()
    with pytest.raises(trunkline.Error, match="transfer-encoding"):
        client.request("POST", "http://a/", {"transfer-encoding": "gzip"}, body=True)
    client.request("GET", "http://a/")
    client.data_to_send()
    client.receive(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc")
    (failed,) = (event for event in client.receive_eof() if isinstance(event, sansio.AnswerFailed))
    assert (failed.fault, failed.expected, failed.received) == ("invalid-body-length", 5, 3)
    assert isinstance(failed.error, trunkline.ConnectionClosed)


@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_a_websocket_behind_an_upgrade(step: int, deflate: bool) -> None:
    extensions: list[wsproto.extensions.Extension] = []
    if deflate:
        extensions.append(wsproto.extensions.PerMessageDeflate())
    server = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
    client = Http1Client()
    handshake = sansio.Handshake(deflate=deflate)
    with pytest.raises(ValueError):
        sansio.WebSocket(handshake)
    client.request("GET", "http://a/", handshake.headers, upgrade=True)
    server.receive_data(client.data_to_send())
    assert isinstance(next(server.events()), wsproto.events.Request)
    answer = server.send(wsproto.events.AcceptConnection(extensions=extensions))
    answer += server.send(wsproto.events.TextMessage("first"))
    answer += server.send(wsproto.events.Ping(b"there?"))
    (upgraded,) = client.receive(answer)
    assert isinstance(upgraded, sansio.Upgraded)
    assert client.is_closed
    handshake.check(upgraded.status, upgraded.headers)
    socket = sansio.WebSocket(handshake)
    events = []
    came = upgraded.rest
    messages: list[Union[str, bytes]] = ["text", "ab" * 40_000, b"", b"\x00\xff" * 40_000]
    for message in messages:
        socket.send(message)
    socket.close(1000, "enough")
    while came or not socket.is_closed:
        for place in range(0, len(came), step):
            events += socket.receive(came[place : place + step])
        came = b""
        if sent := socket.data_to_send():
            server.receive_data(sent)
        for event in server.events():
            if isinstance(event, wsproto.events.Message):
                came += server.send(event)
            elif isinstance(event, wsproto.events.CloseConnection):
                came += server.send(event.response())
            else:
                assert isinstance(event, wsproto.events.Pong)
                assert event.payload == b"there?"
    frames = [event for event in events if isinstance(event, sansio.Frame)]
    assert [frame.payload for frame in frames] == ["first", b"there?", *messages, "enough"]
    closed = events[-1]
    assert isinstance(closed, sansio.Closed)
    assert (closed.code, closed.error) == (1000, None)
    with pytest.raises(trunkline.Error):
        socket.send("late")


def test_what_a_peer_of_a_websocket_does_wrong() -> None:
    socket = sansio.WebSocket(max_message_bytes=10)
    (closed,) = socket.receive(b"\x82\x0b")
    assert isinstance(closed, sansio.Closed)
    assert isinstance(closed.error, trunkline.WebSocketTooLarge)
    assert socket.data_to_send()[:2] == b"\x88\x82"
    assert socket.is_closed
    socket = sansio.WebSocket(frames=True)
    socket.send_frame("text", "a", last=False)
    socket.send_frame("continuation", "b")
    assert len(socket.data_to_send()) == 14
    assert [frame.payload for frame in socket.receive(b"\x01\x01a\x80\x01b")] == [b"a", b"b"]  # type: ignore[union-attr]
    (closed,) = socket.receive_eof()
    assert isinstance(closed, sansio.Closed)
    assert isinstance(closed.error, trunkline.ConnectionClosed)


def test_a_connection_lets_go_of_what_it_has() -> None:
    for _ in range(100):
        client = Http2Client()
        number = client.request("POST", "http://a/", body=True)
        client.write(number, b"x" * 100_000)
        del client
