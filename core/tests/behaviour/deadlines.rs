//! Deadlines by phase, on a clock that is moved by hand.

use std::io::Write;
use std::time::Duration;

use trunkline::{Drive, ErrorCode, Manager, ManagerOptions, ManualClock, Part, Phase, Request};

use crate::kit::stages::wait_until_it_stands;
use crate::kit::{
    Answer, DRIVES, after, finish, get, get2, options, peer, rest, settle, soon, submit, turn,
};

const SECOND: Duration = Duration::from_secs(1);

fn clocked(drive: Drive) -> (Manager, ManualClock) {
    with(options(drive))
}

fn with(options: ManagerOptions) -> (Manager, ManualClock) {
    let clock = ManualClock::new();
    (Manager::with_clock(options, &clock).unwrap(), clock)
}

/// Nothing ends before `limit` has passed, and then it ends with this error.
fn expires(
    manager: &Manager,
    clock: &ManualClock,
    request: &trunkline::RequestHandle,
    limit: Duration,
    (code, phase): (ErrorCode, Phase),
) -> Answer {
    clock.advance(limit.saturating_sub(SECOND / 10));
    settle(manager, 10);
    assert!(!request.is_ended(), "{code:?} came before its time");
    clock.advance(SECOND / 10);
    let answer = rest(request);
    assert_eq!(answer.code(), code, "{:?}", answer.error);
    let error = answer.error.as_ref().unwrap();
    assert_eq!(error.phase(), Some(phase), "{error}");
    assert!(error.is_timeout());
    answer
}

#[test]
fn pool() {
    for drive in DRIVES {
        let (manager, clock) = with(ManagerOptions {
            max_connections_per_origin: 1,
            ..options(drive)
        });
        let port = peer::silent();
        let first = submit(&manager, get(port, "/"));
        wait_until_it_stands(&manager);
        let mut request = get(port, "/");
        request.timeouts().pool = Some(Some(5 * SECOND));
        let second = submit(&manager, request);
        turn(&manager);
        settle(&manager, 5);
        let expected = (ErrorCode::PoolTimeout, Phase::Pool);
        expires(&manager, &clock, &second, 5 * SECOND, expected);
        assert!(!first.is_ended());
    }
}

#[test]
fn resolve() {
    for drive in DRIVES {
        let (manager, _) = clocked(drive);
        let mut request = Request::get("http://name.invalid/").unwrap();
        request.timeouts().resolve = Some(Some(Duration::ZERO));
        let answer = rest(&submit(&manager, request));
        assert_eq!(answer.code(), ErrorCode::ResolveTimeout);
        assert_eq!(answer.error.unwrap().phase(), Some(Phase::Resolve));
    }
}

#[test]
fn a_name_given_by_hand_asks_no_resolver() {
    let port = peer::peer(|mut stream, _| peer::answer_all(&mut stream, peer::OK));
    for drive in DRIVES {
        let refused = "127.0.0.1:1".parse().unwrap();
        let good = ([127, 0, 0, 1], port).into();
        let v6 = "[::1]:1".parse().unwrap();
        let manager = Manager::new(ManagerOptions {
            resolve: vec![
                ("name.invalid".to_owned(), 80, vec![v6, refused, good]),
                ("none.invalid".to_owned(), 80, Vec::new()),
            ],
            ..options(drive)
        })
        .unwrap();
        let request = Request::get("http://NAME.invalid/").unwrap();
        assert_eq!(rest(&submit(&manager, request)).good().body, b"ok");
        let request = Request::get("http://none.invalid/").unwrap();
        let code = rest(&submit(&manager, request)).code();
        assert_eq!(code, ErrorCode::ConnectFailed);
    }
}

#[test]
fn connect() {
    let hole = peer::blackhole();
    for drive in DRIVES {
        let (manager, clock) = clocked(drive);
        let request = submit(&manager, get(hole.port, "/"));
        settle(&manager, 10);
        let expected = (ErrorCode::ConnectTimeout, Phase::Connect);
        expires(&manager, &clock, &request, 10 * SECOND, expected);
        assert_eq!(manager.statistics().connections_opened, 0);
    }
}

