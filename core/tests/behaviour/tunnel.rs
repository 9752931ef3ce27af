//! Connections that become the caller's: upgrades and CONNECT.

use std::io::{Read, Write};

use trunkline::{Delivery, ErrorCode, HttpVersions, Part, Request};
use trunkline_test_server::embedded;

use super::tls::{trusting, with};
use crate::kit::peer::{DATA, END_STREAM, Frame, HEADERS, Http2Peer, RST_STREAM};
use crate::kit::{
    Answer, DRIVES, eventually, fetch, finish, get, get2, manager, peer, rest, soon, submit,
};

const SWITCH: &str =
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";

/// Upgrades every connection, says `hello` in the same write, and sends back what comes, until that ends.
fn echo() -> u16 {
    peer::peer(|mut stream, _| {
        let head = peer::read_head(&mut stream).unwrap();
        let lower = head.to_ascii_lowercase();
        assert!(lower.contains("\r\nconnection: upgrade\r\n"), "{head}");
        assert!(lower.contains("\r\nupgrade: echo\r\n"), "{head}");
        stream
            .write_all(format!("{SWITCH}hello").as_bytes())
            .unwrap();
        let mut buffer = [0; 1000];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            stream.write_all(&buffer[..count]).unwrap();
        }
        let _ = stream.write_all(b"bye");
    })
}

fn upgrade(port: u16) -> Request {
    let mut request = get(port, "/");
    request.upgrade("echo").unwrap();
    request
}

#[test]
fn bytes_go_both_ways_and_each_way_ends_by_itself() {
    let port = echo();
    for drive in DRIVES {
        let manager = manager(drive);
        let request = manager.submit(upgrade(port), Delivery::Recv).unwrap();
        let mut answer = crate::kit::Answer::default();
        while answer.body != b"hello" {
            answer.add(request.recv(soon()).unwrap().into_part());
        }
        assert_eq!(answer.status(), 101);
        for _ in 0..100 {
            request.write("0123456789").unwrap();
        }
        while answer.body.len() < 1005 {
            answer.add(request.recv(soon()).unwrap().into_part());
        }
        request.finish(None).unwrap();
        finish(&request, &mut answer);
        let answer = answer.good();
        assert_eq!(&answer.body[1005..], b"bye");
        let summary = answer.summary.unwrap();
        assert_eq!((summary.sent, summary.received), (1000, 1008));
        assert_eq!(manager.statistics().connections_active, 0, "{drive:?}");
    }
}

#[test]
fn a_peer_that_does_not_upgrade_gives_an_ordinary_answer() {
    let port = peer::peer(|mut stream, _| {
        peer::read_head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 426 Upgrade Required\r\ncontent-length: 2\r\n\r\nno");
    });
    for drive in DRIVES {
        let answer = fetch(&manager(drive), upgrade(port)).good();
        assert_eq!((answer.status(), &answer.body[..]), (426, &b"no"[..]));
    }
}

#[test]
fn at_zero_credit_the_tunnel_is_not_read() {
    let port = peer::peer(|mut stream, _| {
        peer::read_head(&mut stream);
        let _ = stream.write_all(SWITCH.as_bytes());
        let piece = [7; 10_000];
        while stream.write_all(&piece).is_ok() {}
    });
    for drive in DRIVES {
        let manager = manager(drive);
        let mut request = upgrade(port);
        request.credit(50_000).manual_release(true);
        let request = manager.submit(request, Delivery::Recv).unwrap();
        let mut received = 0;
        while received < 50_000 {
            if let Part::Data(data) = request.recv(soon()).unwrap().into_part() {
                received += data.len();
            }
        }
        let error = request.recv(crate::kit::after(50)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Timeout);
        assert!(
            received < 50_000 + trunkline::limits::TUNNEL_READ,
            "{received}"
        );
        request.release(received);
        assert!(matches!(
            request.recv(soon()).unwrap().into_part(),
            Part::Data(_)
        ));
        request.cancel();
        let mut end = request.recv(soon()).unwrap().into_part();
        while !end.is_terminal() {
            end = request.recv(soon()).unwrap().into_part();
        }
        assert!(matches!(end, Part::Error(error) if error.code() == ErrorCode::Cancelled));
    }
}

