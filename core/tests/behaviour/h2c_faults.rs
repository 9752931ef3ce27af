//! Upgrades to HTTP/2 that are cut to pieces, broken off, cancelled or answered with nonsense.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use trunkline::{Drive, ErrorCode, Manager, ManagerOptions, Protocol, Timeouts};

use crate::kit::peer::{
    self, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, Http2Peer, OK, RST_STREAM,
    SWITCH_H2C, read_head,
};
use crate::kit::{
    DRIVES, eventually, fetch, finish, get_h2c, manager, options, rest, soon, stages, submit,
};

/// The answer to an upgrade as the peer writes it: the 101, SETTINGS, and stream 1 from head to end.
fn answer() -> Vec<u8> {
    let frames = [
        Frame::settings(&[(3, 100), (4, 65_535)]),
        Frame::head(1, false),
        Frame::new(DATA, 0, 1, b"fir"),
        Frame::new(DATA, END_STREAM, 1, b"st"),
    ];
    let mut bytes = SWITCH_H2C.as_bytes().to_vec();
    bytes.extend(frames.iter().flat_map(Frame::bytes));
    bytes
}

/// Reads the preface and answers all streams after the first.
fn go_on(mut stream: std::net::TcpStream) {
    if std::io::Read::read_exact(&mut stream, &mut [0; 24]).is_ok() {
        let mut peer = Http2Peer(stream);
        while peer.answer().is_some() {}
    }
}

/// What is read past the 101 is HTTP/2's, wherever the peer's bytes are cut.
#[test]
fn it_may_be_cut_anywhere() {
    let (cut, cuts) = mpsc::channel::<usize>();
    let (more, mores) = mpsc::channel::<()>();
    let (cuts, mores) = (Mutex::new(cuts), Mutex::new(mores));
    let port = peer::peer(move |mut stream, _| {
        let (cuts, mores) = (cuts.lock().unwrap(), mores.lock().unwrap());
        read_head(&mut stream).unwrap();
        let bytes = answer();
        let (first, second) = bytes.split_at(cuts.recv().unwrap());
        stream.write_all(first).unwrap();
        mores.recv().unwrap();
        stream.write_all(second).unwrap();
        drop((cuts, mores));
        go_on(stream);
    });
    for place in 1..answer().len() {
        let manager = manager(Drive::Inline);
        let request = submit(&manager, get_h2c(port, "/"));
        cut.send(place).unwrap();
        eventually(&manager, "the first piece", || {
            manager.statistics().bytes_received == place as u64
        });
        more.send(()).unwrap();
        let answer = rest(&request).good();
        assert_eq!(answer.body, b"first", "cut at {place}");
        assert_eq!(fetch(&manager, get_h2c(port, "/")).good().body, b"ok");
        assert_eq!(manager.statistics().connections_opened, 1);
    }
}

/// Whoever asked hears of it, and those that wait try for themselves.
#[test]
fn a_peer_that_breaks_off_anywhere_harms_its_own_request() {
    for drive in DRIVES {
        let all = answer();
        for length in 0..all.len() {
            let port = peer::peer(move |mut stream, connection| {
                read_head(&mut stream).unwrap();
                let bytes = answer();
                if connection == 0 {
                    let _ = stream.write_all(&bytes[..length]);
                    let _ = stream.shutdown(std::net::Shutdown::Write);
                    let _ = std::io::copy(&mut stream, &mut std::io::sink());
                } else {
                    stream.write_all(&bytes).unwrap();
                    go_on(stream);
                }
            });
            let manager = manager(drive);
            let first = submit(&manager, get_h2c(port, "/"));
            let second = submit(&manager, get_h2c(port, "/"));
            let broken = rest(&first);
            assert!(
                matches!(
                    broken.code(),
                    ErrorCode::ConnectionClosed | ErrorCode::ConnectionReset
                ),
                "{length}: {:?}",
                broken.error
            );
            rest(&second).good();
            eventually(&manager, "the end of the broken connection", || {
                manager.statistics().connections_active == 1
            });
            assert_eq!(manager.statistics().connections_opened, 2, "{length}");
        }
    }
}

