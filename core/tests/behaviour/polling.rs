//! The manager's queue: several pollers, its descriptor, its end.

use std::os::fd::BorrowedFd;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use trunkline::{Delivery, Drive, ErrorCode, Event, Manager};
use trunkline_test_server::embedded;

use crate::kit::{DRIVES, PATIENCE, get, manager, submit};

fn readable(descriptor: i32, wait: Duration) -> bool {
    // SAFETY: the manager that owns the descriptor outlives the call.
    #[allow(unsafe_code)]
    let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
    let mut polled = [PollFd::new(&descriptor, PollFlags::IN)];
    let wait = rustix::time::Timespec {
        tv_sec: wait.as_secs() as i64,
        tv_nsec: i64::from(wait.subsec_nanos()),
    };
    rustix::event::poll(&mut polled, Some(&wait)).unwrap() > 0
}

/// A host that watches only the descriptor sees every request to its end.
#[test]
fn the_descriptor_says_when_to_poll() {
    let server = embedded::start(None).unwrap();
    for drive in DRIVES {
        let manager = manager(drive);
        let descriptor = manager.descriptor().unwrap();
        for _ in 0..20 {
            for token in 0..5 {
                let request = get(server.places().http, "/bytes/200000");
                manager.submit(request, Delivery::Queue { token }).unwrap();
            }
            let mut ended = 0;
            while ended < 5 {
                assert!(readable(descriptor, PATIENCE), "{drive:?}");
                loop {
                    let mut batch = Vec::new();
                    let count = manager.poll(&mut batch, 3, Some(Instant::now())).unwrap();
                    ended += batch.iter().filter(|event| event.is_terminal()).count();
                    if count == 0 {
                        break;
                    }
                }
            }
        }
        while readable(descriptor, Duration::ZERO) {
            assert_eq!(
                manager
                    .poll(&mut Vec::new(), 9, Some(Instant::now()))
                    .unwrap(),
                0
            );
        }
    }
}

/// Timers show at the descriptor too: of the inline drive nobody runs the reactor otherwise.
#[test]
fn deadlines_show_at_the_descriptor() {
    let port = crate::kit::peer::silent();
    for drive in DRIVES {
        let manager = manager(drive);
        let descriptor = manager.descriptor().unwrap();
        let mut request = get(port, "/");
        request.timeouts().total = Some(Some(Duration::from_millis(60)));
        manager
            .submit(request, Delivery::Queue { token: 1 })
            .unwrap();
        let mut batch = Vec::new();
        while batch.is_empty() {
            assert!(readable(descriptor, PATIENCE), "{drive:?}");
            manager.poll(&mut batch, 9, Some(Instant::now())).unwrap();
        }
        assert!(batch[0].is_terminal());
    }
}

/// Each of several threads waits for one event: none sleeps on while there are some.
#[test]
fn several_pollers_share_the_queue() {
    let server = embedded::start(None).unwrap();
    for drive in DRIVES {
        let manager = manager(drive);
        for _ in 0..30 {
            let (sender, receiver) = channel();
            for _ in 0..6 {
                let (manager, sender) = (manager.clone(), sender.clone());
                std::thread::spawn(move || {
                    let mut batch = Vec::new();
                    let count = manager.poll(&mut batch, 1, None).unwrap();
                    sender.send((count, batch.len())).unwrap();
                });
            }
            std::thread::sleep(Duration::from_millis(2));
            // Head, data, done: three events each.
            for token in 0..2 {
                let request = get(server.places().http, "/bytes/10");
                manager.submit(request, Delivery::Queue { token }).unwrap();
            }
            for index in 0..6 {
                let got = receiver.recv_timeout(Duration::from_secs(5));
                assert_eq!(got, Ok((1, 1)), "{drive:?}: poller {index}");
            }
        }
    }
}

/// Whoever waits in `poll` for ever hears of the shutdown.
#[test]
fn shutdown_ends_a_poll_that_waits() {
    for drive in DRIVES {
        let manager = manager(drive);
        let (sender, receiver) = channel();
        let polling = manager.clone();
        std::thread::spawn(move || {
            let result = polling.poll(&mut Vec::new(), 1, None);
            sender.send(result.map_err(|error| error.code())).unwrap();
        });
        std::thread::sleep(Duration::from_millis(30));
        let (ended, end) = channel();
        let closing = manager.clone();
        std::thread::spawn(move || ended.send(closing.shutdown(Instant::now()).unwrap()));
        assert_eq!(
            end.recv_timeout(Duration::from_secs(5)),
            Ok(true),
            "{drive:?}"
        );
        let polled = receiver.recv_timeout(Duration::from_secs(5));
        assert_eq!(polled, Ok(Err(ErrorCode::Closed)), "{drive:?}");
        let after = manager.poll(&mut Vec::new(), 1, None).unwrap_err();
        assert_eq!(after.code(), ErrorCode::Closed, "{drive:?}");
    }
}

