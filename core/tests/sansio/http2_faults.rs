//! Peers that break the protocol, reset, leave, or stop at any byte.

use trunkline::sansio::http2::{Http2Client, Http2Settings};
use trunkline::sansio::{Engine, ReadOperation, WriteOperation, WriteResult};

use crate::record::{Record, get, post};
use crate::scripted::*;

/// A client that has asked for `/`, and what it is told.
fn asked() -> (Http2Client, Record) {
    let record = Record::default();
    let client = Http2Client::new(&Http2Settings::default(), None, record.connection()).unwrap();
    client
        .request_without_body(get("/"), record.handlers("/"))
        .unwrap();
    written(&client);
    (client, record)
}

/// What is told of `/` and of the connection where the peer sends this, in one piece and byte by byte.
fn told(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let outcomes = [usize::MAX, 1].map(|step| {
        let (client, record) = asked();
        feed(&client, bytes, step);
        written(&client);
        (record.of("/"), record.of("connection"))
    });
    assert_eq!(outcomes[0], outcomes[1]);
    outcomes.into_iter().next().unwrap()
}

fn answer(flags: u8, fields: &[(&str, &str)], body: &[Vec<u8>]) -> Vec<u8> {
    let mut fields = fields.to_vec();
    fields.insert(0, (":status", "200"));
    [settings(), headers(1, flags, &fields), body.concat()].concat()
}

#[test]
fn a_wrong_length_is_told_of_as_such() {
    let short = answer(
        0,
        &[("content-length", "10")],
        &[frame(DATA, END_STREAM, 1, b"five!")],
    );
    assert_eq!(told(&short).0, ["head 200", "length 5 of 10"]);
    let long = answer(
        0,
        &[("content-length", "3")],
        &[frame(DATA, 0, 1, b"five!")],
    );
    assert_eq!(told(&long).0, ["head 200", "length 5 of 3"]);
    let trailers = answer(
        0,
        &[("content-length", "3")],
        &[headers(1, END_STREAM, &[("late", "1")])],
    );
    assert_eq!(told(&trailers).0, ["head 200", "length 0 of 3"]);
    // Padding is no part of a body (RFC 9113, 6.1).
    let padded = answer(
        0,
        &[("content-length", "4")],
        &[frame(DATA, END_STREAM | PADDED, 1, b"\x03fi\0\0\0")],
    );
    assert_eq!(told(&padded).0, ["head 200", "length 2 of 4"]);
    let right = answer(
        0,
        &[("content-length", "2")],
        &[frame(DATA, END_STREAM | PADDED, 1, b"\x03fi\0\0\0")],
    );
    assert_eq!(told(&right).0, ["head 200", "data fi", "end"]);
}

#[test]
fn malformed_answers_cost_their_stream_alone() {
    let none = [settings(), headers(1, END_STREAM, &[("server", "x")])].concat();
    assert_eq!(told(&none), (vec!["malformed".to_owned()], vec![]));
    let length = answer(0, &[("content-length", "x")], &[]);
    assert_eq!(told(&length), (vec!["malformed".to_owned()], vec![]));
}

#[test]
fn broken_connections_tell_their_handler_and_every_request() {
    for (bytes, code) in [
        // A frame longer than was allowed (RFC 9113, 4.2).
        (
            [settings(), frame(DATA, 0, 1, &vec![0; 16_385])].concat(),
            6,
        ),
        // Headers of a stream that nobody opened.
        (
            [settings(), headers(7, 0, &[(":status", "200")])].concat(),
            1,
        ),
        // A push where push is switched off.
        (
            [
                settings(),
                frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\x02"),
            ]
            .concat(),
            1,
        ),
        // A ping of seven bytes; h2 calls all of its faults PROTOCOL_ERROR.
        ([settings(), frame(PING, ACK, 0, b"1234567")].concat(), 1),
        // A window that overflows.
        (
            [
                settings(),
                frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]),
            ]
            .concat(),
            3,
        ),
        // A block of fields that cannot be decompressed (RFC 7541, 2.3.3); h2 does not say COMPRESSION_ERROR.
        (
            [settings(), frame(HEADERS, END_HEADERS, 1, &[0xfe])].concat(),
            1,
        ),
    ] {
        let (client, record) = asked();
        feed(&client, &bytes, 1);
        let expected = format!("protocol {code} sent");
        assert_eq!(
            record.of("connection"),
            std::slice::from_ref(&expected),
            "{bytes:.20?}"
        );
        assert_eq!(record.of("/"), [expected]);
        let (kind, _, _, payload) = frames(&written(&client)).pop().unwrap();
        assert_eq!((kind, payload[7]), (GOAWAY, code));
        assert!(client.is_closed());
        assert_eq!(client.read(b"more"), 0);
        assert!(
            client
                .request_without_body(get("/"), record.handlers("late"))
                .is_err()
        );
        assert!(client.ping(None, || ()).is_err());
    }
}

