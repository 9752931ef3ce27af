//! What the options of HTTP/2 say to the peer.

use std::io::Write;
use std::sync::mpsc;
use std::time::Duration;

use trunkline::{Drive, ErrorCode, Manager, ManagerOptions, ManualClock};

use crate::kit::peer::{self, Frame, Http2Peer};
use crate::kit::{DRIVES, eventually, fetch, get2, options, settle};

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
