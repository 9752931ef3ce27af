//! Every WebSocket ends at a random moment, or its peer does not read: the others notice nothing, and nothing stays.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use trunkline::{Delivery, ErrorCode, Frame, Part, RequestHandle, WebSocketReconnect};

use crate::alone;
use crate::crowd::held;
use crate::kit::{self, Random, eventually, manager, soon};
use crate::peer::{ALL, FIN, open, request, start};

/// Over each transport and with each drive.
const SOCKETS: usize = 1000;
const AT_ONCE: usize = 50;

fn text(payload: &'static str) -> Frame {
    Frame::Text(Bytes::from_static(payload.as_bytes()))
}

fn next(socket: &RequestHandle) -> Part {
    socket.recv(soon()).expect("a part in time").into_part()
}

/// Passes over what comes before a message.
fn hears(socket: &RequestHandle, expected: &Frame) {
    loop {
        match next(socket) {
            Part::Frame(frame) => return assert_eq!(&frame, expected),
            Part::Error(error) => panic!("{error}"),
            _ => {}
        }
    }
}

/// One that echoes ends in some way.
fn end(socket: RequestHandle, resumes: bool, random: &mut Random) {
    match random.below(5) {
        0 => socket.cancel(),
        1 => return drop(socket),
        2 => {
            socket.send(text("more")).unwrap();
            std::thread::yield_now();
            socket.cancel();
        }
        3 => {
            socket.send(text("die")).unwrap();
            if !resumes {
                assert!(matches!(next(&socket), Part::Error(_)));
                return;
            }
            assert!(matches!(next(&socket), Part::Reconnected(_)));
            socket.send(text("again")).unwrap();
            hears(&socket, &text("again"));
            socket.cancel();
        }
        _ => socket.send(Frame::Close(Some(1000), Bytes::new())).unwrap(),
    }
    loop {
        match next(&socket) {
            Part::Done(_) => return,
            Part::Error(error) => return assert_eq!(error.code(), ErrorCode::Cancelled),
            _ => {}
        }
    }
}

#[test]
fn a_thousand_that_end_at_random() {
    let _alone = alone();
    for (drive, over) in ALL {
        let before = held();
        let server = start(|mut wire, _| async move {
            while let Some((first, payload)) = wire.next().await {
                if payload == b"die" {
                    return wire.abort();
                }
                wire.frame(first, &payload).await;
                if first == FIN | 8 {
                    return;
                }
            }
        });
        let manager = manager(drive);
        let mut random = Random::new(44);
        for _ in 0..SOCKETS / AT_ONCE {
            let sockets: Vec<_> = (0..AT_ONCE)
                .map(|number| {
                    let mut request = request(over, server.port);
                    let resumes = number % 2 == 0;
                    request.policy().websocket_reconnect = Some(resumes.then(|| {
                        let delay = Duration::from_millis(1);
                        WebSocketReconnect {
                            delay,
                            ..Default::default()
                        }
                    }));
                    (manager.submit(request, Delivery::Recv).unwrap(), resumes)
                })
                .collect();
            for (socket, _) in &sockets {
                assert!(matches!(next(socket), Part::Head(_)));
                socket.send(text("hello")).unwrap();
            }
            for (socket, resumes) in sockets {
                hears(&socket, &text("hello"));
                end(socket, resumes, &mut random);
            }
        }
        eventually(&manager, "the return to rest", || {
            let now = manager.statistics();
            now.requests_active == 0 && now.streams_active == 0
        });
        assert!(manager.shutdown(Instant::now() + kit::PATIENCE).unwrap());
        let now = manager.statistics();
        assert_eq!((now.connections_active, now.connections_idle), (0, 0));
        assert_eq!(now.connections_opened, now.connections_closed, "{over:?}");
        drop(manager);
        // The server's own three stay: its poll, its waker and its listener.
        let until = Instant::now() + kit::PATIENCE;
        while held()
            .difference(&before)
            .filter(|it| it.contains("socket"))
            .count()
            > 3
        {
            assert!(Instant::now() < until, "{:?} stay open", held());
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_peer_that_does_not_read_holds_one_message_and_a_queue() {
    let _alone = alone();
    for (drive, over) in ALL {
        let free = Arc::new(tokio::sync::Notify::new());
        let freed = Arc::clone(&free);
        let server = start(move |mut wire, number| {
            let freed = Arc::clone(&freed);
            async move {
                if number == 0 {
                    freed.notified().await;
                } else {
                    wire.echo().await;
                }
            }
        });
        let manager = manager(drive);
        let stuck = open(&manager, over, server.port);
        assert!(matches!(next(&stuck), Part::Head(_)));
        let large = Frame::Binary(Bytes::from(vec![7; 16 << 20]));
        let mut taken = 0;
        for _ in 0..200 {
            match stuck.send(large.clone()) {
                Ok(()) => taken += 1,
                Err(error) => assert_eq!(error.code(), ErrorCode::Again),
            }
            kit::turn(&manager);
        }
        // One on its way, and one in the queue, which is longer than that alone.
        assert!((1..=2).contains(&taken), "{taken} over {over:?}");
        let other = open(&manager, over, server.port);
        assert!(matches!(next(&other), Part::Head(_)));
        for _ in 0..100 {
            other.send(text("hello")).unwrap();
            hears(&other, &text("hello"));
        }
        stuck.cancel();
        other.cancel();
        free.notify_one();
        eventually(&manager, "the end of both", || {
            manager.statistics().requests_active == 0
        });
    }
}
