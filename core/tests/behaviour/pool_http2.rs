//! The one HTTP/2 connection of an origin: sharing, the peer's limits, GOAWAY.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use trunkline::{Drive, Manager, ManagerOptions, ManualClock, Protocol, Request, Verify};
use trunkline_test_server::embedded;

use crate::kit::{DRIVES, eventually, fetch, get2, manager, options, peer, rest, settle, submit};

#[test]
fn two_hundred_requests_share_one_connection() {
    let server = embedded::start(None).unwrap();
    let places = server.places();
    for drive in DRIVES {
        let mut made = options(drive);
        made.tls.verify = Verify::Ca(std::fs::read(&places.ca).unwrap());
        let manager = Manager::new(made).unwrap();
        for base in [
            format!("https://localhost:{}", places.https),
            format!("http://127.0.0.1:{}", places.http),
        ] {
            let before = manager.statistics().connections_opened;
            let requests: Vec<_> = (0..200)
                .map(|index| {
                    let mut request =
                        Request::get(&format!("{base}/bytes/{}", index * 100)).unwrap();
                    request.http(trunkline::HttpVersions::Http2);
                    submit(&manager, request)
                })
                .collect();
            for (index, request) in requests.iter().enumerate() {
                let answer = rest(request).good();
                assert_eq!(answer.body.len(), index * 100);
                let connection = answer.summary.unwrap().connection.clone().unwrap();
                assert_eq!(connection.protocol, Protocol::Http2);
            }
            assert_eq!(
                manager.statistics().connections_opened - before,
                1,
                "{base}"
            );
        }
        assert_eq!(manager.statistics().streams_opened, 400);
        eventually(&manager, "the end of the streams", || {
            manager.statistics().streams_active == 0
        });
    }
}

/// Answers each stream, and notes how many were open at once.
fn limited(limit: u32, most: &Arc<AtomicUsize>) -> u16 {
    let most = Arc::clone(most);
    peer::peer(move |stream, _| {
        let Some(mut peer) = peer::Http2Peer::accept(stream, &[(3, limit)]) else {
            return;
        };
        let mut open = Vec::new();
        let _ = peer.0.set_read_timeout(Some(Duration::from_millis(15)));
        loop {
            // Whatever comes within a moment, then one answer.
            match peer.read_kind(peer::HEADERS) {
                Some(head) => {
                    open.push(head.stream);
                    most.fetch_max(open.len(), Ordering::SeqCst);
                }
                None if open.is_empty() => {
                    if matches!(peer.0.peek(&mut [0]), Ok(0)) {
                        return;
                    }
                }
                None => {
                    for stream in open.drain(..) {
                        peer.send(&peer::Frame::head(stream, true));
                    }
                }
            }
        }
    })
}

#[test]
fn the_peers_limit_of_streams_holds() {
    for drive in DRIVES {
        let most = Arc::new(AtomicUsize::new(0));
        let port = limited(5, &most);
        let manager = manager(drive);
        // The first request learns of the limit.
        fetch(&manager, get2(port, "/")).good();
        settle(&manager, 5);
        let requests: Vec<_> = (0..60).map(|_| submit(&manager, get2(port, "/"))).collect();
        for request in &requests {
            rest(request).good();
        }
        assert_eq!(most.load(Ordering::SeqCst), 5, "{drive:?}");
        assert_eq!(manager.statistics().connections_opened, 1);
    }
}

/// The peer allows no stream for a while; when it does again, those that wait go on.
#[test]
fn a_limit_that_is_raised_lets_waiters_go_on() {
    for drive in DRIVES {
        let port = peer::peer(|stream, _| {
            let Some(mut peer) = peer::Http2Peer::accept(stream, &[(3, 10)]) else {
                return;
            };
            let stream = peer.read_kind(peer::HEADERS).unwrap().stream;
            peer.send(&peer::Frame::settings(&[(3, 0)]));
            peer.send(&peer::Frame::head(stream, true));
            std::thread::sleep(Duration::from_millis(100));
            peer.send(&peer::Frame::settings(&[(3, 10)]));
            while peer.answer().is_some() {}
        });
        let manager = manager(drive);
        fetch(&manager, get2(port, "/")).good();
        settle(&manager, 10);
        let requests: Vec<_> = (0..5).map(|_| submit(&manager, get2(port, "/"))).collect();
        for request in &requests {
            assert_eq!(rest(request).good().body, b"ok", "{drive:?}");
        }
    }
}

