//! Engines against peers that send frames and bytes at random. `TRUNKLINE_ADVERSARY_SECONDS` makes it go on for so long with
//! further seeds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::{HeaderMap, Method, StatusCode};
use trunkline::sansio::exchange::{
    BodyPart, Flow, Handlers, RequestBody, RequestHandle, ResponseBody,
};
use trunkline::sansio::http1::{Http1Client, Http1Settings};
use trunkline::sansio::http2::{Http2Client, Http2Settings, PushHandler};
use trunkline::sansio::websocket::{
    WebSocketAgreement, WebSocketClient, WebSocketHandshake, WebSocketSettings,
};
use trunkline::sansio::{Engine, ReadOperation, WriteOperation, WriteResult};
use trunkline::{Frame, WebSocketDeflate};
use tungstenite::handshake::derive_accept_key;

use crate::record::{get, post};
use crate::scripted::{
    ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, PING, PUSH_PROMISE, RST_STREAM,
    SETTINGS, WINDOW_UPDATE, frame, headers, settings,
};

/// Seeds that are always run.
const SEEDS: std::ops::Range<u64> = 1..20_000;
/// Bytes that a peer sends.
const BYTES: usize = 20_000;
/// Memory that may come with any number of seeds.
const GROWTH: usize = 48 * 1024 * 1024;

/// Numbers that are the same for the same seed (xorshift64*, Vigna 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 16) as usize % bound
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }

    fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// How often the ends of exchanges and connections were told.
#[derive(Clone, Default)]
struct Ends(Arc<Mutex<Vec<Arc<AtomicUsize>>>>);

impl Ends {
    fn one(&self) -> Arc<AtomicUsize> {
        let count = Arc::new(AtomicUsize::new(0));
        self.0.lock().unwrap().push(Arc::clone(&count));
        count
    }

    fn check(&self, seed: u64) {
        for count in self.0.lock().unwrap().iter() {
            let told = count.load(Ordering::Relaxed);
            assert!(told <= 1, "an end was told {told} times with seed {seed}");
        }
    }

    fn handlers(&self, bodies: &Arc<Mutex<Vec<ResponseBody>>>) -> Handlers {
        let count = self.one();
        let (ended, bodies) = (Arc::clone(&count), Arc::clone(bodies));
        Handlers::new(
            move |_, body| {
                let mut pieces = 0_usize;
                body.read(move |part| {
                    if part == BodyPart::End {
                        ended.fetch_add(1, Ordering::Relaxed);
                    }
                    pieces += 1;
                    if pieces.is_multiple_of(3) {
                        Flow::Pause
                    } else {
                        Flow::Continue
                    }
                });
                bodies.lock().unwrap().push(body);
            },
            move |_| {
                count.fetch_add(1, Ordering::Relaxed);
            },
        )
        .on_trailers(drop)
        .on_informational(drop)
    }
}

/// A frame of HTTP/2 that is almost right.
fn http2_frame(random: &mut Random) -> Vec<u8> {
    let stream = *random.of(&[0, 1, 1, 3, 5, 7, 2, 4, 0x7fff_ffff]);
    let ends = *random.of(&[0, 0, END_STREAM]);
    match random.below(14) {
        0 => settings(),
        1 => frame(SETTINGS, ACK, 0, &[]),
        2 => {
            let count = random.below(13);
            frame(SETTINGS, 0, 0, &random.bytes(count))
        }
        3 | 4 => headers(stream, ends, &[(":status", "200"), ("content-length", "5")]),
        5 => headers(stream, ends, &[(":status", "103")]),
        6 => headers(stream, END_STREAM, &[("checksum", "abc")]),
        7 => {
            let count = random.below(200);
            frame(DATA, ends, stream, &random.bytes(count))
        }
        8 => {
            let count = random.below(40);
            frame(DATA, PADDED | ends, stream, &random.bytes(count))
        }
        9 => frame(PING, *random.of(&[0, ACK]), 0, &[0; 8]),
        10 => frame(WINDOW_UPDATE, 0, stream, &[0, 0, random.next() as u8, 1]),
        11 => {
            let code = u32::from(random.next() as u8 % 16).to_be_bytes();
            frame(RST_STREAM, 0, stream, &code)
        }
        12 => {
            let promised = [
                0,
                0,
                0,
                random.next() as u8 & 6,
                0x82,
                0x86,
                0x84,
                0x41,
                1,
                b'a',
            ];
            frame(PUSH_PROMISE, END_HEADERS, stream, &promised)
        }
        _ => {
            let (kind, flags) = (random.next() as u8 % 12, random.next() as u8);
            let count = random.below(60);
            match kind {
                GOAWAY => settings(),
                HEADERS => frame(HEADERS, flags, stream, &random.bytes(count)),
                _ => frame(kind, flags, stream, &random.bytes(count)),
            }
        }
    }
}

