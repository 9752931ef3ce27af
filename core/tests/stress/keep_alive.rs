//! A server whose patience ends just as the client uses a connection again.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use trunkline::{Drive, ErrorCode, Request};

use crate::alone;
use crate::kit::{Answer, DRIVES, Random, eventually, get, manager, peer, rest, submit};
use crate::numbered::Counts;

const REQUESTS: usize = 1000;
const THREADS: usize = 8;

/// What the peer has seen.
#[derive(Default)]
struct Seen {
    /// Heard to the end and answered.
    ran: Counts,
    /// Begun to arrive, and not answered.
    ignored: Counts,
    /// Connections that were closed right after an answer.
    closed: AtomicUsize,
}

/// Answers the first request of each connection; after each answer it stays, or closes at once, or does so when the next
/// request arrives.
fn impatient(seen: &Arc<Seen>, dice: u64) -> u16 {
    let seen = Arc::clone(seen);
    peer::peer(move |stream, count| {
        let mut random = Random::new(dice + count as u64);
        let mut reader = BufReader::new(stream);
        while let Some((number, length)) = head(&mut reader) {
            if reader.read_exact(&mut vec![0; length]).is_err() {
                return;
            }
            seen.ran.add(number);
            let _ = reader.get_mut().write_all(peer::OK.as_bytes());
            match random.below(4) {
                0 => {
                    seen.closed.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                1 | 2 => {
                    // Only to know which one it was; of its body nothing is read.
                    if let Some((number, _)) = head(&mut reader) {
                        seen.ignored.add(number);
                        if random.below(2) == 0 {
                            reset(reader.get_ref());
                        }
                    }
                    return;
                }
                _ => {}
            }
        }
    })
}

/// The number that is the path, and the length of the body.
fn head(reader: &mut BufReader<TcpStream>) -> Option<(usize, usize)> {
    let (mut number, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            return Some((number?, length));
        }
        match number {
            None => number = line.split(' ').nth(1)?[1..].parse().ok(),
            Some(_) => {
                if let Some((_, value)) = line.split_once("content-length: ") {
                    length = value.trim().parse().ok()?;
                }
            }
        }
    }
}

/// Lets the end of the connection be a reset.
fn reset(stream: &TcpStream) {
    rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO)).unwrap();
}

fn post(port: u16, path: &str) -> Request {
    let mut request = Request::new("POST", &format!("http://127.0.0.1:{port}{path}")).unwrap();
    request.body("a body");
    request
}

/// Sends all requests by several threads, each one after the other; what came of them.
fn all(
    drive: Drive,
    dice: u64,
    ask: fn(u16, &str) -> Request,
) -> (Arc<Seen>, HashMap<usize, Answer>, u64) {
    let seen = Arc::new(Seen::default());
    let port = impatient(&seen, dice);
    let manager = manager(drive);
    let answers = Mutex::new(HashMap::new());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (manager, answers) = (&manager, &answers);
            scope.spawn(move || {
                for number in (thread..REQUESTS).step_by(THREADS) {
                    let answer = rest(&submit(manager, ask(port, &format!("/{number}"))));
                    answers.lock().unwrap().insert(number, answer);
                }
            });
        }
    });
    let now = manager.statistics();
    assert_eq!(
        (now.requests_submitted, now.requests_active),
        (REQUESTS as u64, 0)
    );
    (seen, answers.into_inner().unwrap(), now.replays)
}

/// None fails.
fn gets(drive: Drive) {
    let _alone = alone();
    for dice in [1, 1001, 2001] {
        let (seen, answers, replays) = all(drive, dice, get);
        for (number, answer) in answers {
            assert!(
                answer.error.is_none(),
                "{dice} {number}: {:?}",
                answer.error
            );
            assert_eq!((answer.status(), &*answer.body), (200, &b"ok"[..]));
            assert!(seen.ran.of(number) >= 1, "{dice} {number}");
        }
        assert!(replays > 100, "{dice}: hardly any met it: {replays}");
    }
}

/// None comes twice; one fails only where the peer may have seen it.
fn posts(drive: Drive) {
    let _alone = alone();
    for dice in [1, 1001, 2001] {
        let (seen, answers, _) = all(drive, dice, post);
        let (mut unseen, mut failed) = (0, 0);
        for (number, answer) in &answers {
            let (ran, ignored) = (seen.ran.of(*number), seen.ignored.of(*number));
            let why = format!(
                "{dice} {number}: ran {ran}, ignored {ignored}, {:?}",
                answer.error
            );
            match &answer.error {
                None => assert_eq!((ran, ignored), (1, 0), "{why}"),
                Some(error) => {
                    let code = error.code();
                    assert!(
                        matches!(
                            code,
                            ErrorCode::ConnectionClosed | ErrorCode::ConnectionReset
                        ),
                        "{why}"
                    );
                    assert!(ran == 0 && ignored <= 1, "{why}");
                    failed += 1;
                    // Written just as the connection was closed: nobody can tell.
                    unseen += usize::from(ignored == 0);
                }
            }
        }
        let closed = seen.closed.load(Ordering::SeqCst);
        assert!(unseen <= closed, "{dice}: {unseen} failed, {closed} closed");
        assert!(failed > 100, "{dice}: hardly any met it: {failed}");
    }
}

#[test]
fn gets_inline() {
    gets(Drive::Inline);
}

#[test]
fn gets_threads() {
    gets(Drive::Threads(1));
}

#[test]
fn posts_inline() {
    posts(Drive::Inline);
}

#[test]
fn posts_threads() {
    posts(Drive::Threads(1));
}

/// Every unused connection is dead: a request meets one of them and no more.
#[test]
fn a_pool_of_dead_connections_costs_one_attempt() {
    const CROWD: usize = 30;
    let _alone = alone();
    for drive in DRIVES {
        // Nobody is answered before all have come, each on a connection of its own.
        let together = Arc::new(Barrier::new(CROWD));
        let port = peer::peer(move |mut stream, count| {
            if peer::read_head(&mut stream).is_none() {
                return;
            }
            if count < CROWD {
                together.wait();
            }
            let _ = stream.write_all(peer::OK.as_bytes());
            // Gone with the next one's first bytes.
            peer::read_head(&mut stream);
        });
        let manager = manager(drive);
        let first: Vec<_> = (0..CROWD)
            .map(|_| submit(&manager, get(port, "/")))
            .collect();
        for request in first {
            rest(&request).good();
        }
        eventually(&manager, "the return to the pool", || {
            manager.statistics().connections_idle == CROWD as u64
        });
        for _ in 0..CROWD {
            let answer = rest(&submit(&manager, get(port, "/"))).good();
            assert_eq!(answer.summary.unwrap().attempts, 2, "{drive:?}");
        }
    }
}