/// A GOAWAY in the middle of traffic: what it leaves out goes to a new connection, nobody fails.
#[test]
fn goaway_moves_the_rest_to_a_new_connection() {
    for drive in DRIVES {
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let port = peer::peer(move |stream, _| {
            counted.fetch_add(1, Ordering::SeqCst);
            let Some(mut peer) = peer::Http2Peer::accept(stream, &[]) else {
                return;
            };
            let mut last = 0;
            for _ in 0..10 {
                match peer.read_kind(peer::HEADERS) {
                    Some(head) => last = head.stream,
                    None => return,
                }
                peer.send(&peer::Frame::head(last, false));
            }
            peer.send(&peer::Frame::goaway(last, 0));
            let mut stream = 1;
            while stream <= last {
                peer.send(&peer::Frame::new(
                    peer::DATA,
                    peer::END_STREAM,
                    stream,
                    b"ok",
                ));
                stream += 2;
            }
            while peer.read().is_some() {}
        });
        let manager = manager(drive);
        let requests: Vec<_> = (0..100)
            .map(|_| submit(&manager, get2(port, "/")))
            .collect();
        for request in &requests {
            assert_eq!(rest(request).good().body, b"ok", "{drive:?}");
        }
        assert_eq!(connections.load(Ordering::SeqCst), 10, "{drive:?}");
        assert_eq!(manager.statistics().requests_failed, 0);
    }
}

#[test]
fn an_unused_http2_connection_expires() {
    for drive in DRIVES {
        let port = peer::peer(|stream, _| {
            let Some(mut peer) = peer::Http2Peer::accept(stream, &[]) else {
                return;
            };
            while peer.answer().is_some() {}
        });
        let clock = ManualClock::new();
        let manager = Manager::with_clock(options(drive), &clock).unwrap();
        for _ in 0..3 {
            fetch(&manager, get2(port, "/")).good();
            settle(&manager, 5);
            clock.advance(Duration::from_secs(60));
            settle(&manager, 5);
        }
        assert_eq!(manager.statistics().connections_opened, 1, "{drive:?}");
        eventually(&manager, "the expiry", || {
            clock.advance(Duration::from_secs(10));
            manager.statistics().connections_active == 0
        });
    }
}

/// One that is used is not swept away under its request, however long that takes.
#[test]
fn a_used_http2_connection_does_not_expire() {
    for drive in DRIVES {
        let port = peer::peer(|stream, _| {
            let Some(mut peer) = peer::Http2Peer::accept(stream, &[]) else {
                return;
            };
            let first = peer.read_kind(peer::HEADERS).unwrap().stream;
            let second = peer.read_kind(peer::HEADERS).unwrap().stream;
            peer.send(&peer::Frame::head(second, true));
            peer.send(&peer::Frame::head(first, true));
            while peer.read().is_some() {}
        });
        let clock = ManualClock::new();
        let manager = Manager::with_clock(options(drive), &clock).unwrap();
        let first = submit(&manager, get2(port, "/"));
        crate::kit::stages::wait_until_it_stands(&manager);
        for _ in 0..5 {
            clock.advance(Duration::from_secs(100));
            settle(&manager, 5);
        }
        fetch(&manager, get2(port, "/")).good();
        rest(&first).good();
        assert_eq!(manager.statistics().connections_opened, 1);
    }
}

/// PING finds a peer that has fallen silent, and measures one that has not.
#[test]
fn pings() {
    let server = embedded::start(None).unwrap();
    for drive in DRIVES {
        let interval = Duration::from_secs(10);
        let with = |clock: &ManualClock| {
            Manager::with_clock(
                ManagerOptions {
                    http2_ping_interval: Some(interval),
                    ..options(drive)
                },
                clock,
            )
            .unwrap()
        };
        let clock = ManualClock::new();
        let manager = with(&clock);
        fetch(&manager, get2(server.places().http, "/bytes/10")).good();
        eventually(&manager, "a pong", || {
            clock.advance(Duration::from_millis(100));
            manager.statistics().ping_round_trip.is_some()
        });
        let port = peer::peer(|stream, _| {
            let Some(mut peer) = peer::Http2Peer::accept(stream, &[]) else {
                return;
            };
            while peer.read().is_some() {}
        });
        let clock = ManualClock::new();
        let manager = with(&clock);
        let request = submit(&manager, get2(port, "/"));
        crate::kit::stages::wait_until_it_stands(&manager);
        clock.advance(interval);
        settle(&manager, 10);
        clock.advance(interval);
        let answer = rest(&request);
        assert!(answer.error.is_some());
    }
}

/// The connection that everyone waits for is broken: all get an error, none hangs.
#[test]
fn a_broken_handshake_ends_all() {
    for drive in [Drive::Inline, Drive::Threads(2)] {
        let port = peer::peer(|mut stream, _| {
            let _ = std::io::Write::write_all(
                &mut stream,
                b"this is no HTTP/2 at all, not in the least",
            );
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        });
        let manager = manager(drive);
        let requests: Vec<_> = (0..150)
            .map(|_| submit(&manager, get2(port, "/")))
            .collect();
        for request in &requests {
            assert!(rest(request).error.is_some());
        }
    }
}
