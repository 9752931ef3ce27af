//! The same conversation however its bytes are cut.

use std::collections::BTreeMap;

use http::HeaderMap;
use trunkline::sansio::http2::{Http2Client, Http2Settings, PushHandler};
use trunkline::sansio::{Engine, ReadOperation, WriteOperation};

use crate::record::{Record, get, post};
use crate::server::Server;

/// Has a client ask for everything, `step` bytes at once; what it was told.
fn converse(step: usize) -> BTreeMap<String, Vec<String>> {
    let record = Record::default();
    let pushes = record.clone();
    let push: PushHandler = Box::new(move |request| {
        let path = request.uri().path().to_owned();
        pushes.note(&path, "promised");
        (path == "/pushed").then(|| pushes.handlers(&path))
    });
    let settings = Http2Settings {
        // The peer must stop and go on.
        stream_window: 20_000,
        ..Http2Settings::default()
    };
    let client = Http2Client::new(&settings, Some(push), record.connection()).unwrap();
    let mut server = Server::new();
    // From here on the client knows how many streams the server takes: some wait for their turn.
    server.pump(&client, step);
    for path in [
        "/hello",
        "/trailers",
        "/early",
        "/push",
        "/large",
        "/refuse",
        "/another",
    ] {
        client
            .request_without_body(get(path), record.handlers(path))
            .unwrap();
    }
    let body = client
        .request(post("/echo"), record.handlers("/echo"))
        .unwrap();
    let text: Vec<u8> = (0..100_000_u32)
        .map(|number| b'0' + (number % 10) as u8)
        .collect();
    body.write(text.clone()).unwrap();
    assert_eq!(body.room(), 256 * 1024 - 100_000);
    let flushed = record.clone();
    body.flush(move |gone| flushed.note("flush", gone.to_string()))
        .unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("sum", "45".parse().unwrap());
    body.close_with_trailers(trailers);
    for payload in [None, Some(*b"measured")] {
        let answered = record.clone();
        client
            .ping(payload, move || {
                answered.note("ping", format!("{payload:?}"));
            })
            .unwrap();
    }
    server.pump(&client, step);
    assert!(!client.is_closed());
    assert_eq!(*server.refused.lock().unwrap(), [h2::Reason::CANCEL]);
    // A request from inside a handler, after which the connection closes.
    let (again, noted) = (client.clone(), record.clone());
    client
        .ping(None, move || {
            again
                .request_without_body(get("/last"), noted.handlers("/last"))
                .unwrap();
            again.shutdown();
            assert!(
                again
                    .request_without_body(get("/late"), noted.handlers("/late"))
                    .is_err()
            );
        })
        .unwrap();
    server.pump(&client, step);
    assert_eq!(client.next_read_operation(), ReadOperation::Close);
    assert!(matches!(
        client.next_write_operation(),
        WriteOperation::Close { unsent: 0 }
    ));
    assert!(client.is_closed());
    let record = record.all();
    assert_eq!(
        record["/echo"],
        [
            "head 200".to_owned(),
            format!("data {}", String::from_utf8(text).unwrap()),
            "trailers sum=45".to_owned(),
            "end".to_owned()
        ]
    );
    record
}

#[test]
fn however_it_is_cut_the_conversation_is_the_same() {
    let whole = converse(usize::MAX);
    assert_eq!(whole["/hello"], ["head 200", "data /hello", "end"]);
    assert_eq!(
        whole["/trailers"],
        ["head 200", "data body", "trailers checksum=abc", "end"]
    );
    assert_eq!(whole["/early"], ["informational 103", "head 200", "end"]);
    assert_eq!(whole["/push"], ["head 200", "end"]);
    assert_eq!(
        whole["/pushed"],
        ["promised", "head 200", "data pushed", "end"]
    );
    assert_eq!(whole["/unwanted"], ["promised"]);
    assert_eq!(whole["/refuse"], ["protocol 7 received"]);
    assert_eq!(whole["/last"], ["head 200", "data /last", "end"]);
    assert_eq!(whole["/large"][1].len(), "data ".len() + 300_000);
    assert_eq!(whole["flush"], ["true"]);
    assert_eq!(
        whole["ping"],
        ["None", "Some([109, 101, 97, 115, 117, 114, 101, 100])"]
    );
    assert!(!whole.contains_key("/late") && !whole.contains_key("connection"));
    for step in [1, 2, 3, 8, 9, 10, 17, 63, 1000, 16_384] {
        let cut = converse(step);
        for (about, told) in &whole {
            assert!(
                cut.get(about) == Some(told),
                "{about} by {step}: {:.200?}",
                cut.get(about)
            );
        }
        assert_eq!(cut.len(), whole.len());
    }
}