/// A piece of an answer of HTTP/1.1 that is almost right.
fn http1_piece(random: &mut Random) -> Vec<u8> {
    let pieces: [&[u8]; 12] = [
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        b"5\r\nhello\r\n",
        b"0\r\n\r\n",
        b"0\r\nchecksum: abc\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"\r\n",
        b"fffffffffffffffff\r\n",
    ];
    random.of(&pieces).to_vec()
}

/// A frame of a WebSocket that is almost right.
fn websocket_frame(random: &mut Random) -> Vec<u8> {
    let first = *random.of(&[
        0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8a, 0xc1, 0xc2, 0x41, 0x88, 0x83, 0xa1,
    ]);
    let count = *random.of(&[0, 1, 2, 5, 125, 126, 300]);
    let mut bytes = vec![first];
    if count < 126 {
        bytes.push(count as u8);
    } else {
        bytes.push(126);
        bytes.extend((count as u16).to_be_bytes());
    }
    let payload = match random.below(3) {
        0 => vec![b'a'; count],
        1 => vec![0; count],
        _ => random.bytes(count),
    };
    bytes.extend(payload);
    bytes
}

/// What a peer sends: pieces, most of them whole, some changed, some of them only noise.
fn script(random: &mut Random, piece: fn(&mut Random) -> Vec<u8>, begin: &[u8]) -> Vec<u8> {
    let mut all = begin.to_vec();
    // Some scripts are right but for their order.
    let clean = random.below(3) == 0;
    while all.len() < BYTES && random.below(60) > 0 {
        let mut bytes = piece(random);
        if !clean && !bytes.is_empty() {
            let place = random.below(bytes.len());
            match random.below(20) {
                0 => bytes[place] ^= 1 << random.below(8),
                1 => bytes.truncate(place),
                2 => bytes.insert(place, random.next() as u8),
                3 => bytes = random.bytes(30),
                _ => {}
            }
        }
        all.extend(bytes);
    }
    all
}

/// Gives an engine all of it in pieces at random, and takes what it writes; its end is told by the transport.
fn drive(
    engine: &dyn Engine,
    random: &mut Random,
    bytes: &[u8],
    mut between: impl FnMut(&mut Random),
) {
    let mut given = 0;
    let mut stuck = 0;
    let mut takes = true;
    while given < bytes.len() && stuck < 50 {
        if random.below(8) == 0 {
            between(random);
        }
        if random.below(3) > 0
            && let WriteOperation::Write(vectors) = engine.next_write_operation()
        {
            let there = vectors.remaining();
            assert!(there <= trunkline::limits::SANSIO_OUTPUT);
            if takes && random.below(500) == 0 {
                takes = false;
                engine.report_write_result(WriteResult::Closed);
            } else {
                let count = random.below(there + 1);
                engine.report_write_result(WriteResult::Written(count));
            }
        }
        if engine.next_read_operation() == ReadOperation::Close {
            break;
        }
        let end = bytes.len().min(given + 1 + random.below(100));
        let count = engine.read(&bytes[given..end]);
        assert!(count <= end - given);
        stuck = if count == 0 { stuck + 1 } else { 0 };
        given += count;
    }
    if random.below(10) == 0 {
        engine.report_exn("out of order".into());
    }
    engine.read_eof();
    // A paused body goes on by a few pieces each time.
    for _ in 0..20_000 {
        between(random);
        match engine.next_write_operation() {
            WriteOperation::Write(vectors) => {
                engine.report_write_result(WriteResult::Written(vectors.remaining()));
            }
            WriteOperation::Yield => {}
            WriteOperation::Close { .. } => break,
        }
    }
    assert_eq!(engine.next_read_operation(), ReadOperation::Close);
}

