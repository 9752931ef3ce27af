//! A peer that allows ten streams at once, some of which never end.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustix::net::RecvFlags;
use trunkline::{ErrorCode, Manager, ManagerOptions, Part, RequestHandle};

use crate::alone;
use crate::kit::peer::{self, DATA, END_STREAM, Frame, HEADERS, RST_STREAM, SETTINGS};
use crate::kit::{DRIVES, eventually, get2, manager, options, rest, settle, soon, submit};
use crate::numbered::Numbered;

const PLACES: usize = 10;
const REQUESTS: usize = 1000;
/// The path of those that never end; the others count from 1.
const ENDLESS: usize = 0;
const REFUSED: [u8; 4] = [0, 0, 0, 7];
/// `SETTINGS_MAX_CONCURRENT_STREAMS`.
const MAX_CONCURRENT_STREAMS: u16 = 3;

/// What the peer has seen.
#[derive(Default)]
struct Seen {
    /// The numbers in the order of their coming.
    order: Mutex<Vec<usize>>,
    /// Streams too many, before the client knew the limit and after.
    early: AtomicUsize,
    late: AtomicUsize,
    connections: AtomicUsize,
}

impl Seen {
    fn count(counter: &AtomicUsize) -> usize {
        counter.load(Ordering::SeqCst)
    }
}

fn strict(seen: &Arc<Seen>) -> u16 {
    let seen = Arc::clone(seen);
    peer::peer(move |stream, _| {
        seen.connections.fetch_add(1, Ordering::SeqCst);
        let settings = [(MAX_CONCURRENT_STREAMS, PLACES as u32)];
        if let Some(connection) = Numbered::accept(stream, &settings) {
            serve(connection, &seen);
        }
    })
}

/// Refuses what is too many. Holds its answers back while there is room for more and more to read.
fn serve(mut connection: Numbered, seen: &Seen) {
    let (mut endless, mut held) = (Vec::new(), VecDeque::new());
    let mut known = false;
    loop {
        while !held.is_empty()
            && (endless.len() + held.len() == PLACES || !has_more(&connection))
            && let Some(stream) = held.pop_front()
        {
            connection.peer.send(&Frame::head(stream, false));
            connection
                .peer
                .send(&Frame::new(DATA, END_STREAM, stream, b"ok"));
        }
        let Some((frame, number)) = connection.read() else {
            return;
        };
        match frame.kind {
            SETTINGS if frame.flags == 1 => known = true,
            RST_STREAM => endless.retain(|stream| *stream != frame.stream),
            HEADERS if endless.len() + held.len() == PLACES => {
                let count = if known { &seen.late } else { &seen.early };
                count.fetch_add(1, Ordering::SeqCst);
                connection
                    .peer
                    .send(&Frame::new(RST_STREAM, 0, frame.stream, &REFUSED));
            }
            HEADERS if number == ENDLESS => {
                endless.push(frame.stream);
                connection.peer.send(&Frame::head(frame.stream, false));
                connection
                    .peer
                    .send(&Frame::new(DATA, 0, frame.stream, b"more"));
            }
            HEADERS => {
                seen.order.lock().unwrap().push(number);
                held.push_back(frame.stream);
            }
            _ => {}
        }
    }
}

fn has_more(connection: &Numbered) -> bool {
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    rustix::net::recv(&connection.peer.0, &mut [0u8; 1], flags).is_ok_and(|(count, _)| count > 0)
}

/// Requests without an end, of which each has its head and its first piece.
fn endless(manager: &Manager, port: u16, count: usize) -> Vec<RequestHandle> {
    (0..count)
        .map(|_| {
            let request = submit(manager, get2(port, &format!("/{ENDLESS}")));
            let head = request.recv(soon()).unwrap();
            assert!(matches!(head.part(), Part::Head(_)), "{head:?}");
            let data = request.recv(soon()).unwrap();
            assert!(matches!(data.part(), Part::Data(_)), "{data:?}");
            request
        })
        .collect()
}

fn finite(manager: &Manager, port: u16) -> Vec<RequestHandle> {
    (1..=REQUESTS)
        .map(|number| submit(manager, get2(port, &format!("/{number}"))))
        .collect()
}

/// They are under way until they are cancelled, and leave nothing behind.
fn cancel(manager: &Manager, endless: &[RequestHandle]) {
    for request in endless {
        assert_eq!(request.try_recv().unwrap_err().code(), ErrorCode::Again);
        request.cancel();
        assert_eq!(rest(request).code(), ErrorCode::Cancelled);
    }
    eventually(manager, "the return to rest", || {
        let now = manager.statistics();
        (now.requests_active, now.streams_active) == (0, 0)
    });
}

