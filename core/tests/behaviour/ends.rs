//! One end: whatever happens to a request, it delivers one terminal part, and nothing after it.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use trunkline::{Delivery, Drive, ErrorCode, Manager, Part};
use trunkline_test_server::embedded;

use crate::kit::stages::{Stage, stage, stages};
use crate::kit::{
    Answer, DRIVES, eventually, fetch, finish, get, manager, peer, rest, settle, submit,
};

fn each_stage(run: impl Fn(Stage, Drive)) {
    let server = embedded::start(None).unwrap();
    for drive in DRIVES {
        for (name, setup) in stages() {
            run(stage(name, setup, drive, server.places().http), drive);
        }
    }
}

/// The end of a request whose first parts may have been taken.
fn end(stage: &Stage) -> Answer {
    let mut answer = Answer::default();
    if stage.name.contains("receive") || stage.name == "websocket" {
        // Its head was taken when it was brought here.
        answer.head = Some(trunkline::Head {
            status: http::StatusCode::OK,
            version: http::Version::HTTP_11,
            headers: http::HeaderMap::new(),
        });
    }
    finish(&stage.request, &mut answer);
    answer
}

#[test]
fn cancel_ends_a_request_at_every_stage() {
    each_stage(|stage, drive| {
        stage.request.cancel();
        stage.request.cancel();
        let code = end(&stage).code();
        let may_have_failed = stage.name == "resolve" && code == ErrorCode::ResolveFailed;
        assert!(
            code == ErrorCode::Cancelled || may_have_failed,
            "{} {drive:?}: {code:?}",
            stage.name
        );
        stage.request.cancel();
        if let Some(other) = &stage.other {
            assert_eq!(rest(other).good().status(), 200);
        }
        eventually(&stage.manager, "the end of all requests", || {
            let now = stage.manager.statistics();
            now.requests_active == 0
                && now.streams_active == 0
                && now.connections_active
                    == now.connections_idle + u64::from(now.streams_opened > 0)
        });
    });
}

#[test]
fn close_ends_a_request_at_every_stage() {
    each_stage(|stage, drive| {
        stage.manager.close();
        let code = end(&stage).code();
        let may_have_failed = stage.name == "resolve" && code == ErrorCode::ResolveFailed;
        assert!(
            code == ErrorCode::Shutdown || may_have_failed,
            "{} {drive:?}: {code:?}",
            stage.name
        );
        if let Some(other) = &stage.other {
            assert_eq!(rest(other).code(), ErrorCode::Shutdown);
        }
        let refused = stage
            .manager
            .submit(get(1, "/"), Delivery::Recv)
            .unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Closed);
    });
}

#[test]
fn shutdown_ends_a_request_at_every_stage() {
    each_stage(|stage, drive| {
        let began = Instant::now();
        stage.manager.shutdown(Instant::now()).unwrap();
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{} {drive:?} took {:?}",
            stage.name,
            began.elapsed()
        );
        let code = end(&stage).code();
        let may_have_failed = stage.name == "resolve" && code == ErrorCode::ResolveFailed;
        assert!(
            code == ErrorCode::Shutdown || may_have_failed,
            "{} {drive:?}: {code:?}",
            stage.name
        );
        let now = stage.manager.statistics();
        assert_eq!(now.requests_active, 0, "{} {drive:?}", stage.name);
        assert_eq!(now.connections_active, 0, "{} {drive:?}", stage.name);
        // Again, and after the end: nothing happens.
        stage.manager.shutdown(Instant::now()).unwrap();
        stage.manager.close();
    });
}

#[test]
fn dropping_the_manager_ends_a_request_at_every_stage() {
    each_stage(|stage, drive| {
        let Stage {
            name,
            manager,
            request,
            ..
        } = stage;
        drop(manager);
        let mut last = None;
        while let Ok(event) = request.recv(Some(Instant::now())) {
            assert!(last.is_none(), "{event:?} after {last:?}");
            if let Part::Error(error) = event.part() {
                last = Some(error.code());
            }
        }
        assert!(
            matches!(last, Some(ErrorCode::Shutdown | ErrorCode::ResolveFailed)),
            "{name} {drive:?}: {last:?}"
        );
        assert_eq!(
            request.recv(None).unwrap_err().code(),
            ErrorCode::EndOfParts
        );
        request.cancel();
    });
}

