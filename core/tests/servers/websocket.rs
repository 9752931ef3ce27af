//! What a WebSocket server that others wrote is asked for: messages, fragments, pings, closes, compression, a crowd.

use std::time::Instant;

use bytes::Bytes;
use trunkline::{
    Error, ErrorCode, FragmentKind, Frame, HttpVersions, Manager, Part, Protocol, Request,
    RequestHandle, WebSocketDeflate,
};

use crate::kit::{DRIVES, PATIENCE, Random, fetch, rest, soon, submit};
use crate::program::Program;
use crate::trusting;

/// One way to a server.
pub struct Way {
    /// Where WebSockets are opened.
    pub url: String,
    pub versions: HttpVersions,
    /// What carries it in the end: a connection of its own, or a stream.
    pub protocol: Protocol,
}

/// Clear text and TLS, with the version that is asked for and the one that is spoken.
pub fn ways(plain: u16, tls: u16) -> [Way; 4] {
    let way = |url: String, versions, protocol| Way {
        url,
        versions,
        protocol,
    };
    let (plain, tls) = (
        format!("ws://127.0.0.1:{plain}/socket"),
        format!("wss://localhost:{tls}/socket"),
    );
    [
        way(plain.clone(), HttpVersions::Http1, Protocol::WebSocket),
        way(plain, HttpVersions::Http2, Protocol::Http2),
        way(tls.clone(), HttpVersions::Http1, Protocol::WebSocket),
        way(tls, HttpVersions::Auto, Protocol::Http2),
    ]
}

/// What a server can do besides sending messages back.
#[derive(Clone, Copy)]
pub struct Traits {
    /// Orders: to close, to send fragments, to ping, to break off.
    pub orders: bool,
    pub deflate: bool,
    /// How many it serves at once on one connection.
    pub crowd: usize,
}

/// Everything, on every way and both drives.
pub fn exercise(program: &Program, ways: &[Way], traits: Traits) {
    for drive in DRIVES {
        for way in ways {
            let manager = trusting(drive, program);
            messages(&manager, way, None, &[1, 125, 126, 65_535, 65_536, 1 << 20]);
            closes(&manager, way);
            pings(&manager, way);
            if traits.orders {
                orders(&manager, way);
                reset(&manager, way);
            }
            if traits.deflate {
                compressed(&manager, way);
            }
            crowd(&trusting(drive, program), way, traits.crowd);
        }
    }
}

fn request(way: &Way, deflate: Option<&WebSocketDeflate>) -> Request {
    let mut request = Request::get(&way.url).unwrap();
    request.http(way.versions);
    request.policy().websocket_deflate = Some(deflate.cloned());
    request
}

/// An open one, and whether its messages may be compressed.
fn open(manager: &Manager, way: &Way, deflate: Option<&WebSocketDeflate>) -> (RequestHandle, bool) {
    let socket = submit(manager, request(way, deflate));
    match next(&socket) {
        Part::Head(head) => {
            let expected = if way.protocol == Protocol::Http2 {
                200
            } else {
                101
            };
            assert_eq!(head.status, expected, "{}", way.url);
            let agreed = head.headers.contains_key("sec-websocket-extensions");
            (socket, agreed)
        }
        other => panic!("{}: {other:?}", way.url),
    }
}

fn next(socket: &RequestHandle) -> Part {
    socket.recv(soon()).expect("a part in time").into_part()
}

/// The next frame but for pings, which a server may send at any time.
fn frame(socket: &RequestHandle, way: &Way) -> Frame {
    loop {
        match next(socket) {
            Part::Writable | Part::Frame(Frame::Ping(_)) => {}
            Part::Frame(frame) => return frame,
            other => panic!("{}: {other:?} in place of a frame", way.url),
        }
    }
}

fn text(text: &str) -> Frame {
    Frame::Text(Bytes::copy_from_slice(text.as_bytes()))
}

/// Sends it, and once more after a `Writable` where the queue is full.
fn send(socket: &RequestHandle, frame: &Frame) {
    while let Err(error) = socket.send(frame.clone()) {
        assert_eq!(error.code(), ErrorCode::Again, "{error}");
        assert!(matches!(next(socket), Part::Writable));
    }
}

/// Closes it in good order and tells what it was spoken over.
fn close(socket: &RequestHandle, way: &Way, code: u16, reason: &'static str) {
    send(socket, &Frame::Close(Some(code), reason.into()));
    match frame(socket, way) {
        Frame::Close(Some(answered), _) => assert_eq!(answered, code, "{}", way.url),
        other => panic!("{}: {other:?}", way.url),
    }
    match next(socket) {
        Part::Done(summary) => {
            let connection = summary.connection.as_ref().unwrap();
            assert_eq!(connection.protocol, way.protocol, "{}", way.url);
        }
        other => panic!("{}: {other:?}", way.url),
    }
}

