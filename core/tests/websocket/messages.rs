//! Messages there and back: lengths, fragments, batches, compression.

use std::collections::VecDeque;

use bytes::Bytes;
use trunkline::{ErrorCode, FragmentKind, Frame, Manager, Part, WebSocketDeflate};

use crate::kit::{manager, options, soon};
use crate::peer::{
    ALL, Answers, FIN, Over, RSV1, frame as server_frame, open, request, start, start_with,
};
use crate::{close, done, frame, opened, text};

#[test]
fn messages_of_every_length_come_back() {
    let server = start(|mut wire, _| async move { wire.echo().await });
    for (drive, over) in ALL {
        let manager = manager(drive);
        let socket = open(&manager, over, server.port);
        let head = opened(&socket);
        assert_eq!(head.status, if over == Over::Http1 { 101 } else { 200 });
        for length in [0, 1, 125, 126, 127, 128, 65535, 65536, 1_000_000] {
            let payload = Bytes::from(vec![b'x'; length]);
            for message in [Frame::Text(payload.clone()), Frame::Binary(payload)] {
                socket.send(message.clone()).unwrap();
                assert!(frame(&socket) == message, "{length} over {over:?}");
            }
        }
        socket.send(Frame::Close(Some(1000), "bye".into())).unwrap();
        assert_eq!(frame(&socket), Frame::Close(Some(1000), "bye".into()));
        done(&socket);
    }
}

#[test]
fn messages_cut_at_every_byte_arrive() {
    let server = start(|mut wire, _| async move {
        let bytes = [
            server_frame(1, "frag κ".as_bytes()),
            server_frame(FIN | 9, b"ping"),
            server_frame(FIN, "ment".as_bytes()),
            server_frame(FIN | 2, &[7; 300]),
            server_frame(FIN | 0x0a, b"unasked"),
        ]
        .concat();
        for byte in &bytes {
            wire.send(&[*byte]).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(wire.next().await.unwrap(), (FIN | 0x0a, b"ping".to_vec()));
        wire.close(1000).await;
        assert_eq!(wire.close_code().await, Some(1000));
    });
    for (drive, over) in ALL {
        let manager = manager(drive);
        let socket = open(&manager, over, server.port);
        let expected = [
            Frame::Ping("ping".into()),
            text("frag κment"),
            Frame::Binary(vec![7; 300].into()),
            Frame::Pong("unasked".into()),
            close(1000),
        ];
        for expected in expected {
            assert_eq!(frame(&socket), expected, "{over:?}");
        }
        done(&socket);
    }
}

#[test]
fn batches_go_and_come_by_one_call() {
    let server = start(|mut wire, _| async move { wire.echo().await });
    for (drive, over) in ALL {
        let manager = manager(drive);
        let socket = open(&manager, over, server.port);
        opened(&socket);
        let all: Vec<Frame> = (0..5000).map(|number| text(&format!("{number}"))).collect();
        let mut left: VecDeque<Frame> = all.clone().into();
        let (mut batch, mut back) = (Vec::new(), Vec::new());
        while back.len() < all.len() {
            if !left.is_empty() {
                match socket.send_many(&mut left) {
                    Ok(count) => assert!(count > 0),
                    Err(error) => assert_eq!(error.code(), ErrorCode::Again),
                }
            }
            let count = socket.recv_many(&mut batch, 1000, soon()).unwrap();
            assert_eq!(count, batch.len());
            for event in batch.drain(..) {
                if let Part::Frame(frame) = event.into_part() {
                    back.push(frame);
                }
            }
        }
        assert!(back == all, "{over:?}");
        // What is wrong is told when it is the first.
        let mut wrong = VecDeque::from([text("good"), Frame::Ping(vec![0; 126].into())]);
        assert_eq!(socket.send_many(&mut wrong).unwrap(), 1);
        let error = socket.send_many(&mut wrong).unwrap_err();
        assert_eq!((error.code(), wrong.len()), (ErrorCode::InvalidArgument, 1));
    }
}

#[test]
fn fragments_are_sent_and_received_as_they_are() {
    let server = start(|mut wire, _| async move { wire.echo().await });
    for (drive, over) in ALL {
        let mut options = options(drive);
        options.policy.websocket_frames = true;
        let manager = Manager::new(options).unwrap();
        let socket = open(&manager, over, server.port);
        opened(&socket);
        let fragment = |kind, last, payload: &'static [u8]| Frame::Fragment {
            kind,
            last,
            payload: Bytes::from_static(payload),
        };
        let sent = [
            fragment(FragmentKind::Text, false, b"\xce"),
            fragment(FragmentKind::Continuation, false, b"\xba"),
            fragment(FragmentKind::Continuation, true, b""),
            fragment(FragmentKind::Binary, true, b"\xff"),
        ];
        for fragment in &sent {
            socket.send(fragment.clone()).unwrap();
        }
        for fragment in sent {
            assert_eq!(frame(&socket), fragment);
        }
    }
}

