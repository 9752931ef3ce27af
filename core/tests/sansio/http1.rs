//! HTTP/1.1 without a socket, against answers made by hand.

use std::collections::BTreeMap;

use http::{HeaderMap, Request};
use trunkline::sansio::http1::{Flow, Handlers, Http1Client, Http1Settings, HttpError};
use trunkline::sansio::{Engine, ReadOperation, WriteOperation, WriteResult};
use trunkline::{Error, ErrorCode};

use crate::record::{Record, get, post};

fn client(record: &Record) -> Http1Client {
    Http1Client::new(&Http1Settings::default(), record.connection()).unwrap()
}

/// All that a client has to write, `step` bytes at once.
fn written(client: &Http1Client, step: usize) -> String {
    let mut all = Vec::new();
    while let WriteOperation::Write(vectors) = client.next_write_operation() {
        let count = vectors[0].len().min(step);
        all.extend_from_slice(&vectors[0][..count]);
        client.report_write_result(WriteResult::Written(count));
    }
    String::from_utf8(all).unwrap()
}

/// How much of it the client took.
fn feed(client: &Http1Client, text: &str, step: usize) -> usize {
    let mut taken = 0;
    while taken < text.len() {
        let end = text.len().min(taken.saturating_add(step));
        let count = client.read(&text.as_bytes()[taken..end]);
        taken += count;
        if count == 0 {
            break;
        }
    }
    taken
}

fn converse(step: usize) -> BTreeMap<String, Vec<String>> {
    let record = Record::default();
    let client = client(&record);
    for path in ["/length", "/chunked", "/none"] {
        client
            .request_without_body(get(path), record.handlers(path))
            .unwrap();
    }
    let mut request = post("/echo");
    request
        .headers_mut()
        .insert("trailer", "sum".parse().unwrap());
    let body = client.request(request, record.handlers("/echo")).unwrap();
    body.write("some ").unwrap();
    body.write("bytes").unwrap();
    let flushed = record.clone();
    body.flush(move |gone| flushed.note("flush", gone.to_string()))
        .unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("sum", "10".parse().unwrap());
    body.close_with_trailers(trailers);
    assert!(body.write("more").is_err());
    client
        .request_without_body(get("/until?the=end"), record.handlers("/until"))
        .unwrap();

    // One after the other.
    let sent = written(&client, step);
    assert_eq!(sent, "GET /length HTTP/1.1\r\nhost: example.test\r\n\r\n");
    let answer = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n\
                  HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
    assert_eq!(feed(&client, answer, step), answer.len());
    assert_eq!(
        written(&client, step),
        "GET /chunked HTTP/1.1\r\nhost: example.test\r\n\r\n"
    );
    let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
                  5\r\nhello\r\n7\r\n, world\r\n0\r\nchecksum: abc\r\n\r\n";
    assert_eq!(feed(&client, answer, step), answer.len());
    assert!(written(&client, step).starts_with("GET /none "));
    feed(&client, "HTTP/1.1 204 No Content\r\n\r\n", step);
    let sent = written(&client, step);
    let (head, body) = sent.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        head,
        "POST /echo HTTP/1.1\r\ntrailer: sum\r\nhost: example.test\r\ntransfer-encoding: chunked"
    );
    assert_eq!(body, "5\r\nsome \r\n5\r\nbytes\r\n0\r\nsum: 10\r\n\r\n");
    feed(
        &client,
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nsome bytes",
        step,
    );
    assert!(written(&client, step).starts_with("GET /until?the=end "));
    feed(&client, "HTTP/1.1 200 OK\r\n\r\nuntil the ", step);
    feed(&client, "end", step);
    client.read_eof();
    assert!(client.is_closed());
    assert_eq!(client.next_read_operation(), ReadOperation::Close);
    assert!(matches!(
        client.next_write_operation(),
        WriteOperation::Close { unsent: 0 }
    ));
    let refused = client.request_without_body(get("/late"), record.handlers("/late"));
    assert_eq!(refused.unwrap_err().code(), ErrorCode::Closed);
    record.all()
}

#[test]
fn however_it_is_cut_the_conversation_is_the_same() {
    let whole = converse(usize::MAX);
    assert_eq!(
        whole["/length"],
        [
            "informational 103",
            "informational 103",
            "head 200",
            "data hello",
            "end"
        ]
    );
    assert_eq!(
        whole["/chunked"],
        [
            "head 200",
            "data hello, world",
            "trailers checksum=abc",
            "end"
        ]
    );
    assert_eq!(whole["/none"], ["head 204", "end"]);
    assert_eq!(whole["/echo"], ["head 200", "data some bytes", "end"]);
    assert_eq!(whole["/until"], ["head 200", "data until the end", "end"]);
    assert_eq!(whole["flush"], ["true"]);
    assert_eq!(whole.len(), 6);
    for step in 1..80 {
        assert_eq!(converse(step), whole, "by {step}");
    }
}

