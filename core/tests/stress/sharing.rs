//! One manager and many threads: leaders and followers, submissions from everywhere, a shutdown in the midst of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use trunkline::{Delivery, Drive, ErrorCode, Request};
use trunkline_test_server::embedded;

use crate::alone;
use crate::kit::{self, Random, fetch, get, get2, rest, submit};

/// Alternates between the protocols.
fn ask(index: usize, port: u16, path: &str) -> Request {
    if index.is_multiple_of(2) {
        get(port, path)
    } else {
        get2(port, path)
    }
}

/// Whoever finds the reactor free runs it for all.
#[test]
fn twenty_threads_share_one_inline_manager() {
    let _alone = alone();
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    let manager = kit::manager(Drive::Inline);
    std::thread::scope(|scope| {
        for thread in 0..20 {
            let manager = &manager;
            scope.spawn(move || {
                let mut random = Random::new(thread);
                for index in 0..100 {
                    let length = random.below(30_000);
                    let answer = fetch(manager, ask(index, port, &format!("/bytes/{length}")));
                    assert_eq!(answer.good().body.len(), length);
                }
            });
        }
    });
    let now = manager.statistics();
    assert_eq!((now.requests_completed, now.requests_failed), (2000, 0));
}

/// Waiting with and without deadlines, as leader or follower: each comes back in time.
#[test]
fn followers_keep_their_deadlines() {
    let _alone = alone();
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    let manager = kit::manager(Drive::Inline);
    std::thread::scope(|scope| {
        for thread in 0..10_u64 {
            let manager = &manager;
            scope.spawn(move || {
                let request = submit(manager, get(port, "/hang"));
                for round in 0..10 {
                    let wait = Duration::from_millis(5 + (thread * 7 + round * 3) % 20);
                    let began = Instant::now();
                    let error = request.recv(Some(began + wait)).unwrap_err();
                    assert_eq!(error.code(), ErrorCode::Timeout);
                    let took = began.elapsed();
                    assert!(
                        took >= wait && took < wait + Duration::from_secs(2),
                        "{took:?}"
                    );
                }
                request.cancel();
                assert_eq!(rest(&request).code(), ErrorCode::Cancelled);
            });
        }
    });
}

/// Ten threads submit to the queue, two others take from it.
#[test]
fn submissions_from_many_threads() {
    let _alone = alone();
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    for drive in [Drive::Threads(1), Drive::Threads(3), Drive::Inline] {
        let manager = kit::manager(drive);
        let ends: Arc<Vec<AtomicUsize>> =
            Arc::new((0..2000).map(|_| AtomicUsize::new(0)).collect());
        let left = AtomicUsize::new(2000);
        std::thread::scope(|scope| {
            for thread in 0..10 {
                let manager = &manager;
                scope.spawn(move || {
                    for index in 0..200 {
                        let token = (thread * 200 + index) as u64;
                        let request = ask(index, port, "/bytes/3000");
                        manager.submit(request, Delivery::Queue { token }).unwrap();
                    }
                });
            }
            for _ in 0..2 {
                scope.spawn(|| {
                    let until = Instant::now() + kit::PATIENCE;
                    while left.load(Ordering::SeqCst) > 0 {
                        assert!(Instant::now() < until, "{drive:?}: {left:?} are left");
                        let mut batch = Vec::new();
                        manager.poll(&mut batch, 50, kit::after(20)).unwrap();
                        for event in batch {
                            if event.is_terminal() {
                                assert!(matches!(event.part(), trunkline::Part::Done(_)));
                                ends[event.token() as usize].fetch_add(1, Ordering::SeqCst);
                                left.fetch_sub(1, Ordering::SeqCst);
                            }
                        }
                    }
                });
            }
        });
        assert!(ends.iter().all(|end| end.load(Ordering::SeqCst) == 1));
    }
}

/// While threads submit and wait, the manager is shut down: every request that was accepted has its end.
#[test]
fn shutdown_while_busy() {
    let _alone = alone();
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    for round in 0..30 {
        for drive in [Drive::Threads(2), Drive::Inline] {
            let manager = kit::manager(drive);
            let accepted = AtomicUsize::new(0);
            let ended = AtomicUsize::new(0);
            std::thread::scope(|scope| {
                for _ in 0..6 {
                    scope.spawn(|| {
                        for index in 0.. {
                            let request = ask(index, port, "/bytes/20000");
                            match manager.submit(request, Delivery::Recv) {
                                Ok(handle) => {
                                    accepted.fetch_add(1, Ordering::SeqCst);
                                    let answer = rest(&handle);
                                    if let Some(error) = &answer.error {
                                        assert_eq!(error.code(), ErrorCode::Shutdown, "{error}");
                                    }
                                    ended.fetch_add(1, Ordering::SeqCst);
                                }
                                Err(error) => {
                                    assert_eq!(error.code(), ErrorCode::Closed);
                                    return;
                                }
                            }
                        }
                    });
                }
                std::thread::sleep(Duration::from_millis(3 + round % 5));
                let began = Instant::now();
                let patience = Duration::from_millis(round % 3);
                manager.shutdown(Instant::now() + patience).unwrap();
                assert!(
                    began.elapsed() < Duration::from_secs(5),
                    "{:?}",
                    began.elapsed()
                );
            });
            assert_eq!(accepted.into_inner(), ended.into_inner());
            assert_eq!(manager.statistics().requests_active, 0);
        }
    }
}