/// The second address is tried when the first has not answered after the delay of RFC 8305.
#[test]
fn a_silent_address_delays_the_next_one_only_a_little() {
    let hole = peer::blackhole();
    let port = peer::peer(|mut stream, _| peer::answer_all(&mut stream, peer::OK));
    for drive in DRIVES {
        let addresses = [hole.port, port].map(|port| ([127, 0, 0, 1], port).into());
        let (manager, clock) = with(ManagerOptions {
            resolve: vec![("two.test".to_owned(), 80, addresses.to_vec())],
            ..options(drive)
        });
        let request = submit(&manager, Request::get("http://two.test/").unwrap());
        settle(&manager, 10);
        assert_eq!(manager.statistics().connections_opened, 0);
        clock.advance(trunkline::limits::HAPPY_EYEBALLS_DELAY);
        assert_eq!(rest(&request).good().body, b"ok");
    }
}

#[test]
fn tls() {
    for drive in DRIVES {
        let (manager, clock) = clocked(drive);
        let url = format!("https://localhost:{}/", peer::silent());
        let request = submit(&manager, Request::get(&url).unwrap());
        wait_until_it_stands(&manager);
        let expected = (ErrorCode::TlsTimeout, Phase::Tls);
        expires(&manager, &clock, &request, 10 * SECOND, expected);
    }
}

#[test]
fn write() {
    for drive in DRIVES {
        let (manager, clock) = clocked(drive);
        let url = format!("http://127.0.0.1:{}/", peer::deaf());
        let mut request = Request::new("POST", &url).unwrap();
        request.body(vec![0; 64 << 20]);
        let request = submit(&manager, request);
        wait_until_it_stands(&manager);
        let expected = (ErrorCode::WriteTimeout, Phase::Write);
        expires(&manager, &clock, &request, 60 * SECOND, expected);
    }
}

#[test]
fn write_on_a_stream_without_a_window() {
    for drive in DRIVES {
        let (manager, clock) = clocked(drive);
        let port = peer::peer(|stream, _| {
            let mut peer = peer::Http2Peer::accept(stream, &[(4, 0)]).unwrap();
            while peer.read().is_some() {}
        });
        let mut request = Request::new("POST", &format!("http://127.0.0.1:{port}/")).unwrap();
        request
            .http(trunkline::HttpVersions::Http2)
            .body(vec![0; 200_000]);
        let request = submit(&manager, request);
        wait_until_it_stands(&manager);
        let expected = (ErrorCode::WriteTimeout, Phase::Write);
        expires(&manager, &clock, &request, 60 * SECOND, expected);
    }
}

/// While the caller itself has written no more of the body, nobody is late.
#[test]
fn a_caller_that_writes_slowly_is_not_timed() {
    let port = peer::peer(|mut stream, _| {
        peer::read_head(&mut stream);
        let mut body = [0; 14];
        std::io::Read::read_exact(&mut stream, &mut body).unwrap();
        stream.write_all(peer::OK.as_bytes()).unwrap();
    });
    for drive in DRIVES {
        let (manager, clock) = clocked(drive);
        let mut request = Request::new("POST", &format!("http://127.0.0.1:{port}/")).unwrap();
        request.streamed_body(None);
        let request = submit(&manager, request);
        wait_until_it_stands(&manager);
        clock.advance(1000 * SECOND);
        settle(&manager, 5);
        request.write("four").unwrap();
        settle(&manager, 5);
        clock.advance(1000 * SECOND);
        settle(&manager, 5);
        request.finish(None).unwrap();
        assert_eq!(rest(&request).good().body, b"ok", "{drive:?}");
    }
}

#[test]
fn first_byte() {
    for drive in DRIVES {
        for get in [get, get2] {
            let (manager, clock) = clocked(drive);
            let mut request = get(peer::silent(), "/");
            request.timeouts().first_byte = Some(Some(3 * SECOND));
            let request = submit(&manager, request);
            wait_until_it_stands(&manager);
            let expected = (ErrorCode::FirstByteTimeout, Phase::FirstByte);
            expires(&manager, &clock, &request, 3 * SECOND, expected);
        }
    }
}

/// Sends a head and four octets, and no more.
fn stalls() -> u16 {
    peer::peer(|mut stream, _| {
        peer::read_head(&mut stream);
        let begun = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nfour";
        stream.write_all(begun.as_bytes()).unwrap();
        peer::read_head(&mut stream);
    })
}

