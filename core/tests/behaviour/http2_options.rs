//! What the options of HTTP/2 say to the peer.

use std::io::Write;
use std::sync::mpsc;
use std::time::Duration;

use trunkline::{Drive, ErrorCode, Manager, ManagerOptions, ManualClock, Part};

use crate::kit::peer::{self, Frame, Http2Peer};
use crate::kit::{DRIVES, eventually, fetch, get2, options, settle, soon, submit};

const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;

/// A peer that answers every request and PING, and the frames that it hears.
fn listening() -> (u16, mpsc::Receiver<Frame>) {
    let (sender, frames) = mpsc::channel();
    let port = peer::peer(move |stream, _| {
        let mut peer = Http2Peer::accept(stream, &[]).unwrap();
        while let Some(frame) = peer.read() {
            match frame.kind {
                peer::HEADERS => {
                    peer.send(&Frame::head(frame.stream, true));
                    let _ = peer.0.flush();
                }
                PING => peer.send(&Frame::new(PING, 1, 0, &frame.payload)),
                _ => {}
            }
            let _ = sender.send(frame);
        }
    });
    (port, frames)
}

fn until_headers(frames: &mpsc::Receiver<Frame>) -> Vec<Frame> {
    let mut seen = Vec::new();
    loop {
        let frame = frames.recv().unwrap();
        if frame.kind == peer::HEADERS {
            return seen;
        }
        seen.push(frame);
    }
}

#[test]
fn windows_frames_and_tables_are_announced() {
    for drive in DRIVES {
        let (port, frames) = listening();
        let manager = Manager::new(ManagerOptions {
            http2_connection_window: 1_000_000,
            http2_max_frame_size: 20_000,
            http2_header_table_size: 1234,
            ..options(drive)
        })
        .unwrap();
        fetch(&manager, get2(port, "/")).good();
        let seen = until_headers(&frames);
        let settings = &seen.iter().find(|frame| frame.kind == peer::SETTINGS);
        let settings = &settings.unwrap().payload;
        let has = |name: u16, value: u32| {
            let entry = [&name.to_be_bytes()[..], &value.to_be_bytes()].concat();
            settings.chunks(6).any(|setting| setting == entry)
        };
        assert!(has(1, 1234) && has(5, 20_000), "{settings:?}");
        let update = seen.iter().find(|frame| frame.kind == WINDOW_UPDATE);
        let grown = u32::to_be_bytes(1_000_000 - 65_535);
        assert_eq!(update.unwrap().payload, grown);
    }
}

#[test]
fn what_http2_does_not_allow_is_refused() {
    for (frame, window) in [(16_383, 1), (1 << 24, 1), (16_384, 1 << 31)] {
        let made = Manager::new(ManagerOptions {
            http2_max_frame_size: frame,
            http2_connection_window: window,
            ..options(Drive::Inline)
        });
        assert_eq!(made.unwrap_err().code(), ErrorCode::InvalidArgument);
    }
}

#[test]
fn unused_connections_are_pinged_only_if_asked() {
    for drive in DRIVES {
        for unused in [false, true] {
            let (port, frames) = listening();
            let clock = ManualClock::new();
            let interval = Duration::from_secs(10);
            let made = ManagerOptions {
                http2_ping_interval: Some(interval),
                http2_ping_unused: unused,
                ..options(drive)
            };
            let manager = Manager::with_clock(made, &clock).unwrap();
            fetch(&manager, get2(port, "/")).good();
            // The first PING goes out with the connection.
            eventually(&manager, "a pong", || {
                manager.statistics().ping_round_trip.is_some()
            });
            until_headers(&frames);
            for _ in 0..3 {
                clock.advance(interval);
                settle(&manager, 10);
            }
            fetch(&manager, get2(port, "/")).good();
            let pings = until_headers(&frames)
                .iter()
                .filter(|frame| frame.kind == PING)
                .count();
            // The first may have come before or after the first request.
            assert_eq!(pings > 1, unused, "{drive:?}: {pings}");
            assert_eq!(manager.statistics().connections_opened, 1);
        }
    }
}