const AGREED: [(&str, &str); 4] = [
    ("permessage-deflate", "plain"),
    (
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        "forgetful",
    ),
    (
        "permessage-deflate; client_max_window_bits=9",
        "a small window",
    ),
    (
        "permessage-deflate; server_max_window_bits=15; client_max_window_bits=8",
        "too small a window",
    ),
];

#[test]
fn compressed_messages_come_back() {
    for (answer, name) in AGREED {
        let answers = Answers {
            fields: vec![("sec-websocket-extensions", answer)],
            ..Default::default()
        };
        // The server sends back what it has not even decompressed, bit and all.
        let small = name == "too small a window";
        let server = start_with(answers, move |mut wire, _| async move {
            let offer = wire.asked["sec-websocket-extensions"].to_str().unwrap();
            assert_eq!(offer, "permessage-deflate; client_max_window_bits");
            while let Some((first, payload)) = wire.next().await {
                let continues = matches!(first & 0x0f, 0);
                if first & 0x0f < 8 {
                    assert_eq!(first & RSV1 == 0, small || continues);
                }
                wire.frame(first, &payload).await;
                if first & 0x0f == 8 {
                    return;
                }
            }
        });
        for (drive, over) in ALL {
            let mut options = options(drive);
            options.policy.websocket_deflate = Some(WebSocketDeflate {
                threshold: 0,
                ..Default::default()
            });
            let manager = Manager::new(options).unwrap();
            let socket = open(&manager, over, server.port);
            opened(&socket);
            let alike = vec![b'a'; 100_000];
            let mut noise = vec![0; 100_000];
            getrandom::fill(&mut noise).unwrap();
            for payload in [&b"Hello"[..], b"Hello", b"", &alike, &noise] {
                let message = Frame::Binary(Bytes::copy_from_slice(payload));
                socket.send(message.clone()).unwrap();
                assert!(
                    frame(&socket) == message,
                    "{name}: {} over {over:?}",
                    payload.len()
                );
            }
            socket.send(close(1000)).unwrap();
            done(&socket);
        }
    }
}

#[test]
fn an_extension_that_was_not_offered_fails_the_handshake() {
    let answers = Answers {
        fields: vec![("sec-websocket-extensions", "permessage-deflate")],
        ..Default::default()
    };
    let server = start_with(answers, |mut wire, _| async move { wire.echo().await });
    for (drive, over) in ALL {
        let manager = manager(drive);
        let socket = open(&manager, over, server.port);
        assert_eq!(crate::error(&socket).code(), ErrorCode::WebSocketHandshake);
    }
}

#[test]
fn subprotocols_are_offered_and_one_is_chosen() {
    let answers = Answers {
        fields: vec![("sec-websocket-protocol", "two")],
        ..Default::default()
    };
    let server = start_with(answers, |mut wire, _| async move {
        assert_eq!(wire.asked["sec-websocket-protocol"], "one, two");
        wire.echo().await;
    });
    for (drive, over) in ALL {
        let manager = manager(drive);
        let mut request = request(over, server.port);
        request.websocket_protocols(&["one", "two"]).unwrap();
        let socket = manager.submit(request, trunkline::Delivery::Recv).unwrap();
        assert_eq!(opened(&socket).headers["sec-websocket-protocol"], "two");
    }
}
