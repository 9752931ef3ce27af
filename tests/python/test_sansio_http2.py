"""HTTP/2 without a socket against the package h2, which does as no server should."""

from __future__ import annotations

from typing import Any, Callable, Optional

import h2.errors
import h2.events
import h2.settings
import pytest
from sansio_peers import STEPS, Peer, pump, shown

import trunkline
from trunkline import sansio
from trunkline.sansio import Http1Client, Http2Client

WHOLE = 1 << 30
OK = [(":status", "200")]
WINDOW = h2.settings.SettingCodes.INITIAL_WINDOW_SIZE

Act = Callable[[Peer], None]


def at_end(act: Act, stream: int = 1) -> Callable[[Peer, h2.events.Event], None]:
    """Does this once a request has come whole, and answers all others with 204."""

    def answer(peer: Peer, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.StreamEnded):
            if event.stream_id == stream:
                act(peer)
            else:
                peer.respond(event.stream_id, "204", end=True)

    return answer


def ask_twice(act: Act, step: int, **settings: Any) -> tuple[dict[int, list[str]], Peer]:
    """What is told where the first of two requests is answered like this."""
    client = Http2Client(**settings)
    peer = Peer(at_end(act))
    client.request("GET", "http://a/")
    client.request("GET", "http://a/second")
    return shown(pump(client, peer, step)), peer


def send(*steps: Act) -> Act:
    def act(peer: Peer) -> None:
        for step in steps:
            step(peer)

    return act


def head(*fields: tuple[str, str], end: bool = False) -> Act:
    return lambda peer: peer.connection.send_headers(1, [*OK, *fields], end_stream=end)


def data(text: bytes, *, end: bool = False) -> Act:
    return lambda peer: peer.connection.send_data(1, text, end_stream=end)


def reset(code: int) -> Act:
    return lambda peer: peer.connection.reset_stream(1, code)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("act", "told"),
    [
        (head(("content-length", "x"), end=True), ["failed Http2Protocol"]),
        (head(("content-length", "1"), ("content-length", "2")), ["failed Http2Protocol"]),
        (head(("connection", "close")), ["failed Http2Protocol"]),
        (
            send(head(("content-length", "9")), data(b"five!", end=True)),
            ["head 200", "data five!", "failed Http2Protocol"],
        ),
        (
            send(head(("content-length", "3")), data(b"five!")),
            ["head 200", "failed Http2Protocol"],
        ),
        (
            send(head(("content-length", "5")), data(b"five!"), data(b"", end=True)),
            ["head 200", "data five!", "end"],
        ),
        (reset(1), ["failed Http2StreamReset"]),
        (send(head(), reset(2)), ["head 200", "failed Http2StreamReset"]),
        (
            send(head(), data(b"part"), reset(8)),
            ["head 200", "data part", "failed Http2StreamReset"],
        ),
    ],
)
def test_a_fault_costs_its_stream_alone(act: Act, told: list[str], step: int) -> None:
    lines, _ = ask_twice(act, step)
    if "failed Http2Protocol" in told and told[0] == "head 200":
        # As much of the body as came in time is told of, or nothing.
        lines[1] = [line for line in lines[1] if not line.startswith("data ")]
        told = [line for line in told if not line.startswith("data ")]
    assert lines == {1: told, 2: ["head 204", "end"]}


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (head(("content-length", "x")), ("malformed-response", None, False, None, None)),
        (
            send(head(("content-length", "9")), data(b"five!", end=True)),
            ("invalid-body-length", None, False, 9, 5),
        ),
        (
            send(head(("content-length", "3")), data(b"five!")),
            ("invalid-body-length", None, False, 3, 5),
        ),
        (reset(11), ("protocol", 11, True, None, None)),
    ],
)
def test_faults_are_told_apart(act: Act, told: tuple[object, ...]) -> None:
    client = Http2Client()
    client.request("GET", "http://a/")
    event = pump(client, Peer(at_end(act)), WHOLE)[-1]
    assert isinstance(event, sansio.AnswerFailed)
    assert (event.fault, event.code, event.from_peer, event.expected, event.received) == told