#[test]
fn something_that_is_not_http2_is_an_error() {
    let (client, record) = asked();
    feed(
        &client,
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        1,
    );
    client.read_eof();
    assert_eq!(record.of("connection").len(), 1);
    assert_eq!(record.of("/").len(), 1);
    written(&client);
    assert!(client.is_closed());
}

#[test]
fn resets_of_every_code_go_to_the_stream() {
    for code in (0..=13).chain([14, 0xffff_ffff]) {
        let bytes = [settings(), reset(1, code)].concat();
        assert_eq!(
            told(&bytes),
            (vec![format!("protocol {code} received")], vec![])
        );
        let late = answer(0, &[], &[frame(DATA, 0, 1, b"part"), reset(1, code)]);
        let end = format!("protocol {code} received");
        assert_eq!(
            told(&late).0,
            ["head 200".to_owned(), "data part".to_owned(), end]
        );
    }
}

#[test]
fn an_early_answer_with_no_error_is_complete() {
    let record = Record::default();
    let client = Http2Client::new(&Http2Settings::default(), None, record.connection()).unwrap();
    let body = client.request(post("/"), record.handlers("/")).unwrap();
    body.write(vec![b'x'; 100_000]).unwrap();
    let flushed = record.clone();
    body.flush(move |gone| flushed.note("flush", gone.to_string()))
        .unwrap();
    written(&client);
    let bytes = answer(
        0,
        &[],
        &[frame(DATA, END_STREAM, 1, b"enough"), reset(1, 0)],
    );
    feed(&client, &bytes, usize::MAX);
    assert_eq!(record.of("/"), ["head 200", "data enough", "end"]);
    assert_eq!(record.of("flush"), ["false"]);
    assert!(body.write("more").is_err());
    assert_eq!(body.room(), 0);
}

#[test]
fn a_goaway_leaves_what_it_covers() {
    let (client, record) = asked();
    client
        .request_without_body(get("/3"), record.handlers("/3"))
        .unwrap();
    written(&client);
    feed(&client, &[settings(), go_away(1, 0)].concat(), 1);
    assert_eq!(record.of("/3"), ["protocol 0 received"]);
    assert!(
        client
            .request_without_body(get("/5"), record.handlers("/5"))
            .is_err()
    );
    feed(&client, &headers(1, END_STREAM, &[(":status", "204")]), 1);
    assert_eq!(record.of("/"), ["head 204", "end"]);
    written(&client);
    assert!(client.is_closed());
    assert!(record.of("connection").is_empty());
    let (client, record) = asked();
    feed(&client, &[settings(), go_away(0, 11)].concat(), 1);
    client.read_eof();
    assert_eq!(record.of("connection"), ["protocol 11 received"]);
    assert_eq!(record.of("/"), ["protocol 11 received"]);
}

#[test]
fn an_end_at_any_byte_is_told_of() {
    let whole = answer(
        0,
        &[("content-length", "4")],
        &[frame(DATA, 0, 1, b"ab"), frame(DATA, END_STREAM, 1, b"cd")],
    );
    for length in 0..=whole.len() {
        let (client, record) = asked();
        feed(&client, &whole[..length], usize::MAX);
        client.read_eof();
        let told = record.of("/");
        let ends = |line: &&String| *line == "end" || line.starts_with("exception");
        assert_eq!(told.iter().filter(ends).count(), 1, "{length}: {told:?}");
        assert_eq!(
            told.last().unwrap() == "end",
            length == whole.len(),
            "{length}: {told:?}"
        );
        written(&client);
        assert!(client.is_closed());
        assert_eq!(client.next_read_operation(), ReadOperation::Close);
    }
}

#[test]
fn a_transport_that_takes_no_more_can_still_be_read() {
    let (client, record) = asked();
    let body = client.request(post("/3"), record.handlers("/3")).unwrap();
    body.write("lost").unwrap();
    let flushed = record.clone();
    body.flush(move |gone| flushed.note("flush", gone.to_string()))
        .unwrap();
    let WriteOperation::Write(vectors) = client.next_write_operation() else {
        panic!("nothing to write");
    };
    let count = vectors.remaining() as u64;
    client.report_write_result(WriteResult::Written(1));
    client.report_write_result(WriteResult::Closed);
    assert_eq!(record.of("flush"), ["false"]);
    let WriteOperation::Close { unsent } = client.next_write_operation() else {
        panic!("not closed");
    };
    assert_eq!(unsent, count - 1);
    assert_eq!(client.next_read_operation(), ReadOperation::Read);
    feed(&client, &answer(END_STREAM, &[], &[]), 1);
    assert_eq!(record.of("/"), ["head 200", "end"]);
    client.read_eof();
    assert!(record.of("/3")[0].starts_with("exception"));
    assert!(client.is_closed());
}
