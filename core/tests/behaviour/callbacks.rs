//! Never blocks: a callback may call everything that does not wait, and is told `busy` by what does.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use trunkline::{Delivery, ErrorCode, Manager, Part, Request, RequestHandle};
use trunkline_test_server::embedded;

use crate::kit::{DRIVES, PATIENCE, fetch, get, get2, manager, turn};

/// Turns the reactor, where nobody else does, until `receiver` has something.
fn wait<T>(manager: Option<&Manager>, receiver: &std::sync::mpsc::Receiver<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Ok(found) = receiver.recv_timeout(Duration::from_millis(1)) {
            return found;
        }
        assert!(
            Instant::now() < until,
            "the callback was not called in time"
        );
        if let Some(manager) = manager {
            turn(manager);
        }
    }
}

#[test]
fn waiting_calls_are_busy_inside_a_callback() {
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    for drive in DRIVES {
        let manager = manager(drive);
        let other = manager.submit(get(port, "/hang"), Delivery::Recv).unwrap();
        let (sender, receiver) = channel();
        let (inner, handle) = (manager.clone(), Arc::new(other));
        manager
            .submit(
                get(port, "/bytes/10"),
                Delivery::Callback(Box::new(move |event| {
                    if event.is_terminal() {
                        let codes = [
                            inner.shutdown(Instant::now()).err(),
                            inner.poll(&mut Vec::new(), 1, None).err(),
                            handle.recv(crate::kit::after(500)).err(),
                        ];
                        let _ = sender.send(codes.map(|error| error.map(|error| error.code())));
                    }
                })),
            )
            .unwrap();
        let [shutdown, poll, recv] = wait(Some(&manager), &receiver);
        assert_eq!(shutdown, Some(ErrorCode::Busy), "{drive:?}");
        assert_eq!(poll, Some(ErrorCode::Busy), "{drive:?}");
        assert_eq!(recv, Some(ErrorCode::Busy), "{drive:?}");
    }
}

/// Each request's end submits the next, from inside the callback.
fn chain(manager: &Manager, port: u16, left: usize, done: Sender<usize>) {
    let inner = manager.clone();
    let request = if left.is_multiple_of(2) {
        get(port, "/bytes/10")
    } else {
        get2(port, "/bytes/10")
    };
    manager
        .submit(
            request,
            Delivery::Callback(Box::new(move |event| match event.part() {
                Part::Done(_) if left > 0 => chain(&inner, port, left - 1, done.clone()),
                Part::Done(_) => done.send(left).unwrap(),
                Part::Error(error) => panic!("{error}"),
                _ => {}
            })),
        )
        .unwrap();
}

#[test]
fn a_callback_submits_the_next_request() {
    let server = embedded::start(None).unwrap();
    for drive in DRIVES {
        let manager = manager(drive);
        let (sender, receiver) = channel();
        chain(&manager, server.places().http, 200, sender);
        assert_eq!(wait(Some(&manager), &receiver), 0);
        assert_eq!(manager.statistics().requests_completed, 201);
    }
}

#[test]
fn a_callback_cancels_its_request_and_others() {
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    for drive in DRIVES {
        for get in [get, get2] {
            let manager = manager(drive);
            let (sender, receiver) = channel();
            let told = sender.clone();
            let other = manager
                .submit(
                    get(port, "/hang"),
                    Delivery::Callback(Box::new(move |event| {
                        told.send(("other", event.into_part())).unwrap();
                    })),
                )
                .unwrap()
                .control();
            manager
                .submit(
                    get(port, "/bytes/9000000"),
                    Delivery::Callback(Box::new(move |event| {
                        if let Part::Data(_) = event.part() {
                            event.control().cancel();
                            other.cancel();
                        } else {
                            sender.send(("own", event.into_part())).unwrap();
                        }
                    })),
                )
                .unwrap();
            let mut cancelled = Vec::new();
            while cancelled.len() < 2 {
                match wait(Some(&manager), &receiver) {
                    (who, Part::Error(error)) => {
                        assert_eq!(error.code(), ErrorCode::Cancelled);
                        cancelled.push(who);
                    }
                    ("own", Part::Head(_)) => {}
                    other => panic!("{other:?}"),
                }
            }
            cancelled.sort_unstable();
            assert_eq!(cancelled, ["other", "own"]);
            assert_eq!(fetch(&manager, get(port, "/bytes/5")).good().body.len(), 5);
        }
    }
}

