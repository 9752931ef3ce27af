//! Bounded: what is delivered and not released stays within the credit, and only that request stands still.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use trunkline::{Delivery, Drive, Event, Manager, Part, Request};
use trunkline_test_server::embedded;

use crate::kit::stages::wait_until_it_stands;
use crate::kit::{
    Answer, DRIVES, eventually, fetch, get, get2, manager, rest, settle, soon, submit,
};

const CREDIT: usize = 100_000;
/// What one read may bring beyond the credit.
const READ: usize = 1024 * 1024;
const BODY: usize = 6_000_000;

type Get = fn(u16, &str) -> Request;
const PROTOCOLS: [(&str, Get); 2] = [("http/1.1", get), ("http/2", get2)];

fn each(run: impl Fn(&Manager, &str, Get, u16)) {
    let server = embedded::start(None).unwrap();
    for drive in DRIVES {
        for (name, get) in PROTOCOLS {
            run(
                &manager(drive),
                &format!("{name} {drive:?}"),
                get,
                server.places().http,
            );
        }
    }
}

fn held(events: &[Event]) -> usize {
    events.iter().map(|event| event.part().credit()).sum()
}

/// Takes what is there, and keeps it.
fn keep(request: &trunkline::RequestHandle, kept: &mut Vec<Event>) {
    while let Ok(event) = request.try_recv() {
        kept.push(event);
    }
}

#[test]
fn recv_stops_at_the_credit_and_goes_on_with_releases() {
    each(|manager, name, get, port| {
        let mut request = get(port, &format!("/bytes/{BODY}"));
        request.credit(CREDIT);
        let request = submit(manager, request);
        wait_until_it_stands(manager);
        let mut kept = Vec::new();
        while held(&kept) < CREDIT {
            kept.push(request.recv(soon()).unwrap());
        }
        keep(&request, &mut kept);
        assert!(held(&kept) <= CREDIT + READ, "{name}: {}", held(&kept));
        settle(manager, 20);
        let before = kept.len();
        keep(&request, &mut kept);
        assert_eq!(kept.len(), before, "{name}: more came without a release");
        assert!(!request.is_ended());
        // Neighbours on the same HTTP/2 connection, and on others, go on meanwhile.
        for _ in 0..5 {
            assert_eq!(
                fetch(manager, get(port, "/bytes/300000")).good().body.len(),
                300_000
            );
        }
        if name.starts_with("http/2") {
            assert_eq!(manager.statistics().connections_opened, 1, "{name}");
        }
        let mut answer = Answer::default();
        for event in kept.drain(..) {
            answer.add(event.into_part());
        }
        crate::kit::finish(&request, &mut answer);
        assert_eq!(answer.good().body.len(), BODY, "{name}");
    });
}

#[test]
fn many_streams_without_credit_starve_nobody() {
    each(|manager, name, get, port| {
        let stopped: Vec<_> = (0..40)
            .map(|_| {
                let mut request = get(port, &format!("/bytes/{BODY}"));
                request.credit(1);
                submit(manager, request)
            })
            .collect();
        wait_until_it_stands(manager);
        assert_eq!(
            fetch(manager, get(port, "/bytes/3000000"))
                .good()
                .body
                .len(),
            3_000_000
        );
        for request in &stopped[..3] {
            assert_eq!(rest(request).good().body.len(), BODY, "{name}");
        }
        drop(stopped);
        eventually(manager, "the end of the rest", || {
            manager.statistics().requests_active == 0
        });
    });
}

#[test]
fn release_by_hand() {
    each(|manager, name, get, port| {
        let mut request = get(port, &format!("/bytes/{BODY}"));
        request.credit(CREDIT).manual_release(true);
        let request = submit(manager, request);
        let mut answer = Answer::default();
        let mut held = 0;
        loop {
            match request.try_recv() {
                Ok(event) => {
                    held += event.part().credit();
                    assert!(held <= CREDIT + READ, "{name}: {held}");
                    if answer.add(event.into_part()) {
                        break;
                    }
                }
                Err(_) if held > 0 => {
                    settle(manager, 3);
                    request.release(held);
                    held = 0;
                    crate::kit::turn(manager);
                }
                Err(_) => crate::kit::turn(manager),
            }
        }
        // More than is due, and after the end: nothing happens.
        request.release(5_000_000);
        assert_eq!(answer.good().body.len(), BODY, "{name}");
    });
}

