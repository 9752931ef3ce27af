//! A broken peer costs its own request a typed error: random and mutated bytes, from fixed seeds.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use trunkline::{Drive, Manager, ManagerOptions, Request};

use crate::kit::{Random, get, get2, options, peer, soon, submit};

const ROUNDS: usize = 1500;

/// Changes a few octets: flips, copies, cuts, puts in.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>, from: usize) {
    for _ in 0..=random.below(6) {
        if bytes.len() <= from + 1 {
            return;
        }
        let at = from + random.below(bytes.len() - from);
        match random.below(6) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 => bytes.truncate(at),
            3 => {
                let to = (at + random.below(20)).min(bytes.len());
                let copy = bytes[at..to].to_vec();
                bytes.splice(at..at, copy);
            }
            4 => {
                let to = (at + random.below(20)).min(bytes.len());
                bytes.drain(at..to);
            }
            _ => {
                let fill: Vec<u8> = (0..random.below(30)).map(|_| random.next() as u8).collect();
                bytes.splice(at..at, fill);
            }
        }
    }
}

/// Each round one request is answered with `answer`; it must end by itself, in whichever way.
fn play(
    drive: Drive,
    request: impl Fn(u16) -> Request,
    head: fn(&mut std::net::TcpStream) -> Vec<u8>,
    mut answer: impl FnMut(usize) -> Vec<u8>,
) {
    let next: Arc<Mutex<Vec<u8>>> = Arc::default();
    let told = Arc::clone(&next);
    let port = peer::peer(move |mut stream, _| {
        let mut bytes = head(&mut stream);
        bytes.extend_from_slice(&told.lock().unwrap());
        let _ = stream.set_write_timeout(Some(Duration::from_secs(5)));
        let _ = stream.write_all(&bytes);
    });
    let manager = Manager::new(ManagerOptions {
        max_header_bytes: 16 * 1024,
        ..options(drive)
    })
    .unwrap();
    let (mut good, mut bad) = (0, 0);
    for round in 0..ROUNDS {
        let bytes = answer(round);
        next.lock().unwrap().clone_from(&bytes);
        let mut request = request(port);
        request.replay(false);
        request.timeouts().total = Some(Some(Duration::from_secs(10)));
        let handle = submit(&manager, request);
        let began = Instant::now();
        loop {
            let event = handle.recv(soon()).expect("a part in time");
            match event.part() {
                trunkline::Part::Done(_) => good += 1,
                trunkline::Part::Error(error) => {
                    assert!(
                        !error.is_timeout(),
                        "round {round}: {error} after {bytes:02x?}"
                    );
                    assert_ne!(
                        error.code(),
                        trunkline::ErrorCode::Panic,
                        "{error} {bytes:02x?}"
                    );
                    bad += 1;
                }
                _ => continue,
            }
            break;
        }
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "round {round}: {bytes:02x?}"
        );
    }
    assert!(good > 0 && bad > 0, "{good} went well, {bad} did not");
}

fn each_drive(run: impl Fn(Drive, u64)) {
    run(Drive::Inline, 1);
    run(Drive::Threads(1), 2);
}

#[test]
fn http1() {
    const GOOD: [&str; 5] = [
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-a: b\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nA;x=y\r\nhelloworld\r\n0\r\na: b\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\nuntil the end",
        "HTTP/1.0 204 No Content\r\n\r\n",
    ];
    each_drive(|drive, seed| {
        let mut random = Random::new(seed);
        play(
            drive,
            |port| get(port, "/"),
            |stream| {
                peer::read_head(stream);
                Vec::new()
            },
            |round| {
                let mut bytes = GOOD[round % GOOD.len()].as_bytes().to_vec();
                if round % 7 != 0 {
                    // The start is left whole most times, so that what follows is reached.
                    let from = if round % 3 == 0 { 0 } else { 17 };
                    mutate(&mut random, &mut bytes, from);
                }
                bytes
            },
        );
    });
}

