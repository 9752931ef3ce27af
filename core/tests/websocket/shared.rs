//! A WebSocket on the HTTP/2 connection of the requests (RFC 8441).

use std::sync::atomic::Ordering;

use trunkline::{Delivery, Drive, ErrorCode, HttpVersions, Manager, Protocol, Request, Verify};
use trunkline_test_server::embedded;

use crate::kit::{self, DRIVES, get2, manager, rest};
use crate::peer::{Answers, FIN, Over, open, request, start, start_with};
use crate::{close, done, frame, opened, part, text};

#[test]
fn requests_and_websockets_share_one_connection() {
    let server = start(|mut wire, _| async move { wire.echo().await });
    for drive in DRIVES {
        let manager = manager(drive);
        let before = server.connections.load(Ordering::SeqCst);
        let sockets: Vec<_> = (0..20)
            .map(|_| open(&manager, Over::Http2, server.port))
            .collect();
        for (number, socket) in sockets.iter().enumerate() {
            opened(socket);
            socket.send(text(&format!("{number}"))).unwrap();
        }
        let answer = rest(&kit::submit(&manager, get2(server.port, "/"))).good();
        assert_eq!(answer.body, b"ok");
        for (number, socket) in sockets.iter().enumerate() {
            assert_eq!(frame(socket), text(&format!("{number}")));
            socket.send(close(1000)).unwrap();
        }
        for socket in &sockets {
            assert_eq!(frame(socket), close(1000));
            let trunkline::Part::Done(summary) = part(socket) else {
                panic!("no good end")
            };
            let connection = summary.connection.clone().unwrap();
            assert_eq!(connection.protocol, Protocol::Http2);
        }
        assert_eq!(server.connections.load(Ordering::SeqCst) - before, 1);
    }
}

#[test]
fn what_is_not_offered_is_done_without() {
    let answers = Answers {
        offers_none: true,
        ..Default::default()
    };
    let server = start_with(answers, |mut wire, _| async move { wire.echo().await });
    for drive in DRIVES {
        let manager = manager(drive);
        // HTTP/2 and nothing else: an error that says so.
        let socket = open(&manager, Over::Http2, server.port);
        assert_eq!(
            crate::error(&socket).code(),
            ErrorCode::ProtocolNotNegotiated
        );
        // The connection that stands does not offer it: another one.
        let mut request = request(Over::Http1, server.port);
        request.http(HttpVersions::Auto);
        let socket = manager.submit(request, Delivery::Recv).unwrap();
        assert_eq!(opened(&socket).status, 101);
        socket.send(text("hello")).unwrap();
        assert_eq!(frame(&socket), text("hello"));
    }
}

#[test]
fn a_connection_that_stands_is_used_where_either_will_do() {
    let server = start(|mut wire, _| async move { wire.echo().await });
    for drive in [Drive::Inline, Drive::Threads(1), Drive::Threads(3)] {
        let manager = manager(drive);
        let auto = || {
            let mut request = request(Over::Http1, server.port);
            request.http(HttpVersions::Auto);
            let socket = manager.submit(request, Delivery::Recv).unwrap();
            let status = opened(&socket).status.as_u16();
            socket.send(close(1000)).unwrap();
            done(&socket);
            status
        };
        // In clear text nothing negotiates HTTP/2.
        assert_eq!(auto(), 101);
        rest(&kit::submit(&manager, get2(server.port, "/"))).good();
        assert_eq!(auto(), 200);
    }
}

#[test]
fn the_manager_decides_where_a_request_does_not() {
    let server = start(|mut wire, _| async move { wire.echo().await });
    for drive in DRIVES {
        for (versions, status) in [(HttpVersions::Http1, 101), (HttpVersions::Http2, 200)] {
            let mut options = kit::options(drive);
            options.websocket_http = versions;
            let manager = Manager::new(options).unwrap();
            let socket = open(&manager, Over::Http1, server.port);
            assert_eq!(opened(&socket).status, status);
        }
    }
}

#[test]
fn tls_negotiates_and_an_http2_peer_without_websockets_is_asked_otherwise() {
    let server = embedded::start(None).unwrap();
    let places = server.places();
    for drive in DRIVES {
        let mut options = kit::options(drive);
        options.tls.verify = Verify::Ca(std::fs::read(&places.ca).unwrap());
        options.websocket_http = HttpVersions::Auto;
        let manager = Manager::new(options).unwrap();
        for round in 0..2 {
            let url = format!("wss://localhost:{}/ws", places.https);
            let socket = manager
                .submit(Request::get(&url).unwrap(), Delivery::Recv)
                .unwrap();
            assert_eq!(opened(&socket).status, 101);
            socket.send(text("hello")).unwrap();
            assert_eq!(frame(&socket), text("hello"));
            socket.send(close(1000)).unwrap();
            done(&socket);
            // The HTTP/2 connection that was negotiated first stays for requests.
            assert_eq!(manager.statistics().connections_opened, 2 + round);
        }
        let request = Request::get(&format!("https://localhost:{}/", places.https)).unwrap();
        rest(&kit::submit(&manager, request));
        assert_eq!(manager.statistics().connections_opened, 3);
    }
}

#[test]
fn cancelling_resets_the_stream_alone() {
    let (say, hear) = std::sync::mpsc::channel();
    let server = start(move |mut wire, _| {
        let say = say.clone();
        async move {
            wire.echo().await;
            let _ = say.send(());
        }
    });
    for drive in DRIVES {
        let manager = manager(drive);
        let kept = open(&manager, Over::Http2, server.port);
        let gone = open(&manager, Over::Http2, server.port);
        opened(&kept);
        opened(&gone);
        gone.cancel();
        assert_eq!(crate::error(&gone).code(), ErrorCode::Cancelled);
        kept.send(text("still")).unwrap();
        assert_eq!(frame(&kept), text("still"));
        hear.recv_timeout(kit::PATIENCE).unwrap();
        assert_eq!(manager.statistics().streams_active, 1);
    }
}

#[test]
fn a_frame_of_http2_without_data_is_no_end() {
    let server = start(|mut wire, _| async move {
        wire.nothing();
        wire.frame(FIN | 1, b"after").await;
        wire.nothing();
        wire.echo().await;
    });
    for drive in DRIVES {
        let manager = manager(drive);
        let socket = open(&manager, Over::Http2, server.port);
        opened(&socket);
        assert_eq!(frame(&socket), text("after"));
        socket.send(close(1000)).unwrap();
        assert_eq!(frame(&socket), close(1000));
        done(&socket);
    }
}

/// hypercorn 0.18 ends the whole connection when something without data comes for a stream that it has closed.
#[test]
fn the_answer_to_a_close_ends_the_stream_and_nothing_follows_it() {
    let server = start(|mut wire, number| async move {
        if number % 2 == 0 {
            wire.close(1000).await;
            assert_eq!(wire.close_code().await, Some(1000));
            assert!(wire.has_ended(), "the close does not end the stream");
        } else {
            assert_eq!(wire.close_code().await, Some(1000));
            wire.close(1000).await;
            assert!(
                !wire.has_ended(),
                "the stream ended before the server's side"
            );
        }
    });
    for drive in DRIVES {
        let manager = manager(drive);
        let socket = open(&manager, Over::Http2, server.port);
        opened(&socket);
        assert_eq!(frame(&socket), close(1000));
        done(&socket);
        let socket = open(&manager, Over::Http2, server.port);
        opened(&socket);
        socket.send(close(1000)).unwrap();
        assert_eq!(frame(&socket), close(1000));
        done(&socket);
    }
}