/// What was delivered before the shutdown can still be taken after it.
#[test]
fn events_outlive_the_shutdown() {
    let port = crate::kit::peer::silent();
    for drive in DRIVES {
        let manager = manager(drive);
        for token in 0..10 {
            manager
                .submit(get(port, "/"), Delivery::Queue { token })
                .unwrap();
        }
        assert!(!manager.shutdown(Instant::now()).unwrap());
        let mut batch = Vec::new();
        while batch.len() < 10 {
            manager.poll(&mut batch, 3, Some(Instant::now())).unwrap();
        }
        assert!(batch.iter().all(|event| event.is_terminal()));
        let after = manager
            .poll(&mut batch, 3, Some(Instant::now()))
            .unwrap_err();
        assert_eq!(after.code(), ErrorCode::Closed, "{drive:?}");
    }
}

/// A shutdown waits for what runs, and is told whether that was enough.
#[test]
fn shutdown_lets_requests_finish() {
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    for drive in DRIVES {
        let manager = manager(drive);
        let short = submit(&manager, get(port, "/delay/100"));
        assert!(
            manager.shutdown(Instant::now() + PATIENCE).unwrap(),
            "{drive:?}"
        );
        assert_eq!(crate::kit::rest(&short).good().status(), 200);
        let refused = manager.submit(get(port, "/"), Delivery::Recv);
        assert_eq!(refused.unwrap_err().code(), ErrorCode::Closed);
    }
    let refused = Manager::new(trunkline::ManagerOptions {
        drive: Drive::Threads(0),
        ..Default::default()
    });
    assert_eq!(refused.unwrap_err().code(), ErrorCode::InvalidArgument);
}

/// What a host does quietly does not show at the descriptor; it is done by the flush or the poll that the host owes.
#[test]
fn what_is_done_quietly_waits_for_the_flush() {
    let server = embedded::start(None).unwrap();
    let manager = manager(Drive::Inline);
    let descriptor = manager.descriptor().unwrap();
    for flushed in [true, false] {
        while readable(descriptor, Duration::ZERO) {
            manager
                .poll(&mut Vec::new(), 9, Some(Instant::now()))
                .unwrap();
        }
        let request = get(server.places().http, "/bytes/10");
        manager
            .quietly(|| manager.submit(request, Delivery::Queue { token: 1 }))
            .unwrap();
        assert!(!readable(descriptor, Duration::ZERO));
        if flushed {
            manager.flush().unwrap();
        }
        let mut batch = Vec::new();
        while !batch
            .iter()
            .any(|event: &trunkline::Event| event.is_terminal())
        {
            manager
                .poll(&mut batch, 9, Some(Instant::now() + PATIENCE))
                .unwrap();
        }
    }
}

fn has_ended(batch: &[Event]) -> bool {
    batch.iter().any(|event| event.is_terminal())
}

/// A host that looks before it sleeps is given the same, and is told as soon as it has something else to do.
#[test]
fn a_host_may_look_before_it_sleeps() {
    let server = embedded::start(None).unwrap();
    for drive in DRIVES {
        let manager = manager(drive);
        let descriptor = manager.descriptor().unwrap();
        assert_eq!(manager.may_look(), matches!(drive, Drive::Inline));
        let mut looks = 0;
        for token in 0..50 {
            let request = get(server.places().http, "/bytes/100");
            manager.submit(request, Delivery::Queue { token }).unwrap();
            let mut batch = Vec::new();
            while !has_ended(&batch) {
                // The host has something else to do each time that it is asked, every other time.
                let busy = || token % 2 == 0;
                looks += manager.look(&mut batch, 9, busy).unwrap();
                if !has_ended(&batch) {
                    assert!(readable(descriptor, PATIENCE), "{drive:?}");
                    manager.poll(&mut batch, 9, Some(Instant::now())).unwrap();
                }
            }
            assert!(batch.iter().all(|event| event.token() == token));
        }
        assert!(matches!(drive, Drive::Threads(_)) || looks > 0);
        // What nobody answers is looked for in vain, and soon no more.
        let silent = get(crate::kit::peer::silent(), "/");
        manager
            .submit(silent, Delivery::Queue { token: 0 })
            .unwrap();
        let mut tries = 0;
        while manager.may_look() {
            assert_eq!(manager.look(&mut Vec::new(), 9, || false).unwrap(), 0);
            tries += 1;
            assert!(tries < 20);
        }
        assert_eq!(tries > 0, matches!(drive, Drive::Inline));
        manager.shutdown(Instant::now()).unwrap();
        let mut rest = Vec::new();
        let ended = loop {
            match manager.look(&mut rest, 9, || false) {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(ended.code(), ErrorCode::Closed);
    }
}