#[test]
fn a_lost_connection_ends_every_request_on_it() {
    for drive in DRIVES {
        let manager = manager(drive);
        let mut count = 0;
        for sent in [
            "",
            "HTTP/1.1 2",
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nfour",
        ] {
            for reset in [false, true] {
                let port = peer::peer(move |mut stream, _| {
                    peer::read_head(&mut stream);
                    stream.write_all(sent.as_bytes()).unwrap();
                    if reset {
                        rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))
                            .unwrap();
                    }
                });
                let answer = fetch(&manager, get(port, "/"));
                assert!(
                    matches!(
                        answer.code(),
                        ErrorCode::ConnectionClosed | ErrorCode::ConnectionReset
                    ),
                    "{sent:?} {reset} {:?}",
                    answer.error
                );
                count += 1;
            }
        }
        assert_eq!(manager.statistics().requests_failed, count);
        assert_eq!(manager.statistics().requests_active, 0);
    }
}

/// Every delivery counts the ends: cancelled before and after anything came, in the queue and by callback.
#[test]
fn each_delivery_hears_one_end() {
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    for drive in DRIVES {
        let manager = manager(drive);
        let ends: Arc<Vec<AtomicUsize>> = Arc::new((0..100).map(|_| AtomicUsize::new(0)).collect());
        for index in 0..100_usize {
            let path = if index % 2 == 0 {
                "/bytes/100000"
            } else {
                "/hang"
            };
            let delivery = if index % 4 < 2 {
                let ends = Arc::clone(&ends);
                Delivery::Callback(Box::new(move |event| {
                    let before = ends[index].load(Ordering::SeqCst);
                    assert_eq!(before, 0, "{event:?}");
                    ends[index].fetch_add(usize::from(event.is_terminal()), Ordering::SeqCst);
                }))
            } else {
                Delivery::Queue {
                    token: index as u64,
                }
            };
            let handle = manager.submit(get(port, path), delivery).unwrap();
            if index % 3 == 0 || path == "/hang" {
                handle.cancel();
            }
        }
        let until = Instant::now() + Duration::from_secs(20);
        while ends.iter().any(|end| end.load(Ordering::SeqCst) == 0) {
            assert!(Instant::now() < until, "{ends:?}");
            collect(&manager, &ends);
        }
        for _ in 0..20 {
            collect(&manager, &ends);
        }
        assert!(ends.iter().all(|end| end.load(Ordering::SeqCst) == 1));
    }
}

fn collect(manager: &Manager, ends: &[AtomicUsize]) {
    let mut batch = Vec::new();
    let until = Instant::now() + Duration::from_millis(2);
    manager.poll(&mut batch, 16, Some(until)).unwrap();
    for event in batch {
        let end = &ends[event.token() as usize];
        assert_eq!(end.load(Ordering::SeqCst), 0, "{event:?} after the end");
        end.fetch_add(usize::from(event.is_terminal()), Ordering::SeqCst);
    }
}

#[test]
fn a_handle_may_be_dropped_at_every_stage() {
    each_stage(|stage, _| {
        let Stage {
            manager, request, ..
        } = stage;
        drop(request);
        settle(&manager, 2);
        eventually(&manager, "the end of the dropped request", || {
            let now = manager.statistics();
            now.requests_active
                == now.requests_submitted - now.requests_failed - now.requests_completed
                && now.requests_failed + now.requests_completed >= 1
        });
        let server = peer::peer(|mut stream, _| peer::answer_all(&mut stream, peer::OK));
        let answer = rest(&submit(&manager, get(server, "/")));
        assert_eq!(answer.good().body, b"ok");
    });
}