/// In every state: its place is free, and those that wait or share go on.
#[test]
fn it_may_be_cancelled_anywhere() {
    for drive in DRIVES {
        // After nothing, a piece of the 101, the 101, SETTINGS, the head, half of the body: acknowledgements follow there.
        let agreed = SWITCH_H2C.len();
        for length in [0, 20, agreed, agreed + 21, agreed + 31, agreed + 43] {
            let (seen, told) = mpsc::channel();
            let port = peer::peer(move |mut stream, connection| {
                read_head(&mut stream).unwrap();
                let bytes = answer();
                if connection > 0 {
                    stream.write_all(&bytes).unwrap();
                    go_on(stream);
                    return;
                }
                stream.write_all(&bytes[..length]).unwrap();
                if length < agreed {
                    let _ = std::io::copy(&mut stream, &mut std::io::sink());
                    return;
                }
                if std::io::Read::read_exact(&mut stream, &mut [0; 24]).is_err() {
                    return;
                }
                let mut peer = Http2Peer(stream);
                let mut others = Vec::new();
                let reset = loop {
                    let frame = peer.read().unwrap();
                    match frame.kind {
                        HEADERS => others.push(frame.stream),
                        RST_STREAM => break frame,
                        _ => {}
                    }
                };
                seen.send((reset.stream, reset.payload)).unwrap();
                // The rest of what was begun belongs to nobody, and the connection goes on.
                peer.0.write_all(&bytes[length..]).unwrap();
                for stream in others {
                    peer.send(&Frame::head(stream, true));
                }
                while peer.answer().is_some() {}
            });
            let manager = Manager::new(ManagerOptions {
                max_connections_per_origin: 1,
                ..options(drive)
            })
            .unwrap();
            let first = submit(&manager, get_h2c(port, "/"));
            let second = submit(&manager, get_h2c(port, "/"));
            eventually(&manager, "the peer's bytes", || {
                let now = manager.statistics();
                now.bytes_sent > 0 && now.bytes_received >= length as u64
            });
            stages::wait_until_it_stands(&manager);
            first.cancel();
            let mut heard = crate::kit::Answer::default();
            finish(&first, &mut heard);
            assert_eq!(heard.code(), ErrorCode::Cancelled, "{length}");
            if length >= agreed {
                let reset = told.recv_timeout(Duration::from_secs(20)).unwrap();
                assert_eq!(reset, (1, vec![0, 0, 0, 8]), "CANCEL");
            }
            let answer = rest(&second).good();
            let summary = answer.summary.unwrap();
            assert_eq!(
                summary.connection.as_ref().unwrap().protocol,
                Protocol::Http2
            );
            let opened = if length < agreed { 2 } else { 1 };
            assert_eq!(manager.statistics().connections_opened, opened, "{length}");
            eventually(&manager, "the end of the streams", || {
                let now = manager.statistics();
                now.streams_active == 0 && now.connections_active == 1
            });
        }
    }
}

#[test]
fn a_101_for_something_else_is_an_error() {
    for drive in DRIVES {
        for upgrade in ["", "upgrade: websocket\r\n", "upgrade: h2\r\n"] {
            let port = peer::peer(move |mut stream, connection| {
                while read_head(&mut stream).is_some() {
                    let bytes = if connection == 0 {
                        format!("HTTP/1.1 101 Switching Protocols\r\n{upgrade}\r\n")
                    } else {
                        OK.to_owned()
                    };
                    let _ = stream.write_all(bytes.as_bytes());
                }
            });
            let manager = manager(drive);
            let first = submit(&manager, get_h2c(port, "/"));
            let second = submit(&manager, get_h2c(port, "/"));
            assert_eq!(rest(&first).code(), ErrorCode::Http1Malformed, "{upgrade}");
            // It is not asked again.
            assert_eq!(rest(&second).good().body, b"ok");
            // Nor is the connection used, about which the two sides think differently.
            eventually(&manager, "the end of the first connection", || {
                manager.statistics().connections_active == 1
            });
        }
    }
}

