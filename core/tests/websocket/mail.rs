//! WebSockets that share the manager's queue.

use std::time::Instant;

use trunkline::{Delivery, ErrorCode, Frame, Mail, Part};

use crate::kit::{PATIENCE, manager, soon};
use crate::peer::{ALL, FIN, request, start};
use crate::{close, text};

/// What a WebSocket read in its mailbox.
#[derive(Debug, Default, PartialEq)]
struct Read {
    frames: Vec<Frame>,
    others: usize,
    failed: Option<ErrorCode>,
}

#[test]
fn each_reads_what_is_its_own() {
    let server = start(|mut wire, _| async move {
        let (_, name) = wire.next().await.unwrap();
        wire.frame(FIN | 1, &name).await;
        if name == b"breaks" {
            // An opcode that there is not (RFC 6455, 5.2).
            wire.frame(FIN | 3, b"").await;
        } else {
            wire.close(1000).await;
        }
        wire.close_code().await;
    });
    for (drive, over) in ALL {
        let manager = manager(drive);
        let names = ["first", "breaks", "third"];
        let sockets = names.map(|_| {
            let delivery = Delivery::Queue { token: 7 };
            manager
                .submit(request(over, server.port), delivery)
                .unwrap()
        });
        let mut reads = names.map(|_| Read::default());
        let (mut batch, mut ended) = (Vec::new(), 0);
        let until = Instant::now() + PATIENCE;
        while ended < 3 {
            assert!(Instant::now() < until, "{reads:?} over {over:?}");
            manager.poll(&mut batch, 100, soon()).unwrap();
            for event in batch.drain(..) {
                let mut owners = 0;
                for ((socket, name), read) in sockets.iter().zip(names).zip(&mut reads) {
                    match socket.parse(&event) {
                        Mail::Frames(frames) => {
                            read.frames.extend_from_slice(frames);
                            read.others += usize::from(frames.is_empty());
                            if matches!(event.part(), Part::Head(_)) {
                                socket.send(text(name)).unwrap();
                            }
                        }
                        Mail::Error(error) => read.failed = Some(error.code()),
                        Mail::Unknown => continue,
                    }
                    owners += 1;
                }
                assert_eq!(owners, 1);
                ended += usize::from(event.is_terminal());
            }
        }
        let closed = |name| Read {
            frames: vec![text(name), close(1000)],
            // The head and the end.
            others: 2,
            failed: None,
        };
        let broken = Read {
            frames: vec![text("breaks")],
            others: 1,
            failed: Some(ErrorCode::WebSocketProtocol),
        };
        assert_eq!(reads, [closed("first"), broken, closed("third")]);
    }
}
