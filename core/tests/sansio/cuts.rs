//! What a peer says is cut in two at every byte, and what the engine writes goes out in two parts, cut at every byte: all is
//! told and written as it is without a cut.

use std::sync::{Arc, Mutex};

use trunkline::Frame;
use trunkline::sansio::http1::{Http1Client, Http1Settings};
use trunkline::sansio::http2::{Http2Client, Http2Settings, PushHandler};
use trunkline::sansio::websocket::{Flow, WebSocketAgreement, WebSocketClient, WebSocketSettings};
use trunkline::sansio::{Engine, WriteOperation, WriteResult};

use crate::record::{Record, get, post};
use crate::scripted::*;

/// Takes all that is to be written; the first write takes `cut` bytes at the most.
fn written(engine: &dyn Engine, cut: usize) -> Vec<u8> {
    let mut all = Vec::new();
    let mut most = cut;
    while let WriteOperation::Write(vectors) = engine.next_write_operation() {
        let bytes: Vec<u8> = vectors.iter().flatten().copied().take(most).collect();
        engine.report_write_result(WriteResult::Written(bytes.len()));
        all.extend(bytes);
        most = usize::MAX;
    }
    all
}

fn read(engine: &dyn Engine, bytes: &[u8]) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let count = engine.read(rest);
        assert!(count > 0, "{} bytes were left", rest.len());
        rest = &rest[count..];
    }
}

/// What is told and written, before anything came and after it, where a conversation is cut.
type Outcome = (Vec<u8>, Vec<u8>, String);

/// Plays a conversation whole, and with every cut of what comes and of what goes.
fn play(bytes: &[u8], converse: impl Fn(&[u8], &[u8], usize) -> Outcome) {
    let whole = converse(bytes, &[], usize::MAX);
    for cut in 0..=bytes.len() {
        let (first, second) = bytes.split_at(cut);
        assert_eq!(converse(first, second, usize::MAX), whole, "read {cut}");
    }
    for cut in 0..=whole.0.len().max(whole.1.len()) {
        assert_eq!(converse(bytes, &[], cut), whole, "written {cut}");
    }
}

fn http2(first: &[u8], second: &[u8], cut: usize) -> Outcome {
    let record = Record::default();
    let pushes = record.clone();
    let push: PushHandler = Box::new(move |request| {
        let path = request.uri().path().to_owned();
        pushes.note(&path, "promised");
        (path == "/taken").then(|| pushes.handlers(&path))
    });
    let settings = Http2Settings::default();
    let client = Http2Client::new(&settings, Some(push), record.connection()).unwrap();
    for path in ["/1", "/3"] {
        client
            .request_without_body(get(path), record.handlers(path))
            .unwrap();
    }
    let body = client.request(post("/5"), record.handlers("/5")).unwrap();
    body.write("some bytes").unwrap();
    body.close();
    let told = record.clone();
    client
        .ping(Some(*b"measured"), move || told.note("ping", "answered"))
        .unwrap();
    let asked = written(&client, cut);
    read(&client, first);
    read(&client, second);
    (asked, written(&client, cut), format!("{:?}", record.all()))
}

#[test]
fn http2_is_cut_anywhere() {
    let promise = |number: u32, path| {
        let mut payload = number.to_be_bytes().to_vec();
        payload.extend(block(&[
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "a"),
            (":path", path),
        ]));
        frame(PUSH_PROMISE, END_HEADERS, 1, &payload)
    };
    let bytes = [
        settings(),
        frame(SETTINGS, ACK, 0, &[]),
        headers(1, 0, &[(":status", "103")]),
        promise(2, "/taken"),
        promise(4, "/refused"),
        headers(1, 0, &[(":status", "200"), ("content-length", "8")]),
        headers(2, 0, &[(":status", "200")]),
        frame(DATA, PADDED, 1, b"\x03data\0\0\0"),
        frame(PING, 0, 0, b"12345678"),
        frame(DATA, END_STREAM, 2, b"pushed"),
        frame(PING, ACK, 0, b"measured"),
        frame(DATA, 0, 1, b"more"),
        headers(1, END_STREAM, &[("checksum", "abc")]),
        headers(3, 0, &[(":status", "200"), ("content-length", "3")]),
        frame(DATA, END_STREAM, 3, b"1"),
        reset(5, 11),
        go_away(5, 0),
    ];
    play(&bytes.concat(), http2);
}

fn http1(first: &[u8], second: &[u8], cut: usize) -> Outcome {
    let record = Record::default();
    let client = Http1Client::new(&Http1Settings::default(), record.connection()).unwrap();
    for path in ["/1", "/2"] {
        client
            .request_without_body(get(path), record.handlers(path))
            .unwrap();
    }
    let asked = written(&client, cut);
    for piece in [first, second] {
        let mut rest = piece;
        while !rest.is_empty() {
            let count = client.read(rest);
            rest = &rest[count..];
            if count == 0 {
                break;
            }
        }
    }
    let sent = written(&client, cut);
    client.read_eof();
    (asked, sent, format!("{:?}", record.all()))
}

#[test]
fn http1_is_cut_anywhere() {
    let bytes = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
                  5\r\nhello\r\n0\r\nchecksum: abc\r\n\r\n";
    play(bytes, http1);
    play(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello", http1);
}

fn websocket(first: &[u8], second: &[u8], cut: usize) -> Outcome {
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let (frames, ended) = (Arc::clone(&told), Arc::clone(&told));
    let client = WebSocketClient::new(
        &WebSocketSettings::default(),
        &WebSocketAgreement::default(),
        move |frame| {
            frames.lock().unwrap().push(format!("{frame:?}"));
            Flow::Continue
        },
        move |outcome| ended.lock().unwrap().push(format!("{outcome:?}")),
    );
    client.send(Frame::Text("first".into())).unwrap();
    // The masks are drawn anew each time: what they cover is left out.
    let asked = vec![0; written(&client, cut).len()];
    read(&client, first);
    read(&client, second);
    let sent = vec![0; written(&client, cut).len()];
    let told = told.lock().unwrap().join("\n");
    (asked, sent, told)
}

#[test]
fn a_websocket_is_cut_anywhere() {
    let mut bytes = b"\x81\x05hello\x89\x04ping\x01\x02na\x80\x04\xc3\xafve".to_vec();
    bytes.extend(b"\x82\x7e\x00\x80");
    bytes.extend([7; 128]);
    bytes.extend(b"\x88\x05\x03\xe8bye");
    play(&bytes, websocket);
    play(b"\x81\x02ok\x83\x00", websocket);
}
