//! Replay only what is safe. The case files hold the single rules; here is what they cannot say.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use trunkline::{DelayOption, ErrorCode, HttpVersions, ManualClock, Request};

use crate::kit::{
    DRIVES, eventually, fetch, get, get2, manager, options, peer, rest, settle, submit,
};

fn post(port: u16, versions: HttpVersions) -> Request {
    let mut request = Request::new("POST", &format!("http://127.0.0.1:{port}/")).unwrap();
    request.http(versions).body("body");
    request
}

/// Closes each connection as soon as a second request has come on it; counts the requests by method.
fn closes_on_the_second(posts: &Arc<AtomicUsize>) -> u16 {
    let posts = Arc::clone(posts);
    peer::peer(move |mut stream, _| {
        for count in 0..2 {
            let Some(head) = peer::read_head(&mut stream) else {
                return;
            };
            if head.starts_with("POST") {
                posts.fetch_add(1, Ordering::SeqCst);
                let _ = std::io::Read::read_exact(&mut stream, &mut [0; 4]);
            }
            if count == 0 {
                stream.write_all(peer::OK.as_bytes()).unwrap();
            }
        }
    })
}

#[test]
fn a_request_that_is_not_idempotent_is_never_sent_twice() {
    for drive in DRIVES {
        let posts = Arc::new(AtomicUsize::new(0));
        let port = closes_on_the_second(&posts);
        let manager = manager(drive);
        for round in 0..20 {
            fetch(&manager, get(port, "/")).good();
            let before = posts.load(Ordering::SeqCst);
            let answer = rest(&submit(&manager, post(port, HttpVersions::Http1)));
            let sent = posts.load(Ordering::SeqCst) - before;
            assert!(sent <= 1, "{drive:?} {round}: sent {sent} times");
            assert!(matches!(
                answer.code(),
                ErrorCode::ConnectionClosed | ErrorCode::ConnectionReset
            ));
        }
        assert_eq!(manager.statistics().replays, 0);
    }
}

#[test]
fn an_idempotent_request_is_sent_again() {
    for drive in DRIVES {
        let posts = Arc::default();
        let port = closes_on_the_second(&posts);
        let manager = manager(drive);
        for _ in 0..20 {
            let answer = fetch(&manager, get(port, "/")).good();
            assert!(answer.summary.unwrap().attempts <= 2);
        }
        assert!(manager.statistics().replays >= 9, "{drive:?}");
    }
}

/// The peer closes what is unused, right after its answer: no request may fail of that, not even one that must not be
/// sent twice, for nothing of it was.
#[test]
fn a_connection_that_was_closed_meanwhile_is_not_used() {
    for drive in DRIVES {
        for notice in [
            "",
            "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n",
        ] {
            let port = peer::peer(move |mut stream, _| {
                let Some(head) = peer::read_head(&mut stream) else {
                    return;
                };
                if head.starts_with("POST") {
                    let _ = std::io::Read::read_exact(&mut stream, &mut [0; 4]);
                }
                stream.write_all(peer::OK.as_bytes()).unwrap();
                // A moment later, so that it is no part of the answer.
                std::thread::sleep(std::time::Duration::from_millis(10));
                let _ = stream.write_all(notice.as_bytes());
            });
            let manager = manager(drive);
            for _ in 0..5 {
                let answer = rest(&submit(&manager, post(port, HttpVersions::Http1)));
                assert_eq!(answer.good().body, b"ok", "{drive:?} {notice:?}");
                // Not `settle`: with the inline drive nothing may run in between.
                std::thread::sleep(std::time::Duration::from_millis(30));
            }
        }
    }
}

#[test]
fn the_budget_ends_it() {
    for drive in DRIVES {
        let seen = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&seen);
        let port = peer::peer(move |stream, _| {
            let Some(mut peer) = peer::Http2Peer::accept(stream, &[]) else {
                return;
            };
            while let Some(head) = peer.read_kind(peer::HEADERS) {
                counted.fetch_add(1, Ordering::SeqCst);
                peer.send(&peer::Frame::new(
                    peer::RST_STREAM,
                    0,
                    head.stream,
                    &[0, 0, 0, 7],
                ));
            }
        });
        let mut made = options(drive);
        made.policy.retry_delay = DelayOption(Some(Arc::new(|_| Duration::ZERO)));
        let manager = trunkline::Manager::new(made).unwrap();
        let answer = fetch(&manager, get2(port, "/"));
        assert_eq!(answer.code(), ErrorCode::Http2StreamReset);
        assert_eq!(answer.error.unwrap().peer_code(), Some(7));
        let attempts = trunkline::limits::REPLAYS as usize + 1;
        assert_eq!(seen.load(Ordering::SeqCst), attempts);
        assert_eq!(manager.statistics().streams_active, 0);
    }
}

