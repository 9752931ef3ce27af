//! A function that answers frames.

use std::sync::mpsc::channel;
use std::time::Duration;

use trunkline::{Delivery, Drive, Frame, FrameAnswer, Manager, Part};

use crate::kit::{PATIENCE, manager, options};
use crate::peer::{ALL, FIN, Over, request, start};
use crate::{close, text};

/// Lets an inline manager run until something comes.
fn hear<T>(manager: &Manager, drive: Drive, from: &std::sync::mpsc::Receiver<T>) -> T {
    let until = std::time::Instant::now() + PATIENCE;
    loop {
        if drive == Drive::Inline {
            let soon = std::time::Instant::now() + Duration::from_millis(5);
            manager.poll(&mut Vec::new(), 1, Some(soon)).unwrap();
        }
        match from.recv_timeout(Duration::from_millis(1)) {
            Ok(heard) => return heard,
            Err(_) => assert!(std::time::Instant::now() < until, "nothing was heard"),
        }
    }
}

#[test]
fn answers_go_on_send_and_halt() {
    let server = start(|mut wire, _| async move {
        for word in ["skip", "ask", "halt", "too late"] {
            wire.frame(FIN | 1, word.as_bytes()).await;
        }
        assert_eq!(wire.next().await.unwrap(), (FIN | 1, b"hello".to_vec()));
        assert_eq!(wire.next().await.unwrap(), (FIN | 2, b"one".to_vec()));
        assert_eq!(wire.next().await.unwrap(), (FIN | 9, b"two".to_vec()));
        assert_eq!(wire.next().await.unwrap(), (FIN | 1, b"last".to_vec()));
        assert_eq!(wire.close_code().await, Some(1000));
        wire.close(1000).await;
    });
    for (drive, over) in ALL {
        let manager = manager(drive);
        let (say, heard) = channel();
        let delivery = Delivery::answered(move |part| match part {
            Part::Head(_) => FrameAnswer::Send(vec![text("hello")]),
            Part::Frame(Frame::Text(word)) => match &word[..] {
                b"skip" => FrameAnswer::Continue,
                b"ask" => {
                    FrameAnswer::Send(vec![Frame::Binary("one".into()), Frame::Ping("two".into())])
                }
                b"halt" => FrameAnswer::HaltWith(vec![text("last")]),
                other => panic!("{other:?} after the halt"),
            },
            Part::Done(_) | Part::Error(_) => {
                say.send(matches!(part, Part::Done(_))).unwrap();
                FrameAnswer::Continue
            }
            _ => FrameAnswer::Continue,
        });
        let socket = manager
            .submit(request(over, server.port), delivery)
            .unwrap();
        assert!(hear(&manager, drive, &heard), "{over:?}");
        assert!(socket.is_ended());
    }
}

#[test]
fn a_close_of_its_own_stands() {
    let server = start(|mut wire, _| async move {
        wire.frame(FIN | 2, b"text is wanted").await;
        assert_eq!(wire.close_code().await, Some(1003));
        wire.close(1003).await;
    });
    for (drive, over) in ALL {
        let manager = manager(drive);
        let (say, heard) = channel();
        let delivery = Delivery::answered(move |part| match part {
            Part::Frame(Frame::Binary(_)) => FrameAnswer::HaltWith(vec![close(1003)]),
            Part::Done(_) => {
                say.send(()).unwrap();
                FrameAnswer::Continue
            }
            _ => FrameAnswer::Continue,
        });
        let _socket = manager
            .submit(request(over, server.port), delivery)
            .unwrap();
        hear(&manager, drive, &heard);
    }
}

#[test]
fn answers_beyond_the_queue_wait_and_hold_the_peer_up() {
    // The server reads nothing before it has sent all: answers pile up, and none is lost.
    const MESSAGES: usize = 2000;
    let (say, heard) = channel();
    let server = start(move |mut wire, _| {
        let say = say.clone();
        async move {
            for _ in 0..MESSAGES {
                wire.frame(FIN | 1, b"ask").await;
            }
            for number in 0..MESSAGES {
                let (first, payload) = wire.next().await.unwrap();
                assert_eq!((first, payload.len()), (FIN | 2, 1000), "answer {number}");
            }
            say.send(()).unwrap();
        }
    });
    for drive in [Drive::Inline, Drive::Threads(1)] {
        let mut options = options(drive);
        options.websocket_send_buffer = 10_000;
        let manager = Manager::new(options).unwrap();
        let delivery = Delivery::answered(|part| match part {
            Part::Frame(Frame::Text(_)) => {
                FrameAnswer::Send(vec![Frame::Binary(vec![0; 1000].into())])
            }
            _ => FrameAnswer::Continue,
        });
        let request = request(Over::Http1, server.port);
        let _socket = manager.submit(request, delivery).unwrap();
        hear(&manager, drive, &heard);
    }
}