fn stalls2() -> u16 {
    peer::peer(|stream, _| {
        let mut peer = peer::Http2Peer::accept(stream, &[]).unwrap();
        let stream = peer.read_kind(peer::HEADERS).unwrap().stream;
        peer.send(&peer::Frame::head(stream, false));
        peer.send(&peer::Frame::new(peer::DATA, 0, stream, b"four"));
        while peer.read().is_some() {}
    })
}

#[test]
fn idle() {
    for drive in DRIVES {
        for http2 in [false, true] {
            let (manager, clock) = clocked(drive);
            let mut request = if http2 {
                get2(stalls2(), "/")
            } else {
                get(stalls(), "/")
            };
            request.timeouts().idle = Some(Some(3 * SECOND));
            let request = submit(&manager, request);
            wait_until_it_stands(&manager);
            let expected = (ErrorCode::IdleTimeout, Phase::Receive);
            let answer = expires(&manager, &clock, &request, 3 * SECOND, expected);
            assert_eq!(answer.body, b"four");
        }
    }
}

/// While the caller takes nothing, the answer does not stand still by the peer's fault.
#[test]
fn a_caller_without_credit_is_not_timed() {
    for drive in DRIVES {
        for http2 in [false, true] {
            let (manager, clock) = clocked(drive);
            let mut request = if http2 {
                get2(stalls2(), "/")
            } else {
                get(stalls(), "/")
            };
            request.timeouts().idle = Some(Some(3 * SECOND));
            request.credit(4);
            let request = submit(&manager, request);
            wait_until_it_stands(&manager);
            let mut answer = Answer::default();
            answer.add(request.recv(soon()).unwrap().into_part());
            let data = request.recv(soon()).unwrap();
            assert!(matches!(data.part(), Part::Data(_)));
            clock.advance(1000 * SECOND);
            settle(&manager, 10);
            assert!(!request.is_ended(), "{drive:?}");
            // From its release on the peer is waited for again.
            answer.add(data.into_part());
            settle(&manager, 10);
            clock.advance(3 * SECOND);
            finish(&request, &mut answer);
            assert_eq!(answer.code(), ErrorCode::IdleTimeout);
        }
    }
}

#[test]
fn total_counts_in_every_phase() {
    let hole = peer::blackhole();
    let silent = peer::silent();
    for drive in DRIVES {
        for (phase, port) in [
            (Phase::Connect, hole.port),
            (Phase::FirstByte, silent),
            (Phase::Receive, stalls()),
        ] {
            let (manager, clock) = clocked(drive);
            let mut request = get(port, "/");
            request.timeouts().total = Some(Some(7 * SECOND));
            request.timeouts().connect = Some(None);
            let request = submit(&manager, request);
            settle(&manager, 10);
            if phase == Phase::Receive {
                wait_until_it_stands(&manager);
            }
            expires(
                &manager,
                &clock,
                &request,
                7 * SECOND,
                (ErrorCode::TotalTimeout, phase),
            );
        }
    }
}

/// A deadline of the call is not one of the request.
#[test]
fn the_time_of_a_call_ends_only_the_call() {
    let port = peer::silent();
    for drive in DRIVES {
        let (manager, _) = clocked(drive);
        let request = submit(&manager, get(port, "/"));
        for _ in 0..3 {
            let error = request.recv(after(2)).unwrap_err();
            assert_eq!(error.code(), ErrorCode::Timeout);
        }
        assert!(!request.is_ended());
    }
}

/// Of those that wait for one connection attempt the next takes over when it takes too long, with a deadline of its own.
#[test]
fn waiters_on_an_attempt_that_takes_too_long() {
    let silent = peer::silent();
    for drive in DRIVES {
        let (manager, clock) = clocked(drive);
        let url = format!("https://localhost:{silent}/");
        let requests: Vec<_> = (0..5)
            .map(|_| submit(&manager, Request::get(&url).unwrap()))
            .collect();
        for request in &requests {
            wait_until_it_stands(&manager);
            clock.advance(10 * SECOND);
            assert_eq!(rest(request).code(), ErrorCode::TlsTimeout, "{drive:?}");
        }
    }
}