#[test]
fn what_is_wrong_with_an_answer_is_told() {
    for (answer, told) in [
        ("nonsense\r\n\r\n", vec!["malformed"]),
        ("HTTP/1.1 200 OK\r\nbroken\r\n\r\n", vec!["malformed"]),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
            vec!["malformed"],
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            vec!["head 200", "malformed"],
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: other\r\nconnection: upgrade\r\n\r\n",
            vec!["malformed"],
        ),
    ] {
        for step in [1, 2, usize::MAX] {
            let record = Record::default();
            let client = client(&record);
            client
                .request_without_body(get("/"), record.handlers("/"))
                .unwrap();
            client
                .request_without_body(get("/next"), record.handlers("/next"))
                .unwrap();
            written(&client, step);
            feed(&client, answer, step);
            assert_eq!(record.of("/"), told, "{answer:?} by {step}");
            assert_eq!(record.of("/next").len(), 1);
            assert!(client.is_closed(), "{answer:?}");
        }
    }
}

#[test]
fn an_answer_that_breaks_off_fails() {
    for answer in [
        "",
        "HTTP/1.1 2",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhello",
    ] {
        let record = Record::default();
        let client = client(&record);
        client
            .request_without_body(get("/"), record.handlers("/"))
            .unwrap();
        written(&client, 1000);
        feed(&client, answer, 1);
        client.read_eof();
        let told = record.of("/");
        assert!(told.last().unwrap().starts_with("exception "), "{told:?}");
        assert!(client.is_closed());
    }
}

#[test]
fn an_early_end_of_a_body_of_declared_length_is_told_with_both_lengths() {
    for came in 0..9 {
        for step in [1, usize::MAX] {
            let record = Record::default();
            let client = client(&record);
            client
                .request_without_body(get("/"), record.handlers("/"))
                .unwrap();
            written(&client, 1000);
            let body = &"123456789"[..came];
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{body}");
            feed(&client, &answer, step);
            client.read_eof();
            let told = record.of("/");
            assert_eq!(told.last().unwrap(), &format!("length {came} of 9"));
            assert!(client.is_closed());
        }
    }
}

#[test]
fn a_body_that_is_cut_off_is_a_closed_connection_in_the_table_of_errors() {
    for (cut_off, code) in [
        (true, ErrorCode::ConnectionClosed),
        (false, ErrorCode::Http2Protocol),
    ] {
        let fault = HttpError::InvalidBodyLength {
            expected: 9,
            received: 5,
            cut_off,
        };
        assert_eq!(Error::from(fault).code(), code);
    }
}

#[test]
fn other_codings_than_chunks_are_refused_by_name() {
    let record = Record::default();
    let client = client(&record);
    for codings in [&["gzip"][..], &["gzip, chunked"], &["chunked", "gzip"]] {
        let mut request = post("/");
        for coding in codings {
            let coding = coding.parse().unwrap();
            request.headers_mut().append("transfer-encoding", coding);
        }
        let (head, ()) = request.into_parts();
        let request = || Request::from_parts(head.clone(), ());
        let without = client.request_without_body(request(), record.handlers("/"));
        let with = client.request(request(), record.handlers("/"));
        for error in [with.err().unwrap(), without.err().unwrap()] {
            assert_eq!(error.code(), ErrorCode::InvalidArgument);
            assert!(error.to_string().contains("transfer-encoding"), "{error}");
        }
    }
    assert_eq!(written(&client, 1000), "");
    let mut request = post("/");
    let chunked = "Chunked".parse().unwrap();
    request.headers_mut().insert("transfer-encoding", chunked);
    let body = client.request(request, record.handlers("/")).unwrap();
    body.close();
    assert_eq!(
        written(&client, 1000),
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nhost: example.test\r\n\r\n0\r\n\r\n"
    );
}

