//! What a peer does wrong: the close that it is sent, and the error that the caller hears.

use trunkline::{Delivery, ErrorCode, Frame};

use crate::kit::manager;
use crate::peer::{ALL, FIN, frame as server_frame, open, request, start};
use crate::{error, frame, opened, text};

#[test]
fn the_peer_is_told_what_it_did_wrong() {
    let cases: Vec<(Vec<u8>, u16, ErrorCode)> = vec![
        (
            server_frame(FIN | 0x40 | 1, b"x"),
            1002,
            ErrorCode::WebSocketProtocol,
        ),
        (
            server_frame(FIN | 3, b""),
            1002,
            ErrorCode::WebSocketProtocol,
        ),
        (
            server_frame(FIN | 0x0b, b""),
            1002,
            ErrorCode::WebSocketProtocol,
        ),
        (server_frame(9, b""), 1002, ErrorCode::WebSocketProtocol),
        (server_frame(FIN, b""), 1002, ErrorCode::WebSocketProtocol),
        (
            server_frame(FIN | 8, &[3]),
            1002,
            ErrorCode::WebSocketProtocol,
        ),
        (
            server_frame(FIN | 8, &1005u16.to_be_bytes()),
            1002,
            ErrorCode::WebSocketProtocol,
        ),
        // Long before the frame ends.
        (
            server_frame(FIN | 1, &[0xff; 100])[..10].to_vec(),
            1007,
            ErrorCode::WebSocketInvalidUtf8,
        ),
        (
            server_frame(1, &[0xff]),
            1007,
            ErrorCode::WebSocketInvalidUtf8,
        ),
        (
            server_frame(FIN | 2, &[0; 2000])[..4].to_vec(),
            1009,
            ErrorCode::WebSocketTooLarge,
        ),
    ];
    for (bytes, code, expected) in cases {
        let sent = bytes.clone();
        let server = start(move |mut wire, _| {
            let bytes = sent.clone();
            async move {
                wire.send(&bytes).await;
                assert_eq!(wire.close_code().await, Some(code));
                assert!(wire.is_over().await);
                // The test ends when this has run.
                wire.abort();
            }
        });
        for (drive, over) in ALL {
            let manager = manager(drive);
            let mut request = request(over, server.port);
            request.websocket_max_message_bytes(1000);
            let socket = manager.submit(request, Delivery::Recv).unwrap();
            let error = error(&socket);
            assert_eq!(error.code(), expected, "{bytes:?} over {over:?}: {error}");
        }
    }
}

#[test]
fn messages_before_a_fault_may_be_answered() {
    let server = start(|mut wire, _| async move {
        let bytes = [
            server_frame(FIN | 1, b"good"),
            server_frame(FIN | 3, b"bad"),
        ]
        .concat();
        wire.send(&bytes).await;
        assert_eq!(wire.next().await.unwrap(), (FIN | 1, b"good".to_vec()));
        assert_eq!(wire.close_code().await, Some(1002));
        wire.abort();
    });
    for (drive, over) in ALL {
        let manager = manager(drive);
        let socket = open(&manager, over, server.port);
        opened(&socket);
        assert_eq!(frame(&socket), text("good"));
        socket.send(text("good")).unwrap();
        assert_eq!(error(&socket).code(), ErrorCode::WebSocketProtocol);
    }
}

#[test]
fn a_connection_that_is_lost_is_no_close() {
    let server = start(|wire, _| async move { wire.abort() });
    for (drive, over) in ALL {
        let manager = manager(drive);
        let socket = open(&manager, over, server.port);
        let code = error(&socket).code();
        let lost = [
            ErrorCode::ConnectionClosed,
            ErrorCode::ConnectionReset,
            ErrorCode::Http2StreamReset,
        ];
        assert!(lost.contains(&code), "{code:?} over {over:?}");
    }
}

#[test]
fn what_rfc_6455_does_not_allow_is_not_sent() {
    let server = start(|mut wire, _| async move { wire.echo().await });
    for (drive, over) in ALL {
        let manager = manager(drive);
        let socket = open(&manager, over, server.port);
        assert_eq!(
            socket.send(text("early")).unwrap_err().code(),
            ErrorCode::InvalidState
        );
        opened(&socket);
        for wrong in [
            Frame::Text(vec![0xff].into()),
            Frame::Ping(vec![0; 126].into()),
            Frame::Close(Some(1005), "".into()),
            Frame::Close(Some(1000), vec![b'x'; 124].into()),
            Frame::Close(None, "why".into()),
        ] {
            let refused = socket.send(wrong.clone()).unwrap_err();
            assert_eq!(refused.code(), ErrorCode::InvalidArgument, "{wrong:?}");
        }
    }
}
