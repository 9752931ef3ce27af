//! A WebSocket that is lost and opened again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use trunkline::{
    Delivery, ErrorCode, Frame, Manager, Part, Request, RequestHandle, WebSocketReconnect,
};

use crate::kit::manager;
use crate::peer::{ALL, Answers, FIN, Over, request, start, start_with};
use crate::{close, done, error, frame, opened, part, text};

fn reconnecting(over: Over, port: u16) -> Request {
    let mut request = request(over, port);
    request.policy().websocket_reconnect = Some(Some(WebSocketReconnect {
        delay: Duration::from_millis(1),
        resume: Some(Arc::new(|head| {
            assert!(head.status == 101 || head.status == 200);
            vec![text("resume")]
        })),
        ..Default::default()
    }));
    request
}

fn submit(manager: &Manager, request: Request) -> RequestHandle {
    manager.submit(request, Delivery::Recv).unwrap()
}

#[test]
fn it_is_open_again_and_says_so() {
    let server = start(|mut wire, number| async move {
        if number % 2 == 0 {
            wire.frame(FIN | 1, b"first").await;
            assert_eq!(wire.next().await.unwrap().1, b"go");
            wire.abort();
            return;
        }
        assert_eq!(wire.next().await.unwrap().1, b"resume");
        wire.echo().await;
    });
    for (drive, over) in ALL {
        let manager = manager(drive);
        let socket = submit(&manager, reconnecting(over, server.port));
        opened(&socket);
        assert_eq!(frame(&socket), text("first"));
        socket.send(text("go")).unwrap();
        let again = part(&socket);
        assert!(
            matches!(again, Part::Reconnected(_)),
            "{again:?} over {over:?}"
        );
        socket.send(text("hello")).unwrap();
        assert_eq!(frame(&socket), text("hello"));
        socket.send(close(1000)).unwrap();
        assert_eq!(frame(&socket), close(1000));
        done(&socket);
    }
}

#[test]
fn what_is_sent_meanwhile_follows_the_resume() {
    // The peer asks to come again, and refuses once.
    let answers = Answers::default();
    let server = start_with(answers, |mut wire, number| async move {
        if number % 2 == 0 {
            wire.close(1012).await;
            wire.close_code().await;
            return;
        }
        for expected in ["resume", "queued", "too"] {
            assert_eq!(wire.next().await.unwrap().1, expected.as_bytes());
        }
        wire.close(1000).await;
        wire.close_code().await;
    });
    for (drive, over) in ALL {
        let manager = manager(drive);
        let mut request = reconnecting(over, server.port);
        if let Some(Some(how)) = &mut request.policy().websocket_reconnect {
            how.delay = Duration::from_millis(200);
            how.queue = 140;
        }
        let socket = submit(&manager, request);
        opened(&socket);
        assert_eq!(frame(&socket), close(1012));
        let until = Instant::now() + Duration::from_secs(10);
        // Open for sending as soon as the loss was noticed.
        while let Err(refused) = socket.send(text("queued")) {
            assert_eq!(refused.code(), ErrorCode::InvalidState);
            assert!(Instant::now() < until);
            let _ = socket.recv(Some(Instant::now() + Duration::from_millis(1)));
        }
        socket.send(text("too")).unwrap();
        let full = socket.send(text("much")).unwrap_err();
        assert_eq!(full.code(), ErrorCode::Again);
        let again = part(&socket);
        assert!(
            matches!(again, Part::Reconnected(_)),
            "{again:?} over {over:?}"
        );
        // There is room again, and a clean close is the end.
        assert!(matches!(part(&socket), Part::Writable));
        assert_eq!(frame(&socket), close(1000));
        done(&socket);
    }
}

#[test]
fn attempts_are_counted_in_a_row() {
    for (drive, over) in ALL {
        let server = start(|wire, _| async move { wire.abort() });
        let manager = manager(drive);
        let mut request = reconnecting(over, server.port);
        if let Some(Some(how)) = &mut request.policy().websocket_reconnect {
            how.max_attempts = 0;
        }
        let socket = submit(&manager, request);
        opened(&socket);
        error(&socket);
    }
    // One that is refused each time it comes back ends with that.
    for (drive, over) in ALL {
        let server = start(|wire, _| async move { wire.abort() });
        let manager = manager(drive);
        let mut request = reconnecting(over, server.port);
        if let Some(Some(how)) = &mut request.policy().websocket_reconnect {
            how.max_attempts = 3;
        }
        let socket = submit(&manager, request);
        opened(&socket);
        // Each time it was open the count begins anew.
        for _ in 0..10 {
            assert!(matches!(part(&socket), Part::Reconnected(_)));
        }
        socket.cancel();
        assert_eq!(error(&socket).code(), ErrorCode::Cancelled);
    }
}

#[test]
fn refusals_while_it_is_opened_again_are_not_delivered() {
    for (drive, over) in ALL {
        // The first is opened, then nobody is.
        let server = start(|mut wire, number| async move {
            if number > 0 {
                wire.frame(FIN | 8, &[]).await;
            }
            wire.abort();
        });
        let refusing = start_with(
            Answers {
                refuses: usize::MAX,
                ..Default::default()
            },
            |_, _| async {},
        );
        let manager = manager(drive);
        // Refused at first: that is the whole answer, and no reconnect.
        let socket = submit(&manager, reconnecting(over, refusing.port));
        assert_eq!(opened(&socket).status, 503);
        assert_eq!(error(&socket).code(), ErrorCode::WebSocketRejected);
        let socket = submit(&manager, reconnecting(over, server.port));
        opened(&socket);
        assert!(matches!(part(&socket), Part::Reconnected(_)));
        let last = part(&socket);
        assert!(
            matches!(
                last,
                Part::Frame(Frame::Close(None, _)) | Part::Reconnected(_)
            ),
            "{last:?}"
        );
    }
}