#[test]
fn the_queue_is_bounded_for_each_request() {
    each(|manager, name, get, port| {
        for token in 0..4 {
            let mut request = get(port, "/bytes/2000000");
            request.credit(CREDIT);
            manager.submit(request, Delivery::Queue { token }).unwrap();
        }
        let mut kept: Vec<Event> = Vec::new();
        // Everything that comes without a release.
        for _ in 0..60 {
            manager.poll(&mut kept, 1000, crate::kit::after(5)).unwrap();
        }
        for token in 0..4 {
            let held: usize = kept
                .iter()
                .filter(|event| event.token() == token)
                .map(|event| event.part().credit())
                .sum();
            assert!((CREDIT..=CREDIT + READ).contains(&held), "{name}: {held}");
        }
        // Released, they go to their ends, and a batch never mixes up requests.
        let mut answers: Vec<_> = (0..4).map(|_| Answer::default()).collect();
        while answers.iter().any(|answer| !answer.is_ended()) {
            for event in kept.drain(..) {
                let answer = &mut answers[event.token() as usize];
                answer.add(event.into_part());
            }
            manager.poll(&mut kept, 7, soon()).unwrap();
            if kept.is_empty() {
                assert!(answers.iter().all(Answer::is_ended), "{name}: nothing came");
            }
            for event in kept.drain(..) {
                let answer = &mut answers[event.token() as usize];
                answer.add(event.into_part());
            }
        }
        for answer in answers {
            assert_eq!(answer.good().body.len(), 2_000_000);
        }
    });
}

#[test]
fn a_callback_that_keeps_its_parts_stops_the_request() {
    each(|manager, name, get, port| {
        let kept: Arc<Mutex<Vec<Event>>> = Arc::default();
        let bytes = Arc::new(AtomicUsize::new(0));
        let mut request = get(port, &format!("/bytes/{BODY}"));
        request.credit(CREDIT);
        let (into, counted) = (Arc::clone(&kept), Arc::clone(&bytes));
        let handle = manager
            .submit(
                request,
                Delivery::Callback(Box::new(move |event| {
                    counted.fetch_add(event.part().credit(), Ordering::SeqCst);
                    into.lock().unwrap().push(event);
                })),
            )
            .unwrap();
        eventually(manager, "using the credit up", || {
            bytes.load(Ordering::SeqCst) >= CREDIT
        });
        wait_until_it_stands(manager);
        let held = bytes.load(Ordering::SeqCst);
        assert!((CREDIT..=CREDIT + READ).contains(&held), "{name}: {held}");
        while !handle.is_ended() {
            let events = std::mem::take(&mut *kept.lock().unwrap());
            assert!(self::held(&events) <= CREDIT + READ);
            drop(events);
            crate::kit::turn(manager);
        }
        assert_eq!(bytes.load(Ordering::SeqCst), BODY, "{name}");
    });
}

/// WebSocket messages count against the credit too, empty ones among them.
#[test]
fn websocket_messages_stop_at_the_credit() {
    let server = embedded::start(None).unwrap();
    let url = format!("ws://127.0.0.1:{}/ws", server.places().http);
    for drive in DRIVES {
        let manager = manager(drive);
        let mut request = Request::get(&url).unwrap();
        request.credit(6400);
        let request = submit(&manager, request);
        let opened = request.recv(soon()).unwrap();
        assert!(matches!(opened.part(), Part::Head(_)));
        for _ in 0..1000 {
            request
                .send(trunkline::Frame::Binary(Vec::new().into()))
                .unwrap();
        }
        wait_until_it_stands(&manager);
        let mut kept = Vec::new();
        keep(&request, &mut kept);
        assert!(held(&kept) <= 6400 + 64, "{drive:?}: {}", held(&kept));
        let mut count = kept.len();
        kept.clear();
        while count < 1000 {
            let event = request.recv(soon()).unwrap();
            count += usize::from(matches!(event.part(), Part::Frame(_)));
        }
    }
}

/// What cancelled streams had received goes back to the connection's window, or it would run dry.
#[test]
fn cancelled_streams_give_their_bytes_back() {
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    let manager = manager(Drive::Threads(1));
    // Three gibibytes: the connection's window holds two.
    for _ in 0..300 {
        let streams: Vec<_> = (0..10)
            .map(|_| {
                let mut request = get2(port, "/bytes/1048576");
                request.credit(1);
                submit(&manager, request)
            })
            .collect();
        for stream in &streams {
            stream.recv(soon()).unwrap();
        }
    }
    let body = fetch(&manager, get2(port, "/bytes/4000000")).good().body;
    assert_eq!(body.len(), 4_000_000);
}