fn http2(seed: u64) {
    let random = &mut Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (ends, bodies) = (Ends::default(), Arc::default());
    let (pushed, kept) = (ends.clone(), Arc::clone(&bodies));
    let mut promises = 0_usize;
    let push: PushHandler = Box::new(move |_| {
        promises += 1;
        (promises.is_multiple_of(2)).then(|| pushed.handlers(&kept))
    });
    let ended = ends.one();
    let client = Http2Client::new(&Http2Settings::default(), Some(push), move |_| {
        ended.fetch_add(1, Ordering::Relaxed);
    })
    .unwrap();
    let mut uploads: Vec<RequestBody> = Vec::new();
    let mut requests: Vec<RequestHandle> = Vec::new();
    for number in 0..4 {
        if number % 2 == 0 {
            let asked = client.request_without_body(get("/"), ends.handlers(&bodies));
            requests.push(asked.unwrap());
        } else {
            uploads.push(client.request(post("/"), ends.handlers(&bodies)).unwrap());
        }
    }
    // Some peers speak something else.
    let begin = if random.below(50) == 0 {
        Vec::new()
    } else {
        settings()
    };
    let bytes = script(random, http2_frame, &begin);
    drive(&client, random, &bytes, |random| {
        for body in bodies.lock().unwrap().iter() {
            body.resume();
        }
        match random.below(6) {
            0 => drop(uploads.pop()),
            1 => {
                if let Some(upload) = uploads.first() {
                    let _ = upload.write(random.bytes(3000));
                }
            }
            2 => drop(client.ping(None, || {})),
            3 => requests.extend(client.request_without_body(get("/"), ends.handlers(&bodies))),
            4 => {
                if let Some(request) = requests.pop() {
                    request.cancel(8);
                }
            }
            _ => {}
        }
    });
    ends.check(seed);
    // They hold the connection, which holds their handlers.
    bodies.lock().unwrap().clear();
}

fn http1(seed: u64) {
    let random = &mut Random(seed.wrapping_mul(0xd134_2543_de82_ef95) | 1);
    let (ends, bodies) = (Ends::default(), Arc::default());
    let ended = ends.one();
    let client = Http1Client::new(&Http1Settings::default(), move |_| {
        ended.fetch_add(1, Ordering::Relaxed);
    })
    .unwrap();
    let mut uploads: Vec<RequestBody> = Vec::new();
    let mut requests: Vec<RequestHandle> = Vec::new();
    for number in 0..6 {
        let handlers = ends.handlers(&bodies);
        let handlers = if number == 4 {
            handlers.on_upgrade(|_, _| {})
        } else {
            handlers
        };
        if number % 3 == 1 {
            let upload = client.request(post("/"), handlers).unwrap();
            let _ = upload.write("some bytes");
            upload.close();
            uploads.push(upload);
        } else {
            let mut request = get("/");
            if number == 5 {
                *request.method_mut() = Method::HEAD;
            }
            let asked = client.request_without_body(request, handlers);
            requests.push(asked.unwrap());
        }
    }
    let bytes = script(random, http1_piece, b"");
    drive(&client, random, &bytes, |random| {
        for body in bodies.lock().unwrap().iter() {
            body.resume();
        }
        match random.below(100) {
            0 | 1 => drop(uploads.pop()),
            2 => {
                if let Some(request) = requests.pop() {
                    request.cancel(8);
                }
            }
            _ => {}
        }
    });
    ends.check(seed);
    bodies.lock().unwrap().clear();
}

