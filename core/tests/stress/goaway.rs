//! A server that goes away after every third request: nothing is lost by it, and nothing runs twice.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use trunkline::{Drive, ErrorCode, HttpVersions, Manager, Request, limits};

use crate::alone;
use crate::kit::peer::{self, DATA, END_STREAM, Frame, HEADERS, Http2Peer};
use crate::kit::{DRIVES, manager, rest, submit};
use crate::numbered::{Counts, Numbered};

const REQUESTS: usize = 10_000;
/// Requests that a connection serves.
const SERVES: usize = 3;

/// When a connection says that it goes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Manner {
    /// As soon as it has all its requests, before it answers them.
    Before,
    /// With the last answer.
    After,
    /// A warning first, which allows everything; then for good (RFC 9113, 6.8).
    Twice,
    /// With the last answer, and it sends nothing more after that.
    Closing,
}

const MANNERS: [Manner; 4] = [
    Manner::Before,
    Manner::After,
    Manner::Twice,
    Manner::Closing,
];

/// What the peer has seen.
#[derive(Default)]
struct Seen {
    ran: Counts,
    /// Requests that came on streams past the last.
    past: AtomicUsize,
    connections: AtomicUsize,
}

fn leaving(seen: &Arc<Seen>) -> u16 {
    let seen = Arc::clone(seen);
    peer::peer(move |stream, count| {
        seen.connections.fetch_add(1, Ordering::SeqCst);
        if let Some(connection) = Numbered::accept(stream, &[]) {
            serve(connection, MANNERS[count % MANNERS.len()], &seen);
        }
    })
}

fn serve(mut connection: Numbered, manner: Manner, seen: &Seen) {
    // Those whose bodies are still on their way.
    let mut open = HashMap::new();
    let (mut taken, mut answered, mut last) = (0, 0, 0);
    // Reads on to the client's own end, else what it has not taken yet would be lost.
    while let Some((frame, number)) = connection.read() {
        if frame.kind == HEADERS {
            if taken == SERVES {
                seen.past.fetch_add(1, Ordering::SeqCst);
                continue;
            }
            open.insert(frame.stream, number);
            taken += 1;
            if taken == SERVES {
                last = frame.stream;
                match manner {
                    Manner::Before => connection.peer.send(&Frame::goaway(last, 0)),
                    Manner::Twice => connection.peer.send(&Frame::goaway((1 << 31) - 1, 0)),
                    Manner::After | Manner::Closing => {}
                }
            }
        }
        let ends = matches!(frame.kind, HEADERS | DATA) && frame.flags & END_STREAM != 0;
        let Some(number) = ends.then(|| open.remove(&frame.stream)).flatten() else {
            continue;
        };
        seen.ran.add(number);
        connection.peer.send(&Frame::head(frame.stream, false));
        let body = number.to_string();
        let data = Frame::new(DATA, END_STREAM, frame.stream, body.as_bytes());
        connection.peer.send(&data);
        answered += 1;
        if answered == SERVES {
            if manner != Manner::Before {
                connection.peer.send(&Frame::goaway(last, 0));
            }
            if manner == Manner::Closing {
                let _ = connection.peer.0.shutdown(std::net::Shutdown::Write);
            }
        }
    }
}

/// GET and POST in turns; the number is the path, and the body of the answer.
fn ask(port: u16, number: usize) -> Request {
    let url = format!("http://127.0.0.1:{port}/{number}");
    let mut request = if number.is_multiple_of(2) {
        Request::get(&url).unwrap()
    } else {
        let mut request = Request::new("POST", &url).unwrap();
        request.body("a body");
        request
    };
    request.http(HttpVersions::Http2);
    request
}

/// Keeps `crowd` requests in flight on each of `threads` threads until all are done; the most attempts that one took.
fn all(manager: &Manager, port: u16, threads: usize, crowd: usize) -> usize {
    let (next, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let first = next.fetch_add(crowd, Ordering::SeqCst);
                    let numbers = first..(first + crowd).min(REQUESTS);
                    if numbers.is_empty() {
                        return;
                    }
                    let requests: Vec<_> = numbers
                        .map(|number| (number, submit(manager, ask(port, number))))
                        .collect();
                    for (number, request) in requests {
                        let answer = rest(&request).good();
                        let attempts = answer.summary.as_ref().unwrap().attempts;
                        most.fetch_max(attempts as usize, Ordering::SeqCst);
                        assert_eq!(answer.body, number.to_string().as_bytes());
                    }
                }
            });
        }
    });
    most.into_inner()
}

fn goaways(drive: Drive, threads: usize, crowd: usize) {
    let _alone = alone();
    let seen = Arc::new(Seen::default());
    let port = leaving(&seen);
    let manager = manager(drive);
    let most = all(&manager, port, threads, crowd);
    let now = manager.statistics();
    let replayed = seen.past.load(Ordering::SeqCst);
    let why = format!("{now:?}, {replayed} past the last, {most} attempts");
    assert_eq!(seen.ran.repeated(), [], "ran twice; {why}");
    assert_eq!(seen.ran.len(), REQUESTS, "{why}");
    assert_eq!(
        (now.requests_completed, now.requests_failed),
        (REQUESTS as u64, 0),
        "{why}"
    );
    let connections = seen.connections.load(Ordering::SeqCst);
    assert!(connections >= REQUESTS / SERVES, "{connections}; {why}");
    // Each connection serves at least one of those that have waited for longest.
    assert!(most <= 2 + threads * crowd, "{why}");
    if threads * crowd > SERVES {
        assert!(replayed > 100, "hardly any were in flight; {why}");
    }
}

#[test]
fn one_after_the_other_inline() {
    goaways(Drive::Inline, 1, 1);
}

#[test]
fn one_after_the_other_threads() {
    goaways(Drive::Threads(1), 1, 1);
}

#[test]
fn twenty_in_flight_inline() {
    goaways(Drive::Inline, 20, 1);
}

#[test]
fn twenty_in_flight_threads() {
    goaways(Drive::Threads(1), 20, 1);
}

#[test]
fn a_hundred_in_flight_inline() {
    goaways(Drive::Inline, 1, 100);
}

#[test]
fn a_hundred_in_flight_threads() {
    goaways(Drive::Threads(1), 4, 25);
}

/// A peer that serves nobody is given up, however many ask it.
#[test]
fn a_peer_that_only_goes_away_is_given_up() {
    const CROWD: usize = 50;
    let _alone = alone();
    for drive in DRIVES {
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let port = peer::peer(move |stream, _| {
            counted.fetch_add(1, Ordering::SeqCst);
            let Some(mut peer) = Http2Peer::accept(stream, &[]) else {
                return;
            };
            if peer.read_kind(HEADERS).is_some() {
                peer.send(&Frame::goaway(0, 0));
            }
            while peer.read().is_some() {}
        });
        let manager = manager(drive);
        let requests: Vec<_> = (0..CROWD)
            .map(|number| submit(&manager, ask(port, number)))
            .collect();
        for request in requests {
            assert_eq!(rest(&request).code(), ErrorCode::Http2Goaway);
        }
        let connections = connections.load(Ordering::SeqCst);
        let most = CROWD * (limits::REPLAYS as usize + 1);
        assert!(connections <= most, "{drive:?}: {connections}");
        assert_eq!(manager.statistics().streams_active, 0);
    }
}