#[test]
fn http2() {
    let good = |round: usize| {
        let mut frames = vec![peer::Frame::head(1, false)];
        match round % 4 {
            0 => frames.push(peer::Frame::new(6, 0, 0, &[7; 8])),
            1 => frames.push(peer::Frame::new(8, 0, 0, &[0, 0, 1, 0])),
            2 => frames[0].payload.extend(b"\x40\x01a\x01b\x0f\x0d\x01\x35"),
            _ => frames.push(peer::Frame::settings(&[(3, 7), (4, 70_000)])),
        }
        frames.push(peer::Frame::new(peer::DATA, 0, 1, b"hel"));
        frames.push(peer::Frame::new(peer::DATA, peer::END_STREAM, 1, b"lo"));
        frames
            .iter()
            .flat_map(peer::Frame::bytes)
            .collect::<Vec<u8>>()
    };
    each_drive(|drive, seed| {
        let mut random = Random::new(seed);
        play(
            drive,
            |port| get2(port, "/"),
            |stream| {
                // The preface, settings, window update and head: all of them fit one read or two.
                let mut bytes = [0; 4096];
                let mut seen = 0;
                while seen < 60 {
                    match std::io::Read::read(stream, &mut bytes) {
                        Ok(0) | Err(_) => break,
                        Ok(count) => seen += count,
                    }
                }
                let mut start = peer::Frame::settings(&[]).bytes();
                start.extend(peer::Frame::new(peer::SETTINGS, 1, 0, &[]).bytes());
                start
            },
            |round| {
                let mut bytes = good(round);
                if round % 7 != 0 {
                    mutate(&mut random, &mut bytes, 0);
                }
                bytes
            },
        );
    });
}

#[test]
fn websocket() {
    fn upgrade(stream: &mut std::net::TcpStream) -> Vec<u8> {
        let head = peer::read_head(stream).unwrap_or_default();
        let key = head
            .lines()
            .find_map(|line| line.strip_prefix("sec-websocket-key: "))
            .unwrap_or_default();
        let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-accept: {accept}\r\n\r\n"
        )
        .into_bytes()
    }
    const GOOD: [&[u8]; 4] = [
        b"\x81\x05hello\x88\x02\x03\xe8",
        b"\x01\x02he\x89\x01p\x80\x03llo\x88\x00",
        b"\x82\x7e\x00\x80\
          0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\
          0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\x88\x05\x03\xe9bye",
        b"\x8a\x00\x82\x00\x88\x02\x0f\xa0",
    ];
    each_drive(|drive, seed| {
        let mut random = Random::new(seed);
        play(
            drive,
            |port| Request::get(&format!("ws://127.0.0.1:{port}/")).unwrap(),
            upgrade,
            |round| {
                let mut bytes = GOOD[round % GOOD.len()].to_vec();
                if round % 7 != 0 {
                    mutate(&mut random, &mut bytes, 0);
                }
                bytes
            },
        );
    });
}

/// Nothing but noise, of every protocol.
#[test]
fn noise() {
    each_drive(|drive, seed| {
        let mut random = Random::new(seed + 10);
        let next: Arc<Mutex<Vec<u8>>> = Arc::default();
        let told = Arc::clone(&next);
        let port = peer::peer(move |mut stream, _| {
            let _ = std::io::Read::read(&mut stream, &mut [0; 1000]);
            let bytes = told.lock().unwrap().clone();
            let _ = stream.write_all(&bytes);
        });
        let mut made = options(drive);
        made.tls.verify = trunkline::Verify::Nobody;
        let manager = Manager::new(made).unwrap();
        for round in 0..600 {
            let length = random.below(600);
            let bytes = (0..length).map(|_| random.next() as u8).collect();
            *next.lock().unwrap() = bytes;
            let request = match round % 4 {
                0 => get(port, "/"),
                1 => get2(port, "/"),
                2 => Request::get(&format!("ws://127.0.0.1:{port}/")).unwrap(),
                _ => Request::get(&format!("https://localhost:{port}/")).unwrap(),
            };
            let answer = crate::kit::fetch(&manager, request);
            let error = answer.error.expect("noise is no answer");
            assert!(!error.is_timeout(), "{error}");
        }
    });
}