#[test]
fn a_callback_closes_the_manager() {
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    for drive in DRIVES {
        let manager = manager(drive);
        let (sender, receiver) = channel();
        let inner = manager.clone();
        for _ in 0..5 {
            let (inner, sender) = (inner.clone(), sender.clone());
            manager
                .submit(
                    get(port, "/drip/100/5"),
                    Delivery::Callback(Box::new(move |event| {
                        if let Part::Data(_) = event.part() {
                            inner.close();
                        }
                        if let Part::Error(error) = event.part() {
                            sender.send(error.code()).unwrap();
                        }
                    })),
                )
                .unwrap();
        }
        for _ in 0..5 {
            assert_eq!(wait(Some(&manager), &receiver), ErrorCode::Shutdown);
        }
    }
}

/// The callback owns the last reference to its manager; when it is dropped, the manager goes from inside itself.
#[test]
fn a_callback_drops_the_last_manager() {
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    for drive in DRIVES {
        let manager = manager(drive);
        let (sender, receiver) = channel();
        let slot = Arc::new(Mutex::new(None::<Manager>));
        let (owned, told) = (Arc::clone(&slot), sender.clone());
        manager
            .submit(
                get(port, "/bytes/10"),
                Delivery::Callback(Box::new(move |event| {
                    if event.is_terminal() {
                        let last = owned.lock().unwrap().take();
                        drop(last);
                        told.send(None).unwrap();
                    }
                })),
            )
            .unwrap();
        let waiter: RequestHandle = manager.submit(get(port, "/hang"), Delivery::Recv).unwrap();
        *slot.lock().unwrap() = Some(manager);
        let thread = std::thread::spawn(move || {
            // Runs the reactor of the inline drive.
            let mut last = None;
            while let Ok(event) = waiter.recv(Some(Instant::now() + PATIENCE)) {
                last = Some(event.into_part());
            }
            sender.send(last).unwrap();
        });
        assert!(wait(None, &receiver).is_none());
        match wait(None, &receiver) {
            Some(Part::Error(error)) => assert_eq!(error.code(), ErrorCode::Shutdown),
            other => panic!("{drive:?}: {other:?}"),
        }
        thread.join().unwrap();
    }
}

#[test]
fn a_callback_writes_the_body_it_is_asked_for() {
    let server = embedded::start(None).unwrap();
    let url = format!("http://127.0.0.1:{}/upload", server.places().http);
    for drive in DRIVES {
        let manager = manager(drive);
        let (sender, receiver) = channel();
        let mut request = Request::new("POST", &url).unwrap();
        request.streamed_body(None);
        let mut left = 50;
        let mut write = move |control: &trunkline::Control| {
            while left > 0 {
                match control.write(vec![1; 100_000]) {
                    Ok(()) => left -= 1,
                    Err(error) => {
                        assert_eq!(error.code(), ErrorCode::Again);
                        return;
                    }
                }
            }
            control.finish(None).unwrap();
        };
        let mut first = write;
        let handle = manager
            .submit(
                request,
                Delivery::Callback(Box::new(move |event| match event.part() {
                    Part::Writable => write(&event.control()),
                    Part::Data(data) => sender.send(data.clone()).unwrap(),
                    Part::Error(error) => panic!("{error}"),
                    _ => {}
                })),
            )
            .unwrap();
        // Two of a hundred thousand fit; the first refusal is answered by a writable part, where the closure's own
        // count goes on from fifty.
        first(&handle);
        let body = wait(Some(&manager), &receiver);
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains("\"bytes\":5200000"), "{text}");
    }
}

/// A callback that panics loses its request, and nothing else.
#[test]
fn a_panic_in_a_callback_harms_nobody_else() {
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    for drive in DRIVES {
        for get in [get, get2] {
            let manager = manager(drive);
            let other = manager
                .submit(get(port, "/delay/100"), Delivery::Recv)
                .unwrap();
            manager
                .submit(
                    get(port, "/bytes/10"),
                    Delivery::Callback(Box::new(|_| panic!("the test's own"))),
                )
                .unwrap();
            assert_eq!(crate::kit::rest(&other).good().status(), 200);
            assert_eq!(fetch(&manager, get(port, "/bytes/5")).good().body.len(), 5);
            crate::kit::eventually(&manager, "the end of it", || {
                manager.statistics().requests_active == 0
            });
        }
    }
}
