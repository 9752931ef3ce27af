//! Pings, keep-alive, closing and shutting down.

use std::time::{Duration, Instant};

use trunkline::{Delivery, ErrorCode, Manager, ManualClock, Part};

use crate::kit::{after, manager, options};
use crate::peer::{ALL, Answers, FIN, open, request, start, start_with};
use crate::{close, done, error, frame, opened, part, text};

#[test]
fn pings_are_measured() {
    let server = start(|mut wire, _| async move { wire.echo().await });
    for (drive, over) in ALL {
        let manager = manager(drive);
        let socket = open(&manager, over, server.port);
        opened(&socket);
        assert_eq!(socket.latency(), None);
        let first = socket.ping().unwrap();
        let second = socket.ping().unwrap();
        assert_ne!(first, second);
        for number in [first, second] {
            let Part::Latency(latency) = part(&socket) else {
                panic!("no latency over {over:?}")
            };
            assert_eq!(latency.ping, number);
            assert!(latency.round_trip > Duration::ZERO && socket.latency().is_some());
        }
    }
}

#[test]
fn a_silent_peer_is_found_out() {
    // It reads, and says nothing.
    let server = start(|mut wire, _| async move {
        let (first, _) = wire.next().await.unwrap();
        assert_eq!(first, FIN | 9);
        assert_eq!(wire.close_code().await, Some(1011));
        wire.abort();
    });
    for (drive, over) in ALL {
        let mut options = options(drive);
        options.policy.websocket_ping_interval = Some(Duration::from_secs(30));
        options.policy.websocket_ping_timeout = Some(Duration::from_secs(5));
        let clock = ManualClock::new();
        let manager = Manager::with_clock(options, &clock).unwrap();
        let socket = open(&manager, over, server.port);
        opened(&socket);
        let nothing = || {
            assert_eq!(
                socket.recv(after(30)).unwrap_err().code(),
                ErrorCode::Timeout
            );
        };
        nothing();
        clock.advance(Duration::from_secs(30));
        nothing();
        clock.advance(Duration::from_secs(4));
        nothing();
        clock.advance(Duration::from_secs(1));
        assert_eq!(error(&socket).code(), ErrorCode::IdleTimeout, "{over:?}");
    }
}

#[test]
fn a_peer_that_answers_is_pinged_again_and_the_caller_hears_nothing() {
    let server = start(|mut wire, _| async move {
        for _ in 0..3 {
            let (first, payload) = wire.next().await.unwrap();
            assert_eq!(first, FIN | 9);
            wire.frame(FIN | 0x0a, &payload).await;
        }
        wire.close(1000).await;
        wire.close_code().await;
    });
    for (drive, over) in ALL {
        let manager = manager(drive);
        let mut request = request(over, server.port);
        request.policy().websocket_ping_interval = Some(Some(Duration::from_millis(5)));
        let socket = manager.submit(request, Delivery::Recv).unwrap();
        opened(&socket);
        assert_eq!(frame(&socket), close(1000), "{over:?}");
        assert!(socket.latency().is_some());
        done(&socket);
    }
}

#[test]
fn late_answers_to_the_librarys_own_pings_are_not_the_callers() {
    let server = start(|mut wire, _| async move {
        let (_, first) = wire.next().await.unwrap();
        wire.next().await.unwrap();
        wire.frame(FIN | 0x0a, &first).await;
        wire.close(1000).await;
        while wire.next().await.is_some_and(|(first, _)| first != FIN | 8) {}
    });
    for (drive, over) in ALL {
        let manager = manager(drive);
        let mut request = request(over, server.port);
        request.policy().websocket_ping_interval = Some(Some(Duration::from_millis(5)));
        request.policy().websocket_ping_timeout = Some(None);
        let socket = manager.submit(request, Delivery::Recv).unwrap();
        opened(&socket);
        assert_eq!(frame(&socket), close(1000), "{over:?}");
        done(&socket);
    }
}

#[test]
fn an_unanswered_close_ends_after_its_own_time() {
    let server = start(|mut wire, _| async move {
        wire.close_code().await;
        assert!(wire.is_over().await);
    });
    for (drive, over) in ALL {
        let manager = manager(drive);
        let mut request = request(over, server.port);
        request.policy().websocket_close_timeout = Some(Duration::from_millis(20));
        let socket = manager.submit(request, Delivery::Recv).unwrap();
        opened(&socket);
        socket.send(close(1000)).unwrap();
        let refused = socket.send(text("late")).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidState);
        let error = error(&socket);
        assert_eq!(error.code(), ErrorCode::ConnectionClosed);
        assert!(error.message().contains("20ms"), "{error}");
    }
}

#[test]
fn a_shutdown_says_goodbye() {
    let (say, hear) = std::sync::mpsc::channel();
    let server = start(move |mut wire, _| {
        let say = say.clone();
        async move {
            let _ = say.send(wire.close_code().await);
        }
    });
    for (drive, over) in ALL {
        let manager = manager(drive);
        let socket = open(&manager, over, server.port);
        opened(&socket);
        assert!(!manager.shutdown(Instant::now()).unwrap());
        assert_eq!(error(&socket).code(), ErrorCode::Shutdown);
        drop(manager);
        let code = hear.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(code, Some(1001), "{over:?}");
    }
}

#[test]
fn a_refused_one_gives_the_whole_answer() {
    let answers = Answers {
        refuses: usize::MAX,
        ..Default::default()
    };
    let server = start_with(answers, |_, _| async {});
    for (drive, over) in ALL {
        let manager = manager(drive);
        let socket = open(&manager, over, server.port);
        let head = opened(&socket);
        assert_eq!(
            (head.status.as_u16(), &head.headers["x-why"]),
            (503, &"load".parse().unwrap())
        );
        let Part::Data(body) = part(&socket) else {
            panic!("no body")
        };
        assert_eq!(body, "later");
        let error = error(&socket);
        assert_eq!(
            (error.code(), error.peer_code()),
            (ErrorCode::WebSocketRejected, Some(503))
        );
    }
}

#[test]
fn the_handshake_is_tried_again() {
    for (drive, over) in ALL {
        let answers = Answers {
            refuses: 1,
            ..Default::default()
        };
        let server = start_with(answers, |mut wire, _| async move { wire.echo().await });
        let manager = manager(drive);
        let mut request = request(over, server.port);
        request.policy().retry = Some(trunkline::Retry::SafeTransient);
        request.policy().retry_delay =
            Some(trunkline::DelayOption(Some(std::sync::Arc::new(|_| {
                Duration::ZERO
            }))));
        let socket = manager.submit(request, Delivery::Recv).unwrap();
        opened(&socket);
        socket.send(text("hello")).unwrap();
        assert_eq!(frame(&socket), text("hello"), "{over:?}");
    }
}