/// Messages of all sizes come back as they were sent, whole or in fragments.
fn messages(manager: &Manager, way: &Way, deflate: Option<&WebSocketDeflate>, lengths: &[usize]) {
    let (socket, agreed) = open(manager, way, deflate);
    assert_eq!(agreed, deflate.is_some(), "{}", way.url);
    let mut random = Random::new(7);
    let mut noise = |length: usize| -> Bytes { (0..length).map(|_| random.next() as u8).collect() };
    let mut sent = vec![text("gr\u{fc}n"), text(""), Frame::Binary(Bytes::new())];
    for &length in lengths {
        sent.push(Frame::Binary(noise(length)));
        sent.push(text(&"ab\u{20ac}".repeat(length / 5)));
    }
    for message in &sent {
        send(&socket, message);
        let echoed = frame(&socket, way);
        assert!(&echoed == message, "{}: {:.60?}", way.url, echoed);
    }
    for (kind, last, piece) in [
        (FragmentKind::Text, false, "gr\u{fc}"),
        (FragmentKind::Continuation, false, ""),
        (FragmentKind::Continuation, true, "n"),
    ] {
        let payload = Bytes::from_static(piece.as_bytes());
        let piece = Frame::Fragment {
            kind,
            last,
            payload,
        };
        send(&socket, &piece);
    }
    assert_eq!(frame(&socket, way), text("gr\u{fc}n"), "{}", way.url);
    close(&socket, way, 1000, "bye");
}

/// Several agreements on compression.
fn compressed(manager: &Manager, way: &Way) {
    for deflate in [
        WebSocketDeflate::default(),
        WebSocketDeflate {
            threshold: 0,
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            ..Default::default()
        },
        WebSocketDeflate {
            server_max_window_bits: 10,
            client_max_window_bits: 9,
            ..Default::default()
        },
    ] {
        messages(manager, way, Some(&deflate), &[1, 127, 20_000]);
    }
}

fn closes(manager: &Manager, way: &Way) {
    for (code, reason) in [(1000, ""), (1001, "leaving"), (3000, "x"), (4999, "last")] {
        let (socket, _) = open(manager, way, None);
        close(&socket, way, code, reason);
    }
}

fn pings(manager: &Manager, way: &Way) {
    let (socket, _) = open(manager, way, None);
    let number = socket.ping().unwrap();
    match next(&socket) {
        Part::Latency(latency) => assert_eq!(latency.ping, number),
        other => panic!("{}: {other:?}", way.url),
    }
    assert!(socket.latency().is_some());
    close(&socket, way, 1000, "");
}

fn orders(manager: &Manager, way: &Way) {
    let (socket, _) = open(manager, way, None);
    send(&socket, &text("fragments gr\u{fc}n"));
    assert_eq!(frame(&socket, way), text("gr\u{fc}n"), "{}", way.url);
    send(&socket, &text("ping why"));
    match next(&socket) {
        Part::Frame(Frame::Ping(payload)) => assert_eq!(payload, "why", "{}", way.url),
        other => panic!("{}: {other:?}", way.url),
    }
    assert_eq!(frame(&socket, way), text("answered"), "{}", way.url);
    for code in [1000, 1011, 3000, 4001] {
        let (socket, _) = open(manager, way, None);
        send(&socket, &text(&format!("close {code} enough")));
        let closed = Frame::Close(Some(code), "enough".into());
        assert_eq!(frame(&socket, way), closed, "{}", way.url);
        let done = next(&socket);
        assert!(matches!(done, Part::Done(_)), "{}: {done:?}", way.url);
    }
}

fn lost(error: &Error) -> bool {
    matches!(
        error.code(),
        ErrorCode::ConnectionClosed | ErrorCode::ConnectionReset | ErrorCode::Http2StreamReset
    )
}

/// The peer breaks one off; its neighbour notices nothing.
fn reset(manager: &Manager, way: &Way) {
    let (kept, _) = open(manager, way, None);
    let (broken, _) = open(manager, way, None);
    send(&broken, &text("abort now"));
    match next(&broken) {
        Part::Error(error) => assert!(lost(&error), "{}: {error}", way.url),
        other => panic!("{}: {other:?}", way.url),
    }
    send(&kept, &text("still"));
    assert_eq!(frame(&kept, way), text("still"), "{}", way.url);
    close(&kept, way, 1000, "");
}

/// Many at once beside requests; over HTTP/2 all of them on one connection.
fn crowd(manager: &Manager, way: &Way, size: usize) {
    let sockets: Vec<_> = (0..size)
        .map(|_| submit(manager, request(way, None)))
        .collect();
    let page = way.url.replacen("ws", "http", 1).replace("socket", "10");
    let requests: Vec<_> = (0..size)
        .map(|_| {
            let mut request = Request::get(&page).unwrap();
            request.http(way.versions);
            submit(manager, request)
        })
        .collect();
    for (number, socket) in sockets.iter().enumerate() {
        assert!(matches!(next(socket), Part::Head(_)), "{}", way.url);
        send(socket, &text(&format!("{number}")));
    }
    for request in &requests {
        assert_eq!(rest(request).good().status(), 200, "{}", way.url);
    }
    let cancelled = sockets.len() / 2;
    for (number, socket) in sockets.iter().enumerate() {
        assert_eq!(frame(socket, way), text(&format!("{number}")));
        if number < cancelled {
            socket.cancel();
        } else {
            close(socket, way, 1000, "");
        }
    }
    let mut again = Request::get(&page).unwrap();
    again.http(way.versions);
    assert_eq!(fetch(manager, again).good().status(), 200, "{}", way.url);
    if way.protocol == Protocol::Http2 {
        assert_eq!(manager.statistics().connections_opened, 1, "{}", way.url);
    }
    assert!(manager.shutdown(Instant::now() + PATIENCE).unwrap());
}
