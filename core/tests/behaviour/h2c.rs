//! HTTP/2 in clear text by an upgrade from HTTP/1.1 (RFC 7540, 3.2), with a peer that does as it is told.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Version;
use trunkline::{
    ErrorCode, HttpVersions, Manager, ManagerOptions, ManualClock, Protocol, Request, Verify,
    limits,
};
use trunkline_test_server::embedded;

use crate::kit::peer::{
    self, DATA, END_HEADERS, END_STREAM, Frame, HEADERS, Http2Peer, OK, SETTINGS, read_head,
};
use crate::kit::{
    Answer, DRIVES, eventually, fetch, get_h2c, manager, options, rest, stages, submit, turn,
};

fn protocol(answer: &Answer) -> Protocol {
    let summary = answer.summary.as_ref().unwrap();
    summary.connection.as_ref().unwrap().protocol
}

/// The value of a field of a head.
fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// Upgrades each connection and answers on each stream; counts the connections.
fn upgrading() -> (u16, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let port = peer::peer(move |stream, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        let frames = [
            Frame::settings(&[(3, 50)]),
            Frame::head(1, false),
            Frame::new(DATA, END_STREAM, 1, b"first"),
        ];
        if let Some((mut peer, _)) = Http2Peer::upgrade(stream, &frames) {
            while peer.answer().is_some() {}
        }
    });
    (port, count)
}

/// Answers requests over HTTP/1.1, and tells of each whether it asked.
fn unwilling() -> (u16, mpsc::Receiver<bool>) {
    let (asked, heard) = mpsc::channel();
    let port = peer::peer(move |mut stream, _| {
        while let Some(head) = read_head(&mut stream) {
            let _ = asked.send(field(&head, "upgrade").is_some());
            let _ = stream.write_all(OK.as_bytes());
        }
    });
    (port, heard)
}

#[test]
fn the_first_request_asks_and_is_answered_on_stream_one() {
    for drive in DRIVES {
        let (seen, heads) = mpsc::channel();
        let port = peer::peer(move |stream, _| {
            // What comes before and after the change is passed on, but for the 101 itself.
            let frames = [
                Frame::settings(&[(1, 8192)]),
                // 103 as a literal without a name of its own.
                Frame::new(HEADERS, END_HEADERS, 1, b"\x08\x03103"),
                Frame::head(1, false),
                Frame::new(DATA, 0, 1, b"first"),
                Frame::new(HEADERS, END_HEADERS | END_STREAM, 1, b"\x00\x05x-sum\x0242"),
            ];
            let (mut peer, head) = Http2Peer::upgrade(stream, &frames).unwrap();
            seen.send(head.into_bytes()).unwrap();
            // SETTINGS are the first frame, and stream 1 is not opened again.
            let first = peer.read().unwrap();
            assert_eq!((first.kind, first.flags), (SETTINGS, 0));
            seen.send(first.payload).unwrap();
            let mut acknowledged = 0;
            let mut decoder = fluke_hpack::Decoder::new();
            let mut expected = 3;
            while let Some(frame) = peer.read() {
                match frame.kind {
                    SETTINGS => acknowledged += 1,
                    HEADERS => {
                        assert_eq!((frame.stream, acknowledged), (expected, 1));
                        let fields = decoder.decode(&frame.payload).unwrap();
                        let has = |name: &[u8], value: &[u8]| {
                            fields.contains(&(name.to_vec(), value.to_vec()))
                        };
                        assert!(
                            has(b"cookie", b"a=b") && has(b":path", b"/next"),
                            "{fields:?}"
                        );
                        assert!(!fields.iter().any(|(name, _)| name == b"upgrade"));
                        peer.send(&Frame::head(frame.stream, true));
                        expected += 2;
                    }
                    _ => {}
                }
            }
        });
        let manager = Manager::new(ManagerOptions {
            http: HttpVersions::Upgrade,
            http2_stream_window: 1_000_000,
            http2_max_frame_size: 20_000,
            http2_header_table_size: 8192,
            max_header_bytes: 50_000,
            ..options(drive)
        })
        .unwrap();
        let asking = |path: &str| {
            let mut request = Request::get(&format!("http://127.0.0.1:{port}{path}")).unwrap();
            request.header("cookie", b"a=b").unwrap();
            request
        };
        let answer = fetch(&manager, asking("/first")).good();
        assert_eq!((answer.status(), answer.informational), (200, 1));
        assert_eq!(answer.body, b"first");
        assert_eq!(answer.trailers.as_ref().unwrap()["x-sum"], "42");
        assert_eq!(answer.head.as_ref().unwrap().version, Version::HTTP_2);
        assert_eq!(protocol(&answer), Protocol::Http2);
        assert!(!answer.summary.as_ref().unwrap().reused);
        for _ in 0..5 {
            let next = fetch(&manager, asking("/next")).good();
            assert_eq!(next.connection(), answer.connection());
            assert!(next.summary.unwrap().reused);
        }
        let statistics = manager.statistics();
        assert_eq!(
            (statistics.connections_opened, statistics.connections_active),
            (1, 1)
        );
        assert_eq!(
            (statistics.streams_opened, statistics.streams_active),
            (6, 0)
        );

        let head = String::from_utf8(heads.recv().unwrap()).unwrap();
        assert!(head.starts_with("GET /first HTTP/1.1\r\n"), "{head}");
        assert_eq!(field(&head, "connection"), Some("Upgrade, HTTP2-Settings"));
        assert_eq!(field(&head, "cookie"), Some("a=b"));
        let told = field(&head, "http2-settings").unwrap();
        let told = URL_SAFE_NO_PAD.decode(told).unwrap();
        // What is told there are the settings of the connection, but for the size of the table, which comes first.
        let settings = heads.recv().unwrap();
        assert_eq!(settings[..6], [0, 1, 0, 0, 0x20, 0]);
        assert_eq!(told, settings[6..]);
    }
}