#[test]
fn an_upgraded_connection_is_the_programs_with_all_that_followed() {
    for step in [1, 10, usize::MAX] {
        let record = Record::default();
        let client = client(&record);
        let upgraded = record.clone();
        let request = Request::get("http://example.test/socket")
            .header("connection", "upgrade")
            .header("upgrade", "other")
            .body(())
            .unwrap();
        let handlers = record.handlers("/").on_upgrade(move |response, rest| {
            upgraded.note("upgrade", format!("{} {rest:?}", response.status()));
        });
        client.request_without_body(request, handlers).unwrap();
        written(&client, step);
        let answer = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n\
                      upgrade: other\r\nconnection: upgrade\r\n\r\nnew words";
        let taken = feed(&client, answer, step);
        assert!(client.is_closed());
        // What came together with the head was taken; the rest is the program's to give to what it speaks now.
        let rest = record.of("upgrade").pop().unwrap();
        let given = "new words".len() - (answer.len() - taken);
        assert_eq!(
            rest,
            format!("101 Switching Protocols b{:?}", &"new words"[..given])
        );
        assert_eq!(record.of("/"), ["informational 103"]);
    }
}

#[test]
fn bodies_of_a_wrong_length_are_not_cut_in_silence() {
    for (length, announced) in [("3", true), ("30", true), ("", false)] {
        let record = Record::default();
        let client = client(&record);
        let mut request = post("/");
        if announced {
            request
                .headers_mut()
                .insert("content-length", length.parse().unwrap());
        }
        let body = client.request(request, record.handlers("/")).unwrap();
        body.write("some bytes").unwrap();
        let mut trailers = HeaderMap::new();
        trailers.insert("sum", "10".parse().unwrap());
        if announced {
            body.close();
        } else {
            body.close_with_trailers(trailers);
        }
        written(&client, 1000);
        assert!(client.is_closed());
        let told = record.of("/");
        assert!(told[0].starts_with("exception "), "{told:?}");
    }
}

#[test]
fn giving_up_ends_the_connection_and_a_shutdown_waits() {
    let record = Record::default();
    let client_one = client(&record);
    let body = client_one.request(post("/"), record.handlers("/")).unwrap();
    client_one
        .request_without_body(get("/next"), record.handlers("/next"))
        .unwrap();
    written(&client_one, 1000);
    drop(body);
    assert!(record.of("/").is_empty());
    assert!(record.of("/next")[0].starts_with("exception "));
    assert!(client_one.is_closed());

    let client_two = client(&record);
    client_two
        .request_without_body(get("/last"), record.handlers("/last"))
        .unwrap();
    client_two.shutdown();
    assert!(written(&client_two, 1000).starts_with("GET /last"));
    assert!(!client_two.is_closed());
    feed(
        &client_two,
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        1,
    );
    assert_eq!(record.of("/last"), ["head 200", "end"]);
    assert!(client_two.is_closed());
    assert!(record.of("connection").is_empty());
}

#[test]
fn a_request_without_a_body_is_given_up_before_its_answer() {
    let record = Record::default();
    let client = client(&record);
    let handles = ["/1", "/2", "/3"].map(|path| {
        client
            .request_without_body(get(path), record.handlers(path))
            .unwrap()
    });
    assert!(written(&client, 1000).starts_with("GET /1 "));
    // One that waits for its turn is only taken out.
    handles[1].cancel(8);
    assert!(!client.is_closed());
    feed(&client, "HTTP/1.1 204 No Content\r\n\r\n", 1);
    assert!(written(&client, 1000).starts_with("GET /3 "));
    handles[2].cancel(8);
    assert!(client.is_closed());
    assert_eq!(record.of("/1"), ["head 204", "end"]);
    assert!(record.of("/2").is_empty() && record.of("/3").is_empty());
    assert!(record.of("connection").is_empty());
}

#[test]
fn a_pause_stops_the_peer() {
    let record = Record::default();
    let client = client(&record);
    let bodies = std::sync::Arc::new(std::sync::Mutex::new(None));
    let kept = std::sync::Arc::clone(&bodies);
    let noted = record.clone();
    let handlers = Handlers::new(
        move |_, body| {
            body.read(move |part| {
                noted.note("/", format!("{part:?}").len().to_string());
                Flow::Pause
            });
            *kept.lock().unwrap() = Some(body);
        },
        |_| {},
    );
    client.request_without_body(get("/"), handlers).unwrap();
    written(&client, 1000);
    feed(
        &client,
        "HTTP/1.1 200 OK\r\ncontent-length: 10000000\r\n\r\n",
        1000,
    );
    let block = "x".repeat(10_000);
    let mut taken = 0;
    while client.next_read_operation() == ReadOperation::Read {
        taken += client.read(block.as_bytes());
        assert!(taken < 10_000_000, "no bound");
    }
    assert_eq!(record.of("/").len(), 1);
    bodies.lock().unwrap().as_ref().unwrap().resume();
    assert_eq!(record.of("/").len(), 2);
    client.report_exn("out of order".into());
    assert_eq!(record.of("connection"), ["exception out of order"]);
}