#[test]
fn connect_asks_a_proxy_for_a_connection() {
    let port = peer::peer(|mut stream, _| {
        let head = peer::read_head(&mut stream).unwrap();
        if !head.starts_with("CONNECT target.example:25 HTTP/1.1\r\n") {
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
            return;
        }
        assert!(
            head.to_ascii_lowercase()
                .contains("\r\nhost: target.example:25\r\n"),
            "{head}"
        );
        let _ = stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n220 ready\r\n");
        let mut line = [0; 6];
        stream.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"QUIT\r\n");
        let _ = stream.write_all(b"221 bye\r\n");
    });
    let proxy = format!("http://127.0.0.1:{port}");
    for drive in DRIVES {
        let manager = manager(drive);
        let request = Request::connect(&proxy, "target.example:25").unwrap();
        let request = manager.submit(request, Delivery::Recv).unwrap();
        request.write("QUIT\r\n").unwrap();
        let answer = rest(&request).good();
        assert_eq!(answer.status(), 200);
        assert_eq!(
            String::from_utf8_lossy(&answer.body),
            "220 ready\r\n221 bye\r\n"
        );
        let refused = fetch(
            &manager,
            Request::connect(&proxy, "other.example:25").unwrap(),
        )
        .good();
        assert_eq!(refused.status(), 403);
    }
}