/// Other spellings are the same protocol.
#[test]
fn names_of_protocols_have_no_case_and_may_be_several() {
    let port = peer::peer(|mut stream, _| {
        read_head(&mut stream).unwrap();
        let head = "HTTP/1.1 101 \r\nUpgrade: TLS/1.0, H2C\r\nconnection: upgrade\r\n\r\n";
        let mut bytes = head.as_bytes().to_vec();
        bytes.extend(&answer()[SWITCH_H2C.len()..]);
        stream.write_all(&bytes).unwrap();
        go_on(stream);
    });
    assert_eq!(
        fetch(&manager(Drive::Inline), get_h2c(port, "/"))
            .good()
            .body,
        b"first"
    );
}

/// SETTINGS that come late hold up nothing but what needs them: so many streams may be opened before.
#[test]
fn settings_may_come_late() {
    for drive in DRIVES {
        let port = peer::peer(|mut stream, _| {
            read_head(&mut stream).unwrap();
            stream.write_all(SWITCH_H2C.as_bytes()).unwrap();
            let mut preface = [0; 24];
            std::io::Read::read_exact(&mut stream, &mut preface).unwrap();
            let mut peer = Http2Peer(stream);
            // 99 besides stream 1: no more than the protocol says that a peer surely takes.
            let mut streams = vec![1];
            while streams.len() < 100 {
                streams.push(peer.read_kind(HEADERS).unwrap().stream);
            }
            peer.0
                .set_read_timeout(Some(Duration::from_millis(50)))
                .unwrap();
            assert!(peer.read_kind(HEADERS).is_none(), "one too many");
            peer.0.set_read_timeout(None).unwrap();
            peer.send(&Frame::settings(&[(3, 200)]));
            while streams.len() < 150 {
                streams.push(peer.read_kind(HEADERS).unwrap().stream);
            }
            for stream in streams {
                peer.send(&Frame::head(stream, true));
            }
            while peer.answer().is_some() {}
        });
        let manager = manager(drive);
        let requests: Vec<_> = (0..150)
            .map(|_| submit(&manager, get_h2c(port, "/")))
            .collect();
        for request in &requests {
            rest(request).good();
        }
        assert_eq!(manager.statistics().connections_opened, 1, "{drive:?}");
    }
}

/// What a GOAWAY leaves out is sent again on a new connection, which is upgraded as well; what the 101 has taken is not.
#[test]
fn goaway_right_after_the_upgrade() {
    for drive in DRIVES {
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let port = peer::peer(move |stream, connection| {
            let frames = [Frame::settings(&[])];
            let Some((mut peer, _)) = Http2Peer::upgrade(stream, &frames) else {
                return;
            };
            counted.fetch_add(1, Ordering::SeqCst);
            if connection == 0 {
                // Others were sent by now.
                peer.read_kind(HEADERS).unwrap();
                peer.send(&Frame::goaway(1, 0));
            }
            peer.send(&Frame::head(1, false));
            peer.send(&Frame::new(DATA, END_STREAM, 1, b"first"));
            while peer.answer().is_some() {}
        });
        let manager = manager(drive);
        let all: Vec<_> = (0..20)
            .map(|_| submit(&manager, get_h2c(port, "/")))
            .collect();
        for request in &all {
            rest(request).good();
        }
        assert_eq!(requests.load(Ordering::SeqCst), 2, "{drive:?}");
        assert_eq!(manager.statistics().connections_opened, 2);
        assert!(manager.statistics().replays > 0);
    }
}