fn agreement(deflate: bool) -> WebSocketAgreement {
    if !deflate {
        return WebSocketAgreement::default();
    }
    let mut asked = HeaderMap::new();
    let handshake = WebSocketHandshake::new(&mut asked, Some(WebSocketDeflate::default())).unwrap();
    let mut answer = HeaderMap::new();
    let accept = derive_accept_key(asked["sec-websocket-key"].as_bytes());
    for (name, value) in [
        ("upgrade", "websocket"),
        ("connection", "upgrade"),
        ("sec-websocket-accept", accept.as_str()),
        ("sec-websocket-extensions", "permessage-deflate"),
    ] {
        answer.insert(name, value.parse().unwrap());
    }
    handshake
        .check(StatusCode::SWITCHING_PROTOCOLS, &answer)
        .unwrap()
}

fn websocket(seed: u64) {
    let random = &mut Random(seed.wrapping_mul(0xff51_afd7_ed55_8ccd) | 1);
    let ends = Ends::default();
    let (ended, over) = (ends.one(), ends.one());
    let settings = WebSocketSettings {
        max_message_bytes: 100_000,
        frames: random.below(4) == 0,
        ..WebSocketSettings::default()
    };
    let mut frames = 0_usize;
    let (told, done) = (Arc::clone(&over), Arc::clone(&over));
    let client = WebSocketClient::new(
        &settings,
        &agreement(random.below(2) == 0),
        move |_| {
            assert_eq!(told.load(Ordering::Relaxed), 0, "a frame after the end");
            frames += 1;
            if frames.is_multiple_of(5) {
                Flow::Pause
            } else {
                Flow::Continue
            }
        },
        move |_| {
            over.fetch_add(1, Ordering::Relaxed);
            ended.fetch_add(1, Ordering::Relaxed);
        },
    );
    let bytes = script(random, websocket_frame, b"");
    drive(&client, random, &bytes, |random| {
        client.resume();
        let frame = match random.below(4) {
            0 => Frame::Text("some text".into()),
            1 => Frame::Binary(random.bytes(5000).into()),
            2 => Frame::Ping("payload".into()),
            _ if random.below(30) == 0 => Frame::Close(Some(1000), "enough".into()),
            _ => return,
        };
        let _ = client.send(frame);
    });
    // Frames that came before the end, five each time, where nothing was to be written any more.
    let mut rounds = 0;
    while done.load(Ordering::Relaxed) == 0 && rounds < 20_000 {
        client.resume();
        rounds += 1;
    }
    for count in ends.0.lock().unwrap().iter() {
        assert_eq!(count.load(Ordering::Relaxed), 1, "no end with seed {seed}");
    }
}

/// Bytes of memory that this process has.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.map_or(0, |pages: usize| pages * 4096)
}

fn run(engine: fn(u64)) {
    SEEDS.for_each(engine);
    let seconds = std::env::var("TRUNKLINE_ADVERSARY_SECONDS");
    let Some(seconds) = seconds.ok().and_then(|seconds| seconds.parse().ok()) else {
        return;
    };
    let (begun, before) = (Instant::now(), resident());
    let mut seed = SEEDS.end;
    while begun.elapsed() < Duration::from_secs(seconds) {
        engine(seed);
        seed += 1;
    }
    let grown = resident().saturating_sub(before);
    println!("{seed} seeds, {} KiB more memory", grown / 1024);
    assert!(grown < GROWTH, "{grown} bytes more after {seed} seeds");
}

#[test]
fn http2_holds_against_frames_at_random() {
    run(http2);
}

#[test]
fn http1_holds_against_answers_at_random() {
    run(http1);
}

#[test]
fn websockets_hold_against_frames_at_random() {
    run(websocket);
}
