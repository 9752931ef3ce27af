//! Connections that become the caller's: upgrades and CONNECT.

use std::io::{Read, Write};

use trunkline::{Delivery, ErrorCode, Part, Request};

use crate::kit::{DRIVES, fetch, finish, get, manager, peer, rest, soon};

const SWITCH: &str =
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";

/// Upgrades every connection, says `hello` in the same write, and sends back what comes, until that ends.
fn echo() -> u16 {
    peer::peer(|mut stream, _| {
        let head = peer::read_head(&mut stream).unwrap();
        let lower = head.to_ascii_lowercase();
        assert!(lower.contains("\r\nconnection: upgrade\r\n"), "{head}");
        assert!(lower.contains("\r\nupgrade: echo\r\n"), "{head}");
        stream
            .write_all(format!("{SWITCH}hello").as_bytes())
            .unwrap();
        let mut buffer = [0; 1000];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            stream.write_all(&buffer[..count]).unwrap();
        }
        let _ = stream.write_all(b"bye");
    })
}

fn upgrade(port: u16) -> Request {
    let mut request = get(port, "/");
    request.upgrade("echo").unwrap();
    request
}

#[test]
fn bytes_go_both_ways_and_each_way_ends_by_itself() {
    let port = echo();
    for drive in DRIVES {
        let manager = manager(drive);
        let request = manager.submit(upgrade(port), Delivery::Recv).unwrap();
        let mut answer = crate::kit::Answer::default();
        while answer.body != b"hello" {
            answer.add(request.recv(soon()).unwrap().into_part());
        }
        assert_eq!(answer.status(), 101);
        for _ in 0..100 {
            request.write("0123456789").unwrap();
        }
        while answer.body.len() < 1005 {
            answer.add(request.recv(soon()).unwrap().into_part());
        }
        request.finish(None).unwrap();
        finish(&request, &mut answer);
        let answer = answer.good();
        assert_eq!(&answer.body[1005..], b"bye");
        let summary = answer.summary.unwrap();
        assert_eq!((summary.sent, summary.received), (1000, 1008));
        assert_eq!(manager.statistics().connections_active, 0, "{drive:?}");
    }
}

#[test]
fn a_peer_that_does_not_upgrade_gives_an_ordinary_answer() {
    let port = peer::peer(|mut stream, _| {
        peer::read_head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 426 Upgrade Required\r\ncontent-length: 2\r\n\r\nno");
    });
    for drive in DRIVES {
        let answer = fetch(&manager(drive), upgrade(port)).good();
        assert_eq!((answer.status(), &answer.body[..]), (426, &b"no"[..]));
    }
}

#[test]
fn at_zero_credit_the_tunnel_is_not_read() {
    let port = peer::peer(|mut stream, _| {
        peer::read_head(&mut stream);
        let _ = stream.write_all(SWITCH.as_bytes());
        let piece = [7; 10_000];
        while stream.write_all(&piece).is_ok() {}
    });
    for drive in DRIVES {
        let manager = manager(drive);
        let mut request = upgrade(port);
        request.credit(50_000).manual_release(true);
        let request = manager.submit(request, Delivery::Recv).unwrap();
        let mut received = 0;
        while received < 50_000 {
            if let Part::Data(data) = request.recv(soon()).unwrap().into_part() {
                received += data.len();
            }
        }
        let error = request.recv(crate::kit::after(50)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Timeout);
        assert!(
            received < 50_000 + trunkline::limits::TUNNEL_READ,
            "{received}"
        );
        request.release(received);
        assert!(matches!(
            request.recv(soon()).unwrap().into_part(),
            Part::Data(_)
        ));
        request.cancel();
        let mut end = request.recv(soon()).unwrap().into_part();
        while !end.is_terminal() {
            end = request.recv(soon()).unwrap().into_part();
        }
        assert!(matches!(end, Part::Error(error) if error.code() == ErrorCode::Cancelled));
    }
}

#[test]
fn connect_asks_a_proxy_for_a_connection() {
    let port = peer::peer(|mut stream, _| {
        let head = peer::read_head(&mut stream).unwrap();
        if !head.starts_with("CONNECT target.example:25 HTTP/1.1\r\n") {
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
            return;
        }
        assert!(
            head.to_ascii_lowercase()
                .contains("\r\nhost: target.example:25\r\n"),
            "{head}"
        );
        let _ = stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n220 ready\r\n");
        let mut line = [0; 6];
        stream.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"QUIT\r\n");
        let _ = stream.write_all(b"221 bye\r\n");
    });
    let proxy = format!("http://127.0.0.1:{port}");
    for drive in DRIVES {
        let manager = manager(drive);
        let request = Request::connect(&proxy, "target.example:25").unwrap();
        let request = manager.submit(request, Delivery::Recv).unwrap();
        request.write("QUIT\r\n").unwrap();
        let answer = rest(&request).good();
        assert_eq!(answer.status(), 200);
        assert_eq!(
            String::from_utf8_lossy(&answer.body),
            "220 ready\r\n221 bye\r\n"
        );
        let refused = fetch(
            &manager,
            Request::connect(&proxy, "other.example:25").unwrap(),
        )
        .good();
        assert_eq!(refused.status(), 403);
    }
}
