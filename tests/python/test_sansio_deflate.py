"""Compression of WebSockets without a socket: what is offered, what comes of it, what it may grow to."""

from __future__ import annotations

from typing import Any, Union

import pytest
import wsproto
import wsproto.events
import wsproto.extensions

import trunkline
from trunkline import Deflate, sansio

Offer = Union[bool, Deflate, None]


def opened(
    offer: Offer, extension: wsproto.extensions.PerMessageDeflate, **settings: Any
) -> tuple[sansio.WebSocket, wsproto.WSConnection, str]:
    """Both sides after their handshake, and what was offered."""
    server = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
    client = sansio.Http1Client()
    handshake = sansio.Handshake(deflate=offer)
    client.request("GET", "http://a/", handshake.headers, upgrade=True)
    server.receive_data(client.data_to_send())
    assert isinstance(next(server.events()), wsproto.events.Request)
    (upgraded,) = client.receive(
        server.send(wsproto.events.AcceptConnection(extensions=[extension]))
    )
    assert isinstance(upgraded, sansio.Upgraded)
    handshake.check(upgraded.status, upgraded.headers)
    socket = sansio.WebSocket(handshake, **settings)
    return socket, server, handshake.headers.get("sec-websocket-extensions", "")


def sent(socket: sansio.WebSocket, server: wsproto.WSConnection, message: str) -> bytes:
    """The bytes of a message, which arrives."""
    socket.send(message)
    data = socket.data_to_send()
    server.receive_data(data)
    text = ""
    for piece in server.events():
        assert isinstance(piece, wsproto.events.TextMessage)
        text += piece.data
    assert text == message
    return data


def came(socket: sansio.WebSocket, server: wsproto.WSConnection, message: str) -> None:
    for step in (1, 1 << 30):
        data = server.send(wsproto.events.TextMessage(message))
        told = [
            event
            for place in range(0, len(data), step)
            for event in socket.receive(data[place : place + step])
        ]
        (frame,) = told
        assert isinstance(frame, sansio.Frame)
        assert frame.payload == message


TEXT = "".join(chr(ord("a") + number * number % 26) for number in range(1000))


@pytest.mark.parametrize(
    ("offer", "offered"),
    [
        (None, ""),
        (False, ""),
        (True, "permessage-deflate; client_max_window_bits"),
        (Deflate(), "permessage-deflate; client_max_window_bits"),
        (
            Deflate(server_max_window_bits=10, client_max_window_bits=9),
            "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9",
        ),
        (
            Deflate(server_no_context_takeover=True, client_no_context_takeover=True),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
            "client_max_window_bits",
        ),
    ],
)
def test_what_is_offered(offer: Offer, offered: str) -> None:
    fields = sansio.Handshake(deflate=offer).headers
    given = fields.get("sec-websocket-extensions", "")
    assert sorted(given.split("; ")) == sorted(offered.split("; "))


@pytest.mark.parametrize("offer", [Deflate(level=0), Deflate(level=10)])
def test_what_cannot_be_offered(offer: Deflate) -> None:
    with pytest.raises(trunkline.Error):
        sansio.Handshake(deflate=offer)
    for bits in (8, 16):
        with pytest.raises(trunkline.Error):
            sansio.Handshake(deflate=Deflate(client_max_window_bits=bits))
        with pytest.raises(trunkline.Error):
            sansio.Handshake(deflate=Deflate(server_max_window_bits=bits))
    with pytest.raises(AttributeError):
        sansio.Handshake(deflate=7)  # type: ignore[arg-type]


@pytest.mark.parametrize("alone", [False, True])
def test_messages_with_and_without_those_before_them(alone: bool) -> None:
    offer = Deflate(client_no_context_takeover=alone, server_no_context_takeover=alone)
    extension = wsproto.extensions.PerMessageDeflate(
        client_no_context_takeover=alone, server_no_context_takeover=alone
    )
    socket, server, _ = opened(offer, extension)
    first, second = (len(sent(socket, server, TEXT)) for _ in range(2))
    # With what came before, the same text is one reference.
    assert second == first if alone else second < first / 2
    came(socket, server, TEXT)


@pytest.mark.parametrize("bits", [9, 12, 15])
def test_windows(bits: int) -> None:
    offer = Deflate(server_max_window_bits=bits, client_max_window_bits=bits)
    extension = wsproto.extensions.PerMessageDeflate(
        server_max_window_bits=bits, client_max_window_bits=bits
    )
    socket, server, _ = opened(offer, extension)
    # Repeated farther away than the smallest window reaches.
    text = TEXT + "".join(chr(0x4E00 + number) for number in range(400)) + TEXT
    for _ in range(3):
        sent(socket, server, text)
        came(socket, server, text)


def test_small_messages_go_as_they_are() -> None:
    socket, server, _ = opened(Deflate(threshold=20), wsproto.extensions.PerMessageDeflate())
    assert sent(socket, server, "a" * 19)[0] == 0x81
    assert sent(socket, server, "a" * 20)[0] == 0xC1
    assert len(sent(socket, server, "a" * 10_000)) < 100


def test_what_a_message_may_grow_to() -> None:
    socket, server, _ = opened(
        True, wsproto.extensions.PerMessageDeflate(), max_message_bytes=10_000
    )
    came(socket, server, "a" * 10_000)
    bomb = server.send(wsproto.events.TextMessage("a" * 1_000_000))
    assert len(bomb) < 2000
    (closed,) = socket.receive(bomb)
    assert isinstance(closed, sansio.Closed)
    assert isinstance(closed.error, trunkline.WebSocketTooLarge)
    server.receive_data(socket.data_to_send())
    (close,) = server.events()
    assert isinstance(close, wsproto.events.CloseConnection)
    assert close.code == 1009