/// What a peer was told of windows while it sent an answer as fast as they allow.
struct Heard {
    /// Each initial window of a stream, in order.
    windows: Vec<u32>,
    pings: usize,
}

/// A peer that answers every request with so many bytes.
fn generous(length: usize) -> (u16, mpsc::Receiver<Heard>) {
    let (sender, heard) = mpsc::channel();
    let port = peer::peer(move |stream, _| {
        let mut peer = Http2Peer::accept(stream, &[]).unwrap();
        let mut told = Heard {
            windows: Vec::new(),
            pings: 0,
        };
        let (mut room, mut left, mut answered) = (0, length, 0);
        while let Some(frame) = peer.read() {
            let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
            match frame.kind {
                peer::HEADERS => {
                    answered = frame.stream;
                    room += i64::from(*told.windows.last().unwrap());
                    peer.send(&Frame::head(answered, false));
                }
                peer::SETTINGS => {
                    for setting in frame.payload.chunks(6).filter(|one| one[..2] == [0, 4]) {
                        let window = number(&setting[2..]);
                        if answered > 0 {
                            room += i64::from(window) - i64::from(*told.windows.last().unwrap());
                        }
                        told.windows.push(window);
                    }
                }
                PING => {
                    told.pings += 1;
                    peer.send(&Frame::new(PING, 1, 0, &frame.payload));
                }
                WINDOW_UPDATE if frame.stream > 0 => room += i64::from(number(&frame.payload)),
                _ => {}
            }
            while answered > 0 && room > 0 && left > 0 {
                let size = left.min(16_384).min(usize::try_from(room).unwrap());
                (left, room) = (left - size, room - size as i64);
                let end = u8::from(left == 0) * peer::END_STREAM;
                peer.send(&Frame::new(peer::DATA, end, answered, &vec![7; size]));
            }
        }
        let _ = sender.send(told);
    });
    (port, heard)
}

#[test]
fn an_adaptive_window_grows_with_what_is_received() {
    const LENGTH: usize = 4_000_000;
    for drive in DRIVES {
        for (adaptive, limit) in [(true, 1 << 20), (true, 30_000), (false, 1 << 20)] {
            let (port, heard) = generous(LENGTH);
            let made = ManagerOptions {
                http2_adaptive_window: adaptive,
                http2_stream_window: limit,
                ..options(drive)
            };
            // Round trips of no time: a sample that is larger is a faster one.
            let manager = Manager::with_clock(made, &ManualClock::new()).unwrap();
            let answer = fetch(&manager, get2(port, "/")).good();
            assert_eq!(answer.body.len(), LENGTH);
            drop(manager);
            let heard = heard.recv().unwrap();
            let grows = adaptive && limit > 65_535;
            let first = if grows { 65_535 } else { limit };
            assert_eq!(heard.windows[0], first);
            assert!(heard.windows.is_sorted_by(|one, next| one < next));
            assert!(heard.windows.iter().all(|window| *window <= limit));
            assert_eq!(heard.windows.len() > 1, grows, "{:?}", heard.windows);
            assert_eq!(heard.pings > 0, grows);
        }
    }
}

/// A caller that holds as much as its credit allows before it releases is not stopped by the smaller window.
#[test]
fn an_adaptive_window_never_stops_a_caller_within_its_credit() {
    const CREDIT: usize = 500_000;
    for drive in DRIVES {
        let (port, _) = generous(2_000_000);
        let made = ManagerOptions {
            http2_adaptive_window: true,
            ..options(drive)
        };
        let manager = Manager::new(made).unwrap();
        let mut request = get2(port, "/");
        request.credit(CREDIT);
        let handle = submit(&manager, request);
        let (mut held, mut size, mut all) = (Vec::new(), 0, 0);
        loop {
            let event = handle.recv(soon()).expect("a part in time");
            match event.part() {
                Part::Data(data) => {
                    size += data.len();
                    all += data.len();
                    held.push(event);
                }
                Part::Done(_) => break,
                Part::Error(error) => panic!("{error}"),
                _ => {}
            }
            if size >= CREDIT {
                held.clear();
                size = 0;
            }
        }
        assert_eq!(all, 2_000_000);
    }
}