/// All others share the one place that is left, in the order of their coming.
#[test]
fn nine_without_an_end_leave_a_place_to_a_thousand() {
    let _alone = alone();
    for drive in DRIVES {
        let seen = Arc::new(Seen::default());
        let port = strict(&seen);
        let manager = manager(drive);
        let endless = endless(&manager, port, PLACES - 1);
        for request in finite(&manager, port) {
            assert_eq!(rest(&request).good().body, b"ok");
        }
        assert!(
            seen.order.lock().unwrap().iter().copied().eq(1..=REQUESTS),
            "{drive:?}"
        );
        let now = manager.statistics();
        assert_eq!((now.requests_failed, now.replays), (0, 0), "{drive:?}");
        cancel(&manager, &endless);
        assert_eq!(
            Seen::count(&seen.early) + Seen::count(&seen.late),
            0,
            "{drive:?}"
        );
        assert_eq!(Seen::count(&seen.connections), 1, "{drive:?}");
    }
}

/// What is refused because the limit was not known yet is sent again.
#[test]
fn a_limit_that_is_told_too_late_refuses_nobody() {
    let _alone = alone();
    for drive in DRIVES {
        let seen = Arc::new(Seen::default());
        let port = strict(&seen);
        let manager = manager(drive);
        let (mut endless, mut finite) = (Vec::new(), Vec::new());
        for number in 1..=REQUESTS {
            if number % 100 == 50 && endless.len() < PLACES - 1 {
                endless.push(submit(&manager, get2(port, &format!("/{ENDLESS}"))));
            }
            finite.push(submit(&manager, get2(port, &format!("/{number}"))));
        }
        for request in &finite {
            assert_eq!(rest(request).good().body, b"ok");
        }
        for request in &endless {
            assert!(matches!(
                request.recv(soon()).unwrap().part(),
                Part::Head(_)
            ));
            assert!(matches!(
                request.recv(soon()).unwrap().part(),
                Part::Data(_)
            ));
        }
        let mut order = std::mem::take(&mut *seen.order.lock().unwrap());
        order.sort_unstable();
        assert!(
            order.into_iter().eq(1..=REQUESTS),
            "{drive:?}: each ran once"
        );
        let now = manager.statistics();
        assert_eq!(now.requests_failed, 0, "{drive:?}");
        assert_eq!(now.replays, Seen::count(&seen.early) as u64, "{drive:?}");
        cancel(&manager, &endless);
        assert_eq!(Seen::count(&seen.late), 0, "{drive:?}");
        assert_eq!(Seen::count(&seen.connections), 1, "{drive:?}");
    }
}

/// When no place is left the others wait; the first that is free serves them all.
#[test]
fn ten_without_an_end_keep_a_thousand_waiting() {
    let _alone = alone();
    for drive in DRIVES {
        let seen = Arc::new(Seen::default());
        let port = strict(&seen);
        let manager = manager(drive);
        let mut endless = endless(&manager, port, PLACES);
        let finite = finite(&manager, port);
        settle(&manager, 20);
        let now = manager.statistics();
        let all = (REQUESTS + PLACES) as u64;
        assert_eq!(
            (now.requests_active, now.requests_failed),
            (all, 0),
            "{drive:?}"
        );
        assert!(seen.order.lock().unwrap().is_empty(), "{drive:?}");
        let freed = endless.swap_remove(PLACES / 2);
        freed.cancel();
        for request in finite {
            assert_eq!(rest(&request).good().body, b"ok");
        }
        assert!(
            seen.order.lock().unwrap().iter().copied().eq(1..=REQUESTS),
            "{drive:?}"
        );
        assert_eq!(rest(&freed).code(), ErrorCode::Cancelled);
        cancel(&manager, &endless);
        let now = manager.statistics();
        assert_eq!(
            (now.requests_failed, now.replays),
            (PLACES as u64, 0),
            "{drive:?}"
        );
        assert_eq!(
            Seen::count(&seen.early) + Seen::count(&seen.late),
            0,
            "{drive:?}"
        );
        assert_eq!(Seen::count(&seen.connections), 1, "{drive:?}");
    }
}

/// Where a further connection is allowed, nobody waits for those that never end.
#[test]
fn ten_without_an_end_make_room_by_a_further_connection() {
    let _alone = alone();
    for drive in DRIVES {
        let seen = Arc::new(Seen::default());
        let port = strict(&seen);
        let manager = Manager::new(ManagerOptions {
            http2_connections_per_origin: 2,
            ..options(drive)
        })
        .unwrap();
        let endless = endless(&manager, port, PLACES);
        for request in finite(&manager, port) {
            assert_eq!(rest(&request).good().body, b"ok");
        }
        let mut order = std::mem::take(&mut *seen.order.lock().unwrap());
        order.sort_unstable();
        assert!(
            order.into_iter().eq(1..=REQUESTS),
            "{drive:?}: each ran once"
        );
        let now = manager.statistics();
        assert_eq!(now.requests_failed, 0, "{drive:?}");
        // The second connection's limit was not known from the start either.
        assert_eq!(now.replays, Seen::count(&seen.early) as u64, "{drive:?}");
        cancel(&manager, &endless);
        assert_eq!(Seen::count(&seen.late), 0, "{drive:?}");
        assert_eq!(Seen::count(&seen.connections), 2, "{drive:?}");
    }
}