#[test]
fn what_the_101_has_taken_is_not_sent_again() {
    // That it was not begun with, as HTTP/2 has it: REFUSED_STREAM, and a GOAWAY that leaves it out.
    let refusals = [
        (
            Frame::new(RST_STREAM, 0, 1, &[0, 0, 0, 7]),
            ErrorCode::Http2StreamReset,
        ),
        (Frame::goaway(0, 0), ErrorCode::Http2Goaway),
    ];
    for drive in DRIVES {
        for (frame, code) in &refusals {
            let requests = Arc::new(AtomicUsize::new(0));
            let (counted, frame) = (Arc::clone(&requests), frame.clone());
            let port = peer::peer(move |stream, _| {
                counted.fetch_add(1, Ordering::SeqCst);
                let frames = [Frame::settings(&[]), frame.clone()];
                if let Some((mut peer, _)) = Http2Peer::upgrade(stream, &frames) {
                    while peer.read().is_some_and(|frame| frame.kind != GOAWAY) {}
                }
            });
            let manager = manager(drive);
            let answer = fetch(&manager, get_h2c(port, "/"));
            assert_eq!(answer.code(), *code, "{:?}", answer.error);
            assert_eq!(requests.load(Ordering::SeqCst), 1);
        }
    }
}

/// Deadlines run on over the change of protocols.
#[test]
fn deadlines_hold_on_stream_one() {
    for drive in DRIVES {
        for (frames, code) in [
            (vec![], ErrorCode::FirstByteTimeout),
            (vec![Frame::head(1, false)], ErrorCode::IdleTimeout),
        ] {
            let port = peer::peer(move |stream, _| {
                let mut said = vec![Frame::settings(&[])];
                said.extend(frames.clone());
                let (mut peer, _) = Http2Peer::upgrade(stream, &said).unwrap();
                while peer.answer().is_some() {}
            });
            let short = Some(Duration::from_millis(50));
            let manager = Manager::new(ManagerOptions {
                timeouts: Timeouts {
                    first_byte: short,
                    idle: short,
                    ..Timeouts::default()
                },
                ..options(drive)
            })
            .unwrap();
            let answer = fetch(&manager, get_h2c(port, "/"));
            assert_eq!(answer.code(), code);
            // Only the stream has ended.
            fetch(&manager, get_h2c(port, "/")).good();
            assert_eq!(manager.statistics().connections_opened, 1);
        }
    }
}

/// The body of stream 1 is held by the credit as any other; others go on meanwhile.
#[test]
fn credit_holds_stream_one() {
    for drive in DRIVES {
        let port = peer::peer(|stream, _| {
            let mut said = vec![Frame::settings(&[]), Frame::head(1, false)];
            // All that its window takes.
            said.extend((0..4).map(|_| Frame::new(DATA, 0, 1, &[7; 10_000])));
            let (mut peer, _) = Http2Peer::upgrade(stream, &said).unwrap();
            let mut granted = 0;
            while let Some(frame) = peer.read() {
                match (frame.kind, frame.stream) {
                    // WINDOW_UPDATE
                    (8, 1) => {
                        let [a, b, c, d] = frame.payload[..] else {
                            panic!("{frame:?}")
                        };
                        granted += u32::from_be_bytes([a, b, c, d]);
                        if granted >= 20_000 {
                            peer.send(&Frame::new(DATA, END_STREAM, 1, &[]));
                        }
                    }
                    (HEADERS, number) => {
                        assert_eq!(granted, 0, "the window opened too soon");
                        peer.send(&Frame::new(
                            HEADERS,
                            END_HEADERS | END_STREAM,
                            number,
                            &[0x88],
                        ));
                    }
                    _ => {}
                }
            }
        });
        let manager = Manager::new(ManagerOptions {
            http2_stream_window: 40_000,
            ..options(drive)
        })
        .unwrap();
        let mut request = get_h2c(port, "/");
        request.credit(1).manual_release(true);
        let held = submit(&manager, request);
        let mut heard = crate::kit::Answer::default();
        while heard.body.is_empty() {
            heard.add(held.recv(soon()).unwrap().into_part());
        }
        fetch(&manager, get_h2c(port, "/")).good();
        let mut released = 0;
        while !heard.is_ended() {
            held.release(heard.body.len() - released);
            released = heard.body.len();
            heard.add(held.recv(soon()).unwrap().into_part());
        }
        assert_eq!(heard.good().body.len(), 40_000);
    }
}