#[test]
fn all_that_wait_share_what_comes_of_the_first() {
    for drive in DRIVES {
        let (port, count) = upgrading();
        let manager = manager(drive);
        let requests: Vec<_> = (0..100)
            .map(|_| submit(&manager, get_h2c(port, "/")))
            .collect();
        for request in &requests {
            let answer = rest(request).good();
            assert_eq!(protocol(&answer), Protocol::Http2);
        }
        assert_eq!(count.load(Ordering::SeqCst), 1, "{drive:?}");
        assert_eq!(manager.statistics().connections_opened, 1);
        drop(manager);
    }
}

#[test]
fn a_peer_that_does_not_want_to_is_asked_once() {
    for drive in DRIVES {
        let (port, heard) = unwilling();
        let manager = Manager::new(ManagerOptions {
            max_connections_per_origin: 2,
            ..options(drive)
        })
        .unwrap();
        let requests: Vec<_> = (0..20)
            .map(|_| submit(&manager, get_h2c(port, "/")))
            .collect();
        for request in &requests {
            let answer = rest(request).good();
            assert_eq!(answer.body, b"ok");
            assert_eq!(answer.head.as_ref().unwrap().version, Version::HTTP_11);
            assert_eq!(protocol(&answer), Protocol::Http1);
        }
        let asked: Vec<bool> = heard.try_iter().collect();
        assert_eq!(asked.len(), 20);
        assert!(asked[0], "the first asks");
        assert_eq!(asked.iter().filter(|asked| **asked).count(), 1);
        // The others were not kept to one connection, and the first one's was used again.
        assert_eq!(manager.statistics().connections_opened, 2);
    }
}

/// One connection is all there is: the upgraded one takes the place of what it was.
#[test]
fn an_upgraded_connection_holds_one_place() {
    for drive in DRIVES {
        let (port, count) = upgrading();
        let (other, _) = unwilling();
        let manager = Manager::new(ManagerOptions {
            max_connections: 1,
            max_connections_per_origin: 1,
            ..options(drive)
        })
        .unwrap();
        for _ in 0..3 {
            assert_eq!(fetch(&manager, get_h2c(port, "/")).good().body, b"first");
            assert_eq!(fetch(&manager, get_h2c(port, "/")).good().body, b"ok");
            // It has to make room for another origin's.
            assert_eq!(fetch(&manager, get_h2c(other, "/")).good().body, b"ok");
        }
        assert_eq!(count.load(Ordering::SeqCst), 3);
        let statistics = manager.statistics();
        assert_eq!(statistics.connections_opened, 6);
        eventually(&manager, "the end of all but one", || {
            manager.statistics().connections_active == 1
        });
    }
}

/// Those that cannot ask go as HTTP/1.1, and the next that can does, on the same connection.
#[test]
fn requests_with_a_body_or_an_expectation_do_not_ask() {
    for drive in DRIVES {
        let (asked, told) = mpsc::channel();
        let port = peer::peer(move |mut stream, _| {
            for _ in 0..3 {
                let Some(head) = read_head(&mut stream) else {
                    return;
                };
                let length = field(&head, "content-length").map_or(0, |it| it.parse().unwrap());
                std::io::Read::read_exact(&mut stream, &mut vec![0; length]).unwrap();
                asked.send(field(&head, "upgrade").is_some()).unwrap();
                stream.write_all(OK.as_bytes()).unwrap();
            }
            let frames = [Frame::settings(&[]), Frame::head(1, true)];
            let (mut peer, head) = Http2Peer::upgrade(stream, &frames).unwrap();
            assert!(head.starts_with("GET"), "{head}");
            // What did not ask finds HTTP/2 now.
            assert_eq!(peer.answer(), Some(3));
            while peer.answer().is_some() {}
        });
        let manager = manager(drive);
        let upload = || {
            let mut request = Request::new("POST", &format!("http://127.0.0.1:{port}/")).unwrap();
            request.body("body").http(HttpVersions::Upgrade);
            request
        };
        let mut expecting = get_h2c(port, "/");
        expecting.header("expect", b"100-continue").unwrap();
        let mut telling = get_h2c(port, "/");
        telling.header("http2-settings", b"AAMAAABk").unwrap();
        for request in [upload(), expecting, telling] {
            let answer = fetch(&manager, request).good();
            assert_eq!(protocol(&answer), Protocol::Http1);
            assert!(!told.recv().unwrap());
        }
        let answer = fetch(&manager, get_h2c(port, "/")).good();
        assert_eq!(protocol(&answer), Protocol::Http2);
        let answer = fetch(&manager, upload()).good();
        assert_eq!(protocol(&answer), Protocol::Http2);
        assert_eq!(manager.statistics().connections_opened, 1, "{drive:?}");
    }
}

