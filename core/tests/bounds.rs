//! Bounds that a broken peer or an unusual option must not break.

mod kit;

use kit::peer::{self, DATA, Frame, HEADERS, Http2Peer, RST_STREAM};
use kit::*;
use std::io::Write;
use std::time::{Duration, Instant};
use trunkline::{Delivery, Drive, Manager, ManagerOptions, Part};

/// Parts in order, by kind.
fn kinds(handle: &trunkline::RequestHandle) -> String {
    let mut text = String::new();
    while let Ok(event) = handle.recv(Some(Instant::now() + Duration::from_secs(5))) {
        text.push(match event.part() {
            Part::Informational(_) => 'i',
            Part::Head(_) => 'h',
            Part::Data(_) => 'd',
            Part::Done(_) => 'D',
            Part::Error(_) => 'E',
            _ => '?',
        });
    }
    text
}

#[test]
fn nothing_is_sent_again_once_its_answer_has_begun() {
    let port = peer::peer(|stream, _| {
        let Some(mut peer) = Http2Peer::accept(stream, &[]) else {
            return;
        };
        while let Some(head) = peer.read_kind(HEADERS) {
            peer.send(&Frame::head(head.stream, false));
            peer.send(&Frame::new(DATA, 0, head.stream, b"ok"));
            std::thread::sleep(Duration::from_millis(20));
            peer.send(&Frame::new(RST_STREAM, 0, head.stream, &7u32.to_be_bytes()));
        }
    });
    for drive in DRIVES {
        let manager = manager(drive);
        let handle = submit(&manager, get2(port, "/"));
        assert_eq!(kinds(&handle), "hdE");
    }
}

#[test]
fn a_credit_beyond_the_window_is_used() {
    let port = peer::peer(|stream, _| {
        let Some(mut peer) = Http2Peer::accept(stream, &[]) else {
            return;
        };
        let Some(head) = peer.read_kind(HEADERS) else {
            return;
        };
        let stream = head.stream;
        peer.send(&Frame::head(stream, false));
        let mut window: usize = 100_000;
        let mut left: usize = 300_000;
        while left > 0 {
            while window > 0 && left > 0 {
                let n = window.min(left).min(16_000);
                left -= n;
                window -= n;
                peer.send(&Frame::new(
                    DATA,
                    u8::from(left == 0),
                    stream,
                    &vec![b'x'; n],
                ));
            }
            if left > 0 {
                loop {
                    let Some(f) = peer.read_kind(8) else { return };
                    if f.stream == stream {
                        window += u32::from_be_bytes(f.payload[..4].try_into().unwrap()) as usize;
                        break;
                    }
                }
            }
        }
        std::thread::sleep(Duration::from_secs(5));
    });
    for drive in DRIVES {
        for held in [0usize, 1, 3] {
            let manager = Manager::new(ManagerOptions {
                http2_stream_window: 100_000,
                ..options(drive)
            })
            .unwrap();
            let mut request = get2(port, "/");
            request.credit(1_000_000 / (held + 1));
            let handle = submit(&manager, request);
            let mut kept = Vec::new();
            let mut bytes = 0;
            loop {
                let event = handle.recv(after(5000)).expect("no stall");
                if let Part::Data(d) = event.part() {
                    bytes += d.len();
                }
                let end = event.is_terminal();
                kept.push(event);
                if held == 3 && bytes > 100_000 && kept.len() > 4 {
                    kept.remove(0);
                }
                if end {
                    break;
                }
            }
            assert_eq!(bytes, 300_000);
        }
    }
}

#[test]
fn informational_answers_are_bounded() {
    let port = peer::peer(|mut stream, _| {
        peer::read_head(&mut stream);
        let block = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(1000);
        for _ in 0..200 {
            if stream.write_all(block.as_bytes()).is_err() {
                return;
            }
        }
        std::thread::sleep(Duration::from_secs(3));
    });
    let h2 = peer::peer(|stream, _| {
        let Some(mut peer) = Http2Peer::accept(stream, &[]) else {
            return;
        };
        let Some(head) = peer.read_kind(HEADERS) else {
            return;
        };
        for _ in 0..100_000 {
            peer.send(&Frame::new(
                HEADERS,
                4,
                head.stream,
                &[0x08, 3, b'1', b'0', b'3'],
            ));
        }
        std::thread::sleep(Duration::from_secs(3));
    });
    for drive in DRIVES {
        for request in [get(port, "/"), get2(h2, "/")] {
            let manager = manager(drive);
            let handle = submit(&manager, request);
            let text = kinds(&handle);
            assert!(text.ends_with('E'), "{} parts", text.len());
            assert!(text.len() <= 200, "{} parts", text.len());
        }
    }
}

#[test]
fn a_poll_ends_at_its_deadline_whatever_comes_in() {
    let port = peer::peer(|mut stream, _| {
        peer::read_head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        let block = vec![b'x'; 1 << 20];
        while stream.write_all(&block).is_ok() {}
    });
    let manager = manager(Drive::Inline);
    let handle = manager
        .submit(get(port, "/"), Delivery::Callback(Box::new(drop)))
        .unwrap();
    let begun = Instant::now();
    let mut batch = Vec::new();
    for _ in 0..20 {
        manager.poll(&mut batch, 16, after(10)).unwrap();
    }
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    handle.cancel();
}

#[test]
fn times_without_end() {
    let port = peer::peer(|mut stream, _| peer::answer_all(&mut stream, peer::OK));
    let mut given = options(Drive::Threads(1));
    given.idle_connection_timeout = Duration::MAX;
    given.timeouts.total = Some(Duration::MAX);
    let manager = Manager::new(given).unwrap();
    for _ in 0..2 {
        let mut request = get(port, "/");
        request.timeouts().idle = Some(Some(Duration::MAX));
        request.timeouts().connect = Some(Some(Duration::from_secs(90 * 365 * 24 * 3600)));
        fetch(&manager, request).good();
    }
}

#[test]
fn a_websocket_takes_the_place_of_an_unused_connection() {
    let server = trunkline_test_server::embedded::start(None).unwrap();
    let places = server.places();
    let mut given = options(Drive::Threads(1));
    given.max_connections_per_origin = 1;
    let manager = Manager::new(given).unwrap();
    fetch(&manager, get(places.http, "/bytes/0")).good();
    let request = trunkline::Request::get(&format!("ws://127.0.0.1:{}/echo", places.http)).unwrap();
    let handle = submit(&manager, request);
    let event = handle.recv(after(3000)).unwrap();
    assert!(
        matches!(event.part(), Part::Head(_) | Part::Error(_)),
        "{:?}",
        event.part()
    );
}
