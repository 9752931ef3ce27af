//! More than one HTTP/2 connection to an origin, where that is allowed.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::mpsc;
use std::time::Duration;

use trunkline::{Drive, ErrorCode, Manager, ManagerOptions, ManualClock};
use trunkline_test_server::embedded;

use crate::kit::peer::{Frame, HEADERS, Http2Peer};
use crate::kit::{DRIVES, eventually, fetch, get2, options, rest, settle, stages, submit};

fn several(drive: Drive, connections: usize, streams: usize) -> ManagerOptions {
    ManagerOptions {
        http2_connections_per_origin: connections,
        http2_max_concurrent_streams: streams,
        ..options(drive)
    }
}

#[test]
fn a_further_one_is_opened_when_all_are_full() {
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    for drive in DRIVES {
        for (connections, requests, expected) in [(1, 8, 1), (3, 2, 1), (3, 4, 2), (3, 20, 3)] {
            let manager = Manager::new(several(drive, connections, 2)).unwrap();
            let held: Vec<_> = (0..requests)
                .map(|_| submit(&manager, get2(port, "/hang")))
                .collect();
            stages::wait_until_it_stands(&manager);
            let opened = manager.statistics().connections_opened;
            assert_eq!(opened, expected, "{connections} {requests}");
            for request in &held {
                request.cancel();
                assert_eq!(rest(request).code(), ErrorCode::Cancelled);
            }
            fetch(&manager, get2(port, "/bytes/5")).good();
            assert_eq!(manager.statistics().connections_opened, expected);
        }
        // The limit of connections to one origin holds for them too, and all have their turn.
        let manager = Manager::new(ManagerOptions {
            max_connections_per_origin: 2,
            ..several(drive, 5, 1)
        })
        .unwrap();
        let held: Vec<_> = (0..30)
            .map(|_| submit(&manager, get2(port, "/delay/1")))
            .collect();
        for request in &held {
            rest(request).good();
        }
        assert!(manager.statistics().connections_opened <= 2);
    }
}

/// Those that nobody uses are closed, whichever they are.
#[test]
fn unused_ones_are_closed() {
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    for drive in DRIVES {
        let clock = ManualClock::new();
        let manager = Manager::with_clock(several(drive, 3, 1), &clock).unwrap();
        let held: Vec<_> = (0..3)
            .map(|_| submit(&manager, get2(port, "/hang")))
            .collect();
        stages::wait_until_it_stands(&manager);
        assert_eq!(manager.statistics().connections_opened, 3);
        held[0].cancel();
        held[2].cancel();
        settle(&manager, 5);
        for _ in 0..2 {
            clock.advance(Duration::from_secs(91));
            settle(&manager, 5);
        }
        eventually(&manager, "their end", || {
            manager.statistics().connections_closed == 2
        });
        fetch(&manager, get2(port, "/bytes/5")).good();
        assert_eq!(manager.statistics().connections_opened, 4);
        held[1].cancel();
        assert_eq!(rest(&held[1]).code(), ErrorCode::Cancelled);
    }
}

/// A further connection that cannot be opened costs nobody anything.
#[test]
fn one_that_fails_is_done_without() {
    for drive in DRIVES {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (go, gone) = mpsc::channel::<()>();
        let serving = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            drop(listener);
            let mut peer = Http2Peer::accept(stream, &[(3, 1)]).unwrap();
            let first = peer.read_kind(HEADERS).unwrap().stream;
            gone.recv().unwrap();
            peer.send(&Frame::head(first, true));
            while peer.answer().is_some() {}
        });
        let manager = Manager::new(several(drive, 2, 1)).unwrap();
        let first = submit(&manager, get2(port, "/"));
        stages::wait_until_it_stands(&manager);
        let others: Vec<_> = (0..3).map(|_| submit(&manager, get2(port, "/"))).collect();
        settle(&manager, 20);
        go.send(()).unwrap();
        rest(&first).good();
        for request in &others {
            rest(request).good();
        }
        assert_eq!(manager.statistics().connections_opened, 1);
        drop(manager);
        serving.join().unwrap();
    }
}