/// GOAWAY with the stream's own id, then the end: the peer may have acted on it.
#[test]
fn what_a_goaway_includes_is_not_sent_again() {
    for drive in DRIVES {
        for code in [0, 2] {
            let seen = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&seen);
            let port = peer::peer(move |stream, _| {
                let Some(mut peer) = peer::Http2Peer::accept(stream, &[]) else {
                    return;
                };
                let Some(head) = peer.read_kind(peer::HEADERS) else {
                    return;
                };
                counted.fetch_add(1, Ordering::SeqCst);
                // Its body was taken too.
                peer.read_kind(peer::DATA);
                peer.send(&peer::Frame::goaway(head.stream, code));
            });
            let manager = manager(drive);
            let answer = rest(&submit(&manager, post(port, HttpVersions::Http2)));
            assert!(answer.error.is_some());
            settle(&manager, 10);
            assert_eq!(
                seen.load(Ordering::SeqCst),
                1,
                "{drive:?} {code}: {:?}",
                answer.error
            );
        }
    }
}

/// A body of which a piece was taken cannot be sent again.
#[test]
fn a_streamed_body_is_sent_again_only_untouched() {
    for drive in DRIVES {
        for written in [false, true] {
            let seen = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&seen);
            let port = peer::peer(move |stream, _| {
                let Some(mut peer) = peer::Http2Peer::accept(stream, &[]) else {
                    return;
                };
                while let Some(head) = peer.read_kind(peer::HEADERS) {
                    if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                        if written {
                            peer.read_kind(peer::DATA);
                        }
                        let refused =
                            peer::Frame::new(peer::RST_STREAM, 0, head.stream, &[0, 0, 0, 7]);
                        peer.send(&refused);
                    } else {
                        peer.send(&peer::Frame::head(head.stream, true));
                    }
                }
            });
            let manager = trunkline::Manager::new(options(drive)).unwrap();
            let mut request = Request::new("PUT", &format!("http://127.0.0.1:{port}/")).unwrap();
            request.http(HttpVersions::Http2).streamed_body(None);
            let request = submit(&manager, request);
            if written {
                request.write("four").unwrap();
            }
            let answer = rest(&request);
            if written {
                assert_eq!(answer.code(), ErrorCode::Http2StreamReset, "{drive:?}");
            } else {
                assert_eq!(answer.good().summary.unwrap().attempts, 2, "{drive:?}");
            }
        }
    }
}

/// From the third time on whoever is refused comes back later and later. No deadline runs meanwhile but the total one.
#[test]
fn who_is_refused_again_and_again_waits() {
    const MOMENT: u64 = 20;
    for drive in DRIVES {
        let seen = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&seen);
        let port = peer::peer(move |stream, _| {
            let mut peer = peer::Http2Peer::accept(stream, &[]).unwrap();
            while let Some(head) = peer.read_kind(peer::HEADERS) {
                if counted.fetch_add(1, Ordering::SeqCst) == 4 {
                    peer.send(&peer::Frame::head(head.stream, true));
                } else {
                    let refused = peer::Frame::new(peer::RST_STREAM, 0, head.stream, &[0, 0, 0, 7]);
                    peer.send(&refused);
                }
            }
        });
        let clock = ManualClock::new();
        let mut made = options(drive);
        made.timeouts.pool = Some(Duration::from_millis(100));
        let manager = trunkline::Manager::with_clock(made, &clock).unwrap();
        let came = |count| {
            eventually(&manager, "another try", || {
                seen.load(Ordering::SeqCst) >= count
            });
        };
        let stays = |count| {
            settle(&manager, MOMENT);
            assert_eq!(seen.load(Ordering::SeqCst), count, "{drive:?}");
        };
        let request = submit(&manager, get2(port, "/"));
        came(3);
        stays(3);
        for (pause, count) in [(1000, 4), (2000, 5)] {
            // Up to a quarter of it is left to chance.
            clock.advance(Duration::from_millis(pause / 4 * 3 - 1));
            stays(count - 1);
            clock.advance(Duration::from_millis(pause / 4 + 1));
            came(count);
            settle(&manager, MOMENT);
        }
        assert_eq!(rest(&request).good().summary.unwrap().attempts, 5);

        seen.store(5, Ordering::SeqCst);
        let mut short = get2(port, "/");
        short.timeouts().total = Some(Some(Duration::from_millis(500)));
        let short = submit(&manager, short);
        came(8);
        stays(8);
        clock.advance(Duration::from_millis(500));
        assert_eq!(rest(&short).code(), ErrorCode::TotalTimeout);
        let cancelled = submit(&manager, get2(port, "/"));
        came(11);
        stays(11);
        cancelled.cancel();
        assert_eq!(rest(&cancelled).code(), ErrorCode::Cancelled);
    }
}