def test_faults_of_a_connection_are_told_apart() -> None:
    client = Http2Client()
    number = client.request("GET", "http://a/")
    # Another protocol than HTTP/2.
    events = client.receive(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    connection, answer = events
    assert isinstance(connection, sansio.ConnectionFailed)
    assert isinstance(answer, sansio.AnswerFailed)
    assert answer.exchange == number
    for event in (connection, answer):
        assert (event.fault, event.code, event.from_peer) == ("protocol", 1, False)
    client = Http2Client()
    client.request("GET", "http://a/")
    client.fail("out of order")
    connection, answer = client.events()
    assert isinstance(connection, sansio.ConnectionFailed)
    assert isinstance(answer, sansio.AnswerFailed)
    for event in (connection, answer):
        assert (event.fault, event.code, event.from_peer) == ("exception", None, False)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("pieces", [0, 1, 3])
def test_a_reset_in_the_middle_of_a_body(pieces: int, step: int) -> None:
    def answer(peer: Peer, event: h2.events.Event) -> None:
        came = len(peer.body(1)) // 1000
        if isinstance(event, h2.events.StreamEnded):
            peer.respond(event.stream_id, "204", end=True)
        elif (
            isinstance(event, (h2.events.RequestReceived, h2.events.DataReceived))
            and event.stream_id == 1
            and came == pieces
            and not refused
        ):
            refused.append(True)
            peer.connection.reset_stream(1, h2.errors.ErrorCodes.ENHANCE_YOUR_CALM)

    refused: list[bool] = []
    client = Http2Client()
    peer = Peer(answer)
    number = client.request("POST", "http://a/", body=True)
    other = client.request("GET", "http://a/other")
    told = pump(client, peer, step)
    for _ in range(pieces):
        client.write(number, b"x" * 1000)
        told += pump(client, peer, step)
    assert shown(told) == {number: ["failed Http2StreamReset"], other: ["head 204", "end"]}
    assert client.room(number) == 0
    with pytest.raises(trunkline.Error):
        client.write(number, b"more")


@pytest.mark.parametrize("step", STEPS)
def test_trailers_come_after_all_data(step: int) -> None:
    act = send(
        head(),
        data(b"body"),
        lambda peer: peer.connection.send_headers(1, [("sum", "4"), ("sum", "5")], end_stream=True),
    )
    lines, _ = ask_twice(act, step)
    assert lines[1] == [
        "head 200",
        "data body",
        "trailers [('sum', '4'), ('sum', '5')]",
        "end",
    ]


@pytest.mark.parametrize("step", STEPS)
def test_a_goaway_fails_what_it_does_not_cover(step: int) -> None:
    client = Http2Client()

    numbers = [client.request("GET", "http://a/") for _ in range(3)]
    told = pump(client, Peer(lambda _, __: None), step)
    # By hand, for the package ends its own work with it. The last stream is 1; then that is answered: `:status: 200`.
    came = bytes([0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])
    came += bytes([0, 0, 1, 1, 5, 0, 0, 0, 1, 0x88])
    for place in range(0, len(came), step):
        told += client.receive(came[place : place + step])
    assert shown(told) == {
        numbers[0]: ["head 200", "end"],
        numbers[1]: ["failed Http2StreamReset"],
        numbers[2]: ["failed Http2StreamReset"],
    }
    with pytest.raises(trunkline.Error):
        client.request("GET", "http://a/")


@pytest.mark.parametrize("step", STEPS)
def test_a_window_that_changes_in_the_middle_of_a_body(step: int) -> None:
    peer = Peer(lambda _, __: None, acknowledges=False)
    connection = peer.connection
    connection.update_settings({WINDOW: 1000})
    client = Http2Client()
    # The settings are there before the body is.
    pump(client, peer, step)
    number = client.request("POST", "http://a/", body=True)
    client.write(number, b"x" * 40_000)
    client.end(number)
    pump(client, peer, step)
    assert len(peer.body(1)) == 1000
    connection.update_settings({WINDOW: 30_000})
    pump(client, peer, step)
    assert len(peer.body(1)) == 30_000
    # Less than what was sent already: the window is negative, and what is given back does not open it.
    connection.update_settings({WINDOW: 10_000})
    pump(client, peer, step)
    connection.increment_flow_control_window(20_000, 1)
    pump(client, peer, step)
    assert len(peer.body(1)) == 30_000
    connection.increment_flow_control_window(5000, 1)
    pump(client, peer, step)
    assert len(peer.body(1)) == 35_000
    connection.increment_flow_control_window(50_000, 1)
    pump(client, peer, step)
    assert peer.body(1) == b"x" * 40_000
    assert any(isinstance(event, h2.events.StreamEnded) for event in peer.events)


def promise(number: int, path: str) -> Act:
    fields = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", path)]

    def act(peer: Peer) -> None:
        peer.connection.push_stream(1, number, fields)

    return act


def push(number: int) -> Act:
    def act(peer: Peer) -> None:
        peer.connection.send_headers(number, OK)
        peer.connection.send_data(number, b"pushed", end_stream=True)

    return act


# That which is refused is not complete when the client refuses it.
PUSHES = send(
    promise(2, "/wanted"),
    promise(4, "/other"),
    head(end=True),
    push(2),
    lambda peer: peer.connection.send_headers(4, OK),
)


@pytest.mark.parametrize("step", STEPS)
def test_pushes_are_taken_up_or_refused_each(step: int) -> None:
    asked: list[tuple[str, str]] = []

    def handler(promised: sansio.Promised) -> bool:
        asked.append((promised.method, promised.url))
        return promised.url.endswith("/wanted")

    lines, peer = ask_twice(PUSHES, step, push=handler)
    assert asked == [("GET", "http://a/wanted"), ("GET", "http://a/other")]
    assert lines == {
        1: ["head 200", "end"],
        2: ["head 204", "end"],
        3: ["promised GET http://a/wanted", "head 200", "data pushed", "end"],
    }
    assert peer.resets() == [(4, 8)]


def test_a_push_handler_may_call_and_may_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    shown_errors: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", lambda args: shown_errors.append(args.exc_value))
    sent = b""

    def handler(promised: sansio.Promised) -> bool:
        nonlocal sent
        client.request("GET", "http://a/from/inside")
        sent += client.data_to_send()
        raise RuntimeError(promised.url)

    client = Http2Client(push=handler)
    peer = Peer(at_end(PUSHES))
    client.request("GET", "http://a/")
    peer.receive(client.data_to_send())
    told = client.receive(peer.connection.data_to_send())
    peer.receive(sent)
    told += pump(client, peer, WHOLE)
    assert [str(error) for error in shown_errors] == ["http://a/wanted", "http://a/other"]
    lines = shown(told)
    assert lines.pop(1) == ["head 200", "end"]
    assert list(lines.values()) == [["head 204", "end"]] * 2
    assert (4, 8) in peer.resets()


@pytest.mark.parametrize("step", STEPS)
def test_every_push_is_taken_up_and_one_given_up_before_its_answer(step: int) -> None:
    client = Http2Client(push=True)
    peer = Peer(at_end(send(promise(2, "/wanted"), promise(4, "/other"), head(end=True))))
    client.request("GET", "http://a/")
    told = pump(client, peer, step)
    numbers = {event.url: event.exchange for event in told if isinstance(event, sansio.Promised)}
    client.cancel(numbers["http://a/other"])
    push(2)(peer)
    peer.connection.send_headers(4, OK)
    lines = shown(pump(client, peer, step))
    assert lines == {numbers["http://a/wanted"]: ["head 200", "data pushed", "end"]}
    assert peer.resets() == [(4, 8)]


@pytest.mark.parametrize("body", [False, True])
@pytest.mark.parametrize("code", [8, 7])
def test_a_request_is_given_up_before_its_answer(body: bool, code: int) -> None:
    client = Http2Client()
    peer = Peer(lambda _, __: None)
    number = client.request("POST", "http://a/", body=body)
    other = client.request("GET", "http://a/other")
    if body:
        client.write(number, "all of it")
        client.end(number)
    assert pump(client, peer, WHOLE) == []
    client.cancel(number, code)
    client.cancel(number)
    assert pump(client, peer, WHOLE) == []
    assert peer.resets() == [(1, code)]
    assert client.room(number) == 0
    peer.respond(3, "204", end=True)
    assert shown(pump(client, peer, WHOLE)) == {other: ["head 204", "end"]}
    # Nobody is left to hear of it.
    client.cancel(other)
    assert client.data_to_send() == b""


def test_a_request_is_given_up_before_it_is_sent() -> None:
    client = Http2Client()
    peer = Peer(at_end(lambda _: None))
    client.cancel(client.request("GET", "http://a/"))
    number = client.request("GET", "http://a/")
    lines = shown(pump(client, peer, WHOLE))
    assert lines == {number: ["head 204", "end"]}
    assert peer.resets() == [(1, 8)]


def test_http1_is_given_up_before_its_answer() -> None:
    client = Http1Client()
    first = client.request("GET", "http://a/1")
    waits = client.request("GET", "http://a/2")
    third = client.request("GET", "http://a/3")
    assert client.data_to_send().startswith(b"GET /1 ")
    # One that waits for its turn is only taken out.
    client.cancel(waits)
    assert not client.is_closed
    lines = shown(client.receive(b"HTTP/1.1 204 No Content\r\n\r\n"))
    assert lines == {first: ["head 204", "end"]}
    assert client.data_to_send().startswith(b"GET /3 ")
    client.cancel(third)
    assert client.events() == []
    assert client.is_closed


def asked_fields(request: bytes) -> dict[str, str]:
    lines = request.decode().split("\r\n\r\n")[0].split("\r\n")[1:]
    return dict(line.split(": ", 1) for line in lines)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("pushes", [False, True])
def test_an_upgrade_from_http1(step: int, pushes: bool) -> None:
    settings: dict[str, Any] = {"stream_window": 100_000, "push": pushes}
    fields = {"x-field": "value"}
    request = Http2Client.upgrade_request("POST", "http://a/first?x", fields, b"body", **settings)
    assert request.startswith(b"POST /first?x HTTP/1.1\r\nhost: a\r\n")
    assert request.endswith(b"\r\nx-field: value\r\n\r\nbody")
    asked = asked_fields(request)
    assert (asked["upgrade"], asked["content-length"]) == ("h2c", "4")
    assert asked["connection"] == "Upgrade, HTTP2-Settings"

    def answer(peer: Peer, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.StreamEnded):
            peer.respond(event.stream_id)
            peer.connection.send_data(event.stream_id, b"next", end_stream=True)

    peer = Peer(answer, upgrade=asked["http2-settings"].encode())
    remote = peer.connection.remote_settings
    assert (remote.initial_window_size, remote.enable_push) == (100_000, int(pushes))
    client = Http2Client.after_upgrade("POST", "http://a/first?x", fields, **settings)
    peer.respond(1)
    peer.connection.send_data(1, b"first")
    if pushes:
        promise(2, "/p")(peer)
        push(2)(peer)
    peer.connection.send_data(1, b"", end_stream=True)
    second = client.request("GET", "http://a/second", {"x-field": "value"})
    assert second == 2
    lines = shown(pump(client, peer, step))
    assert lines.pop(1) == ["head 200", "data first", "end"]
    assert lines.pop(2) == ["head 200", "data next", "end"]
    told = ["promised GET http://a/p", "head 200", "data pushed", "end"]
    assert lines == ({3: told} if pushes else {})
    assert client.request("GET", "http://a/third") == (4 if pushes else 3)
    assert 0 not in shown(pump(client, peer, step))


def test_an_upgraded_request_is_given_up_before_its_answer() -> None:
    asked = asked_fields(Http2Client.upgrade_request("GET", "http://a/"))
    client = Http2Client.after_upgrade("GET", "http://a/")
    peer = Peer(lambda _, __: None, upgrade=asked["http2-settings"].encode())
    pump(client, peer, WHOLE)
    client.cancel(1, 7)
    assert pump(client, peer, WHOLE) == []
    assert peer.resets() == [(1, 7)]


@pytest.mark.parametrize(
    ("method", "url", "fields"),
    [
        ("GET", "/", None),
        ("CONNECT", "http://a/", None),
        ("GET", "http://a/", {"upgrade": "x"}),
        ("GET", "http://a/", {"content-length": "1"}),
    ],
)
def test_what_cannot_be_upgraded(method: str, url: str, fields: Optional[dict[str, str]]) -> None:
    with pytest.raises((trunkline.Error, ValueError)):
        Http2Client.upgrade_request(method, url, fields)


def test_settings_have_names() -> None:
    with pytest.raises(TypeError, match='no setting "window"'):
        Http2Client(window=1)  # type: ignore[call-arg]
    with pytest.raises(trunkline.Error):
        Http2Client(upload_buffer=0)
    with pytest.raises(TypeError):
        Http2Client(stream_window="wide")  # type: ignore[arg-type]
    client = Http2Client(push=True, max_pushed_streams=7, upload_buffer=1000, stream_window=None)
    peer = Peer(lambda _, __: None)
    pump(client, peer, WHOLE)
    assert peer.connection.remote_settings.max_concurrent_streams == 7
