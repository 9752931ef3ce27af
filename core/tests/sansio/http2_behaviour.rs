//! What a client connection is to do by itself, one behaviour after the other, against frames made by hand.

use http::Request;
use trunkline::sansio::http2::{Http2Client, Http2Settings, PushHandler};
use trunkline::sansio::{Engine, ReadOperation, WriteOperation};

use crate::record::{Record, get, post};
use crate::scripted::*;

const CONTINUATION: u8 = 9;
const PRIORITY: u8 = 2;
/// The flag of HEADERS that begin with what they depend on (RFC 9113, 6.2).
const PRIORITIZED: u8 = 0x20;
const STEPS: [usize; 3] = [1, 5, usize::MAX];

fn client(record: &Record) -> Http2Client {
    Http2Client::new(&Http2Settings::default(), None, record.connection()).unwrap()
}

/// A client that has asked for `/`, and what it is told.
fn asked() -> (Http2Client, Record) {
    let record = Record::default();
    let client = client(&record);
    client
        .request_without_body(get("/"), record.handlers("/"))
        .unwrap();
    written(&client);
    (client, record)
}

fn kinds(out: &[u8]) -> Vec<(u8, u8, u32)> {
    let frames = frames(out).into_iter();
    frames.map(|frame| (frame.0, frame.1, frame.2)).collect()
}

#[test]
fn a_new_connection_wants_input_until_its_end() {
    let record = Record::default();
    let client = client(&record);
    assert_eq!(client.next_read_operation(), ReadOperation::Read);
    assert_eq!(client.read(&[]), 0);
    assert_eq!(client.next_read_operation(), ReadOperation::Read);
    client.read_eof();
    assert_eq!(client.next_read_operation(), ReadOperation::Close);
    assert_eq!(client.read(&settings()), 0);
}