/// The fields of a head, as the peer's own decoder has them.
fn fields(decoder: &mut fluke_hpack::Decoder<'_>, frame: &Frame) -> Vec<(String, String)> {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let all = decoder.decode(&frame.payload).unwrap();
    all.into_iter()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

/// Opens tunnels to `echo.test:7`, of which each says `hello` at once and gives back what it is given: after its end,
/// `bye`; after `!`, a reset; after `?`, GOAWAY and the end of the connection. Others are refused.
fn echo2() -> u16 {
    peer::peer(|stream, _| {
        let mut peer = Http2Peer::accept(stream, &[]).unwrap();
        let mut decoder = fluke_hpack::Decoder::new();
        while let Some(frame) = peer.read() {
            let data = |flags, bytes: &[u8]| Frame::new(DATA, flags, frame.stream, bytes);
            match frame.kind {
                HEADERS => {
                    let fields = fields(&mut decoder, &frame);
                    let of = |name: &str| {
                        let found = fields.iter().find(|(known, _)| known == name);
                        found.map(|(_, value)| value.as_str())
                    };
                    if of(":method") == Some("GET") {
                        peer.send(&Frame::head(frame.stream, false));
                        peer.send(&data(END_STREAM, b"ok"));
                        continue;
                    }
                    assert_eq!(of(":method"), Some("CONNECT"));
                    // RFC 9113, 8.5
                    assert!(
                        !fields.iter().any(|(name, _)| name == ":scheme"
                            || name == ":path"
                            || name == "host")
                    );
                    assert_eq!(frame.flags & END_STREAM, 0);
                    if of(":authority") == Some("echo.test:7") {
                        peer.send(&Frame::head(frame.stream, false));
                        peer.send(&data(0, b"hello"));
                    } else {
                        // 404, by the static table.
                        peer.send(&Frame::new(HEADERS, 4, frame.stream, &[0x8d]));
                        peer.send(&data(END_STREAM, b"no"));
                    }
                }
                DATA if frame.payload == b"!" => {
                    let cancel = 10u32.to_be_bytes();
                    peer.send(&Frame::new(RST_STREAM, 0, frame.stream, &cancel));
                }
                DATA if frame.payload == b"?" => return peer.send(&Frame::goaway(0, 0)),
                DATA => {
                    if !frame.payload.is_empty() {
                        let room = (frame.payload.len() as u32).to_be_bytes();
                        for stream in [0, frame.stream] {
                            peer.send(&Frame::new(8, 0, stream, &room));
                        }
                        peer.send(&data(0, &frame.payload));
                    }
                    if frame.flags & END_STREAM > 0 {
                        peer.send(&data(END_STREAM, b"bye"));
                    }
                }
                _ => {}
            }
        }
    })
}

fn connect2(port: u16, authority: &str) -> Request {
    let mut request = Request::connect(&format!("http://127.0.0.1:{port}"), authority).unwrap();
    request.http(HttpVersions::Http2);
    request
}

/// Takes parts until so many bytes have come.
fn take(request: &trunkline::RequestHandle, answer: &mut Answer, length: usize) {
    while answer.body.len() < length {
        assert!(!answer.add(request.recv(soon()).unwrap().into_part()));
    }
}

#[test]
fn a_stream_of_http2_carries_a_tunnel() {
    let port = echo2();
    for drive in DRIVES {
        let manager = manager(drive);
        let (one, other) = (
            submit(&manager, connect2(port, "echo.test:7")),
            submit(&manager, connect2(port, "echo.test:7")),
        );
        let mut answer = Answer::default();
        take(&one, &mut answer, 5);
        assert_eq!((answer.status(), &answer.body[..]), (200, &b"hello"[..]));
        // More than a window, and others on the same connection meanwhile.
        for piece in 0..100u8 {
            let until = soon();
            while let Err(error) = one.write(vec![piece; 10_000]) {
                assert_eq!(error.code(), ErrorCode::Again);
                assert!(std::time::Instant::now() < until.unwrap());
                assert!(!answer.add(one.recv(soon()).unwrap().into_part()));
            }
        }
        take(&one, &mut answer, 1_000_005);
        assert_eq!(fetch(&manager, get2(port, "/")).good().body, b"ok");
        one.finish(None).unwrap();
        finish(&one, &mut answer);
        let answer = answer.good();
        assert!(
            answer
                .body
                .ends_with(&[b"\x63".repeat(10_000), b"bye".to_vec()].concat())
        );
        let summary = answer.summary.unwrap();
        assert_eq!((summary.sent, summary.received), (1_000_000, 1_000_008));
        other.finish(None).unwrap();
        assert_eq!(rest(&other).good().body, b"hellobye");
        assert_eq!(manager.statistics().connections_opened, 1);
        assert_eq!(manager.statistics().streams_active, 0);
    }
}

#[test]
fn a_tunnel_ends_as_its_stream_does() {
    let port = echo2();
    for drive in DRIVES {
        let manager = manager(drive);
        let refused = fetch(&manager, connect2(port, "other.test:7")).good();
        assert_eq!((refused.status(), &refused.body[..]), (404, &b"no"[..]));
        let neighbour = submit(&manager, connect2(port, "echo.test:7"));
        let mut kept = Answer::default();
        take(&neighbour, &mut kept, 5);

        let reset = submit(&manager, connect2(port, "echo.test:7"));
        take(&reset, &mut Answer::default(), 5);
        reset.write("!").unwrap();
        let mut ended = Answer {
            head: kept.head.clone(),
            ..Default::default()
        };
        finish(&reset, &mut ended);
        assert_eq!(ended.code(), ErrorCode::Http2StreamReset);
        assert_eq!(ended.error.unwrap().peer_code(), Some(10));

        let cancelled = submit(&manager, connect2(port, "echo.test:7"));
        take(&cancelled, &mut Answer::default(), 5);
        cancelled.cancel();
        eventually(&manager, "the end of its stream", || {
            manager.statistics().streams_active == 1
        });
        // None of them has harmed this one.
        neighbour.write("still").unwrap();
        take(&neighbour, &mut kept, 10);
        neighbour.write("?").unwrap();
        let mut lost = Answer {
            head: kept.head.clone(),
            ..Default::default()
        };
        finish(&neighbour, &mut lost);
        let code = lost.code();
        assert!(
            matches!(
                code,
                ErrorCode::Http2Goaway | ErrorCode::ConnectionClosed | ErrorCode::ConnectionReset
            ),
            "{code:?}"
        );
        assert_eq!(manager.statistics().connections_opened, 1);
    }
}

/// Where TLS negotiates HTTP/1.1 the tunnel has a connection of its own, and an upgrade is never of HTTP/2.
#[test]
fn the_version_decides_what_a_tunnel_is() {
    let server = embedded::start(None).unwrap();
    let places = server.places();
    for drive in DRIVES {
        let manager = with(drive, trusting(places));
        for port in [places.https1, places.https] {
            let proxy = format!("https://localhost:{port}");
            let mut request = Request::connect(&proxy, "echo.test:7").unwrap();
            request.http(HttpVersions::Auto);
            // The server opens no tunnels.
            let answer = fetch(&manager, request).good();
            assert!(answer.status() >= 400, "{}", answer.status());
        }
        let url = format!("https://localhost:{}/", places.https);
        let mut upgrade = Request::get(&url).unwrap();
        upgrade.upgrade("echo").unwrap();
        upgrade.http(HttpVersions::Auto);
        assert_eq!(fetch(&manager, upgrade).code(), ErrorCode::Unsupported);
    }
}