/// A peer that thinks for long holds up its own answer, and only for a while those that wait.
#[test]
fn others_wait_for_a_while_only() {
    for drive in DRIVES {
        let (go, gone) = mpsc::channel::<()>();
        let gone = std::sync::Mutex::new(gone);
        let port = peer::peer(move |mut stream, connection| {
            if connection > 0 {
                let head = read_head(&mut stream).unwrap();
                assert_eq!(field(&head, "upgrade"), None);
                let _ = stream.write_all(OK.as_bytes());
                return;
            }
            let head = read_head(&mut stream).unwrap();
            assert_eq!(field(&head, "upgrade"), Some("h2c"));
            gone.lock().unwrap().recv().unwrap();
            stream.write_all(peer::SWITCH_H2C.as_bytes()).unwrap();
            let Some(mut peer) = Http2Peer::accept(stream, &[]) else {
                return;
            };
            peer.send(&Frame::head(1, true));
            while peer.answer().is_some() {}
        });
        let clock = ManualClock::new();
        let manager = Manager::with_clock(options(drive), &clock).unwrap();
        let first = submit(&manager, get_h2c(port, "/"));
        let second = submit(&manager, get_h2c(port, "/"));
        eventually(&manager, "the first request's sending", || {
            manager.statistics().bytes_sent > 0
        });
        clock.advance(limits::UPGRADE_PATIENCE / 2);
        for _ in 0..100 {
            turn(&manager);
        }
        assert_eq!(manager.statistics().connections_opened, 1, "{drive:?}");
        clock.advance(limits::UPGRADE_PATIENCE / 2);
        assert_eq!(protocol(&rest(&second).good()), Protocol::Http1);
        // When it agrees in the end, that is not lost.
        go.send(()).unwrap();
        let first = rest(&first).good();
        assert_eq!(protocol(&first), Protocol::Http2);
        let third = fetch(&manager, get_h2c(port, "/")).good();
        assert_eq!(third.connection(), first.connection());
    }
}

#[test]
fn further_connections_are_upgraded_too() {
    for drive in DRIVES {
        let port = peer::peer(|stream, _| {
            let upgraded = Http2Peer::upgrade(stream, &[Frame::settings(&[])]);
            let (mut peer, _) = upgraded.unwrap();
            while peer.read().is_some() {}
        });
        let manager = Manager::new(ManagerOptions {
            http2_connections_per_origin: 3,
            http2_max_concurrent_streams: 2,
            ..options(drive)
        })
        .unwrap();
        let held: Vec<_> = (0..8)
            .map(|_| submit(&manager, get_h2c(port, "/")))
            .collect();
        stages::wait_until_it_stands(&manager);
        let statistics = manager.statistics();
        assert_eq!(statistics.connections_opened, 3, "{drive:?}");
        assert_eq!(statistics.streams_active, 6);
        for request in &held {
            request.cancel();
            assert_eq!(rest(request).code(), ErrorCode::Cancelled);
        }
        eventually(&manager, "the end of the streams", || {
            manager.statistics().streams_active == 0
        });
    }
}

/// Over TLS it is negotiated as ever, and nothing asks.
#[test]
fn over_tls_it_is_negotiated() {
    let server = embedded::start(None).unwrap();
    let places = server.places();
    for drive in DRIVES {
        let mut made = options(drive);
        made.tls.verify = Verify::Ca(std::fs::read(&places.ca).unwrap());
        made.http = HttpVersions::Upgrade;
        let manager = Manager::new(made).unwrap();
        let url = format!("https://localhost:{}/headers", places.https);
        let answer = fetch(&manager, Request::get(&url).unwrap()).good();
        assert_eq!(protocol(&answer), Protocol::Http2);
        // It is the connection of those that leave it open.
        let mut auto = Request::get(&url).unwrap();
        auto.http(HttpVersions::Auto);
        fetch(&manager, auto).good();
        assert_eq!(manager.statistics().connections_opened, 1);
    }
}