#[test]
fn settings_are_acknowledged_once() {
    for step in STEPS {
        let record = Record::default();
        let client = client(&record);
        let begun = written(&client);
        assert!(begun.starts_with(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
        assert_eq!(kinds(&begun)[0], (SETTINGS, 0, 0));
        feed(&client, &settings(), step);
        assert_eq!(kinds(&written(&client)), [(SETTINGS, ACK, 0)]);
        feed(&client, &frame(SETTINGS, ACK, 0, &[]), step);
        assert!(written(&client).is_empty());
        assert!(record.all().is_empty());
    }
}

#[test]
fn a_peer_has_to_begin_with_settings() {
    for first in [
        headers(1, END_STREAM, &[(":status", "200")]),
        frame(DATA, 0, 1, b"data"),
        frame(PING, 0, 0, &[0; 8]),
        frame(SETTINGS, ACK, 0, &[]),
        frame(0x77, 0, 0, b"unknown"),
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
    ] {
        for step in STEPS {
            let (client, record) = asked();
            feed(&client, &[first.clone(), settings()].concat(), step);
            assert_eq!(record.of("/"), ["protocol 1 sent"], "{first:?}");
            assert_eq!(record.of("connection"), ["protocol 1 sent"]);
            let (kind, _, _, payload) = frames(&written(&client)).pop().unwrap();
            assert_eq!((kind, payload[7]), (GOAWAY, 1));
            assert_eq!(client.next_read_operation(), ReadOperation::Close);
            assert!(client.is_closed());
        }
    }
}

#[test]
fn a_peer_may_begin_with_goaway() {
    for step in STEPS {
        let (client, record) = asked();
        // INADEQUATE_SECURITY (RFC 9113, 7).
        feed(&client, &go_away(0, 12), step);
        client.read_eof();
        assert_eq!(record.of("connection"), ["protocol 12 received"]);
        assert_eq!(record.of("/"), ["protocol 12 received"]);
        assert_eq!(client.next_read_operation(), ReadOperation::Close);
        written(&client);
        assert!(client.is_closed());
    }
}

#[test]
fn an_empty_body_ends_by_an_empty_frame() {
    for step in STEPS {
        let record = Record::default();
        let client = client(&record);
        written(&client);
        let body = client.request(get("/"), record.handlers("/")).unwrap();
        assert_eq!(kinds(&written(&client)), [(HEADERS, END_HEADERS, 1)]);
        // The stream is open: more could be written.
        assert!(body.room() > 0);
        body.close();
        let out = frames(&written(&client));
        assert_eq!(out, [(DATA, END_STREAM, 1, vec![])]);
        // Half-closed: nothing can, and the answer can come.
        assert!(body.write("late").is_err());
        assert_eq!(body.room(), 0);
        feed(
            &client,
            &[settings(), headers(1, END_STREAM, &[(":status", "200")])].concat(),
            step,
        );
        assert_eq!(record.of("/"), ["head 200", "end"]);
        // Closed: to give it up is nothing any more.
        written(&client);
        body.cancel(8);
        assert!(written(&client).is_empty());
    }
}

#[test]
fn fields_may_be_continued() {
    for step in STEPS {
        let (client, record) = asked();
        client
            .request_without_body(get("/3"), record.handlers("/3"))
            .unwrap();
        written(&client);
        let first = block(&[(":status", "200")]);
        let second = block(&[("baz", "qux")]);
        let answers = [
            settings(),
            frame(HEADERS, END_STREAM, 1, &first),
            frame(CONTINUATION, 0, 1, &second[..3]),
            frame(CONTINUATION, END_HEADERS, 1, &second[3..]),
            headers(3, END_STREAM, &[(":status", "204")]),
        ];
        feed(&client, &answers.concat(), step);
        assert_eq!(record.of("/"), ["head 200", "end"]);
        assert_eq!(record.of("/3"), ["head 204", "end"]);
        assert!(record.of("connection").is_empty());
    }
}

#[test]
fn fields_are_continued_on_their_own_stream_alone() {
    for other in [
        frame(CONTINUATION, END_HEADERS, 3, &block(&[("baz", "qux")])),
        frame(PING, 0, 0, &[0; 8]),
        headers(3, END_STREAM, &[(":status", "200")]),
    ] {
        for step in STEPS {
            let (client, record) = asked();
            client
                .request_without_body(get("/3"), record.handlers("/3"))
                .unwrap();
            written(&client);
            let begun = frame(HEADERS, END_STREAM, 1, &block(&[(":status", "200")]));
            feed(&client, &[settings(), begun, other.clone()].concat(), step);
            assert_eq!(record.of("connection"), ["protocol 1 sent"]);
            assert_eq!(record.of("/"), ["protocol 1 sent"]);
            assert_eq!(record.of("/3"), ["protocol 1 sent"]);
            let (kind, _, _, payload) = frames(&written(&client)).pop().unwrap();
            assert_eq!((kind, payload[7]), (GOAWAY, 1));
            assert!(client.is_closed());
        }
    }
}

#[test]
fn a_stream_that_depends_on_itself_is_faulty() {
    let itself = [0, 0, 0, 1, 16];
    let mut block = block(&[(":status", "200")]);
    block.splice(0..0, itself);
    for faulty in [
        frame(HEADERS, END_HEADERS | END_STREAM | PRIORITIZED, 1, &block),
        frame(PRIORITY, 0, 1, &itself),
    ] {
        for step in STEPS {
            let (client, record) = asked();
            client
                .request_without_body(get("/3"), record.handlers("/3"))
                .unwrap();
            written(&client);
            let answer = headers(3, END_STREAM, &[(":status", "204")]);
            feed(
                &client,
                &[settings(), faulty.clone(), answer].concat(),
                step,
            );
            assert_eq!(record.of("/"), ["malformed"]);
            assert_eq!(record.of("/3"), ["head 204", "end"]);
            let out = frames(&written(&client));
            assert!(out.contains(&(RST_STREAM, 0, 1, vec![0, 0, 0, 1])));
            assert!(record.of("connection").is_empty());
        }
    }
}

/// Has a server promise `/p` on stream 2 and answer it, and the request itself. What was told, and whether the promise was
/// reset by CANCEL.
fn promised(accepts: bool, step: usize) -> (Record, bool) {
    let record = Record::default();
    let pushes = record.clone();
    let push: PushHandler = Box::new(move |request: Request<()>| {
        pushes.note("push", format!("{} {}", request.method(), request.uri()));
        accepts.then(|| pushes.handlers("push"))
    });
    let client =
        Http2Client::new(&Http2Settings::default(), Some(push), record.connection()).unwrap();
    client
        .request_without_body(get("/"), record.handlers("/"))
        .unwrap();
    written(&client);
    let mut promise = 2_u32.to_be_bytes().to_vec();
    promise.extend(block(&[
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "foo.com"),
        (":path", "/p"),
    ]));
    let bytes = [
        settings(),
        headers(1, 0, &[(":status", "200")]),
        frame(PUSH_PROMISE, END_HEADERS, 1, &promise),
        headers(2, END_STREAM, &[(":status", "200")]),
        frame(DATA, END_STREAM, 1, b""),
    ];
    feed(&client, &bytes.concat(), step);
    let out = frames(&written(&client));
    (record, out.contains(&(RST_STREAM, 0, 2, vec![0, 0, 0, 8])))
}

#[test]
fn a_promise_is_taken_up_or_refused() {
    for step in STEPS {
        let (record, was_reset) = promised(true, step);
        assert_eq!(
            record.of("push"),
            ["GET http://foo.com/p", "head 200", "end"]
        );
        assert_eq!(record.of("/"), ["head 200", "end"]);
        assert!(!was_reset);
        let (record, was_reset) = promised(false, step);
        assert_eq!(record.of("push"), ["GET http://foo.com/p"]);
        assert_eq!(record.of("/"), ["head 200", "end"]);
        assert!(was_reset);
        assert!(record.of("connection").is_empty());
    }
}

#[test]
fn pings_of_the_same_bytes_are_answered_one_by_one() {
    for step in STEPS {
        let record = Record::default();
        let client = client(&record);
        for name in ["first", "second"] {
            let told = record.clone();
            client.ping(None, move || told.note("ping", name)).unwrap();
        }
        let sent = kinds(&written(&client));
        let pings = sent.iter().filter(|frame| **frame == (PING, 0, 0));
        assert_eq!(pings.count(), 2);
        feed(&client, &settings(), step);
        let answer = frame(PING, ACK, 0, &[0; 8]);
        feed(&client, &answer, step);
        assert_eq!(record.of("ping"), ["first"]);
        feed(&client, &answer, step);
        assert_eq!(record.of("ping"), ["first", "second"]);
        // A third answers nothing of ours, and harms nothing.
        feed(&client, &answer, step);
        assert_eq!(record.of("ping").len(), 2);
        assert!(record.of("connection").is_empty());
    }
}

#[test]
fn a_reset_is_not_answered() {
    for step in STEPS {
        let record = Record::default();
        let client = client(&record);
        let body = client.request(post("/"), record.handlers("/")).unwrap();
        body.close();
        written(&client);
        feed(&client, &settings(), step);
        written(&client);
        feed(&client, &reset(1, 1), step);
        assert_eq!(record.of("/"), ["protocol 1 received"]);
        assert!(matches!(
            client.next_write_operation(),
            WriteOperation::Yield
        ));
        assert!(record.of("connection").is_empty());
    }
}
