//! What can be done with a connection and its bodies beyond asking and reading.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use trunkline::sansio::http2::{BodyPart, Flow, Handlers, Http2Client, Http2Settings, RequestBody};
use trunkline::sansio::{Engine, ReadOperation, WriteOperation};

use crate::record::{Record, get, post};
use crate::scripted::*;

fn client(record: &Record) -> Http2Client {
    Http2Client::new(&Http2Settings::default(), None, record.connection()).unwrap()
}

#[test]
fn settings_outside_the_protocol_are_refused() {
    for wrong in [
        Http2Settings {
            stream_window: 1 << 31,
            ..Http2Settings::default()
        },
        Http2Settings {
            connection_window: 65_534,
            ..Http2Settings::default()
        },
        Http2Settings {
            max_frame_size: 16_383,
            ..Http2Settings::default()
        },
        Http2Settings {
            max_frame_size: 1 << 24,
            ..Http2Settings::default()
        },
        Http2Settings {
            upload_buffer: 0,
            ..Http2Settings::default()
        },
    ] {
        assert!(Http2Client::new(&wrong, None, |_| {}).is_err());
    }
}

#[test]
fn a_paused_body_stops_its_peer_and_goes_on() {
    let record = Record::default();
    let settings = Http2Settings {
        stream_window: 10,
        ..Http2Settings::default()
    };
    let client = Http2Client::new(&settings, None, record.connection()).unwrap();
    let kept = Arc::new(Mutex::new(None));
    let (keep, told) = (Arc::clone(&kept), record.clone());
    let handlers = Handlers::new(
        move |_, body| {
            body.read(move |part| {
                told.note("/", format!("{part:?}"));
                Flow::Pause
            });
            *keep.lock().unwrap() = Some(body);
        },
        |error| panic!("{error}"),
    );
    client.request_without_body(get("/"), handlers).unwrap();
    written(&client);
    let head = [settings_ack(), headers(1, 0, &[(":status", "200")])].concat();
    feed(&client, &head, 1);
    feed(
        &client,
        &[frame(DATA, 0, 1, b"12345"), frame(DATA, 0, 1, b"67890")].concat(),
        1,
    );
    assert_eq!(record.of("/").len(), 1);
    kept.lock().unwrap().as_ref().unwrap().resume();
    assert_eq!(record.of("/").len(), 2);
    // Both are taken: the window comes back.
    let updates = frames(&written(&client));
    assert!(
        updates
            .iter()
            .any(|(kind, _, stream, _)| (*kind, *stream) == (WINDOW_UPDATE, 1))
    );
    feed(&client, &frame(DATA, END_STREAM, 1, b""), 1);
    assert_eq!(record.of("/").len(), 2);
    kept.lock().unwrap().as_ref().unwrap().resume();
    assert_eq!(
        record.of("/").last().unwrap(),
        &format!("{:?}", BodyPart::End)
    );
}

fn settings_ack() -> Vec<u8> {
    [settings(), frame(SETTINGS, ACK, 0, &[])].concat()
}

#[test]
fn a_full_window_holds_a_body_and_an_end_waits_for_it() {
    let record = Record::default();
    let client = client(&record);
    let body = client.request(post("/"), record.handlers("/")).unwrap();
    body.write(vec![b'x'; 300_000]).unwrap();
    assert_eq!(body.room(), 0);
    let told = record.clone();
    body.on_room(move || told.note("room", "there")).unwrap();
    let sent = |bytes: &[u8]| -> usize {
        let data = frames(bytes).into_iter().filter(|frame| frame.0 == DATA);
        data.map(|frame| frame.3.len()).sum()
    };
    assert_eq!(sent(&written(&client)), 65_535);
    assert_eq!(record.of("room"), ["there"]);
    body.close();
    assert!(written(&client).is_empty());
    let more = 400_000_u32.to_be_bytes();
    let updates = [
        settings(),
        frame(WINDOW_UPDATE, 0, 0, &more),
        frame(WINDOW_UPDATE, 0, 1, &more),
    ];
    feed(&client, &updates.concat(), usize::MAX);
    let rest = written(&client);
    assert_eq!(sent(&rest), 300_000 - 65_535);
    let (kind, flags, ..) = frames(&rest).pop().unwrap();
    assert_eq!((kind, flags), (DATA, END_STREAM));
}

#[test]
fn bodies_that_are_dropped_reset_their_streams() {
    let record = Record::default();
    let client = client(&record);
    let body = client.request(post("/"), record.handlers("/")).unwrap();
    body.write("part").unwrap();
    written(&client);
    drop(body);
    let reset_by = |code| vec![(RST_STREAM, 0, 1, vec![0, 0, 0, code])];
    assert_eq!(frames(&written(&client)), reset_by(8));
    let body = client.request(post("/"), record.handlers("/")).unwrap();
    body.cancel(2);
    let last = frames(&written(&client)).pop().unwrap();
    assert!(
        last == (RST_STREAM, 0, 3, vec![0, 0, 0, 2]) || last.2 == 3 && last.0 != DATA,
        "{last:?}"
    );
    client
        .request_without_body(
            get("/"),
            Handlers::new(|_, _| {}, |error| panic!("{error}")),
        )
        .unwrap();
    written(&client);
    feed(
        &client,
        &[settings(), headers(5, 0, &[(":status", "200")])].concat(),
        1,
    );
    let resets = frames(&written(&client));
    assert!(resets.contains(&(RST_STREAM, 0, 5, vec![0, 0, 0, 8])));
    assert!(record.all().is_empty());
}

#[test]
fn a_request_without_a_body_is_given_up_before_its_answer() {
    let record = Record::default();
    let client = client(&record);
    // The first goes out before it is given up; the second does not.
    let sent = client
        .request_without_body(get("/1"), record.handlers("/1"))
        .unwrap();
    written(&client);
    let unsent = client
        .request_without_body(get("/3"), record.handlers("/3"))
        .unwrap();
    let dropped = client
        .request_without_body(get("/5"), record.handlers("/5"))
        .unwrap();
    drop(dropped);
    sent.cancel(8);
    sent.clone().cancel(8);
    unsent.cancel(7);
    let out = frames(&written(&client));
    assert!(out.contains(&(RST_STREAM, 0, 1, vec![0, 0, 0, 8])));
    // What the peer has not heard of needs no end.
    let opened = out.iter().any(|frame| (frame.0, frame.2) == (HEADERS, 3));
    let ended = out.contains(&(RST_STREAM, 0, 3, vec![0, 0, 0, 7]));
    assert_eq!(opened, ended);
    feed(
        &client,
        &[
            settings(),
            headers(1, END_STREAM, &[(":status", "200")]),
            headers(5, END_STREAM, &[(":status", "204")]),
        ]
        .concat(),
        1,
    );
    assert_eq!(record.of("/5"), ["head 204", "end"]);
    assert!(record.of("/1").is_empty() && record.of("/3").is_empty());
    assert!(record.of("connection").is_empty());
    // A handle keeps nothing alive, and what has ended is let pass.
    sent.cancel(8);
    drop(client);
    sent.cancel(8);
}

#[test]
fn one_that_waits_for_its_turn_is_given_up() {
    let record = Record::default();
    let client = client(&record);
    written(&client);
    // MAX_CONCURRENT_STREAMS is 3 (RFC 9113, 6.5.2): one at a time.
    feed(&client, &frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 1]), 1);
    written(&client);
    let handles = ["/1", "/3", "/5"].map(|path| {
        client
            .request_without_body(get(path), record.handlers(path))
            .unwrap()
    });
    written(&client);
    handles[1].cancel(8);
    assert!(written(&client).is_empty());
    feed(
        &client,
        &headers(1, END_STREAM, &[(":status", "200")]),
        usize::MAX,
    );
    let out = frames(&written(&client));
    let place = |frame: (u8, u32)| out.iter().position(|it| (it.0, it.2) == frame);
    // h2 gives it its turn, and ends it before the next.
    assert!(place((RST_STREAM, 3)) > place((HEADERS, 3)));
    assert!(place((HEADERS, 5)) > place((RST_STREAM, 3)));
    feed(&client, &headers(5, END_STREAM, &[(":status", "204")]), 1);
    assert_eq!(record.of("/1"), ["head 200", "end"]);
    assert!(record.of("/3").is_empty());
    assert_eq!(record.of("/5"), ["head 204", "end"]);
}

#[test]
fn whoever_waits_is_woken_by_what_gives_work() {
    let record = Record::default();
    let client = client(&record);
    let woken = Arc::new(AtomicUsize::new(0));
    let wait = || {
        let woken = Arc::clone(&woken);
        client.yield_writer(Box::new(move || {
            woken.fetch_add(1, Ordering::Relaxed);
        }));
    };
    // There is the preface.
    wait();
    assert_eq!(woken.load(Ordering::Relaxed), 1);
    written(&client);
    assert!(matches!(
        client.next_write_operation(),
        WriteOperation::Yield
    ));
    wait();
    assert_eq!(woken.load(Ordering::Relaxed), 1);
    let body = client.request(post("/"), record.handlers("/")).unwrap();
    assert_eq!(woken.load(Ordering::Relaxed), 2);
    written(&client);
    wait();
    body.write("more").unwrap();
    assert_eq!(woken.load(Ordering::Relaxed), 3);
    written(&client);
    wait();
    feed(&client, &settings(), 1);
    assert_eq!(woken.load(Ordering::Relaxed), 4);
    written(&client);
    wait();
    client.report_exn("the program is gone".into());
    assert_eq!(woken.load(Ordering::Relaxed), 5);
    drop(body);
}

#[test]
fn a_peer_that_only_asks_and_never_reads_is_read_no_more() {
    let record = Record::default();
    let client = client(&record);
    client.next_write_operation();
    feed(&client, &settings(), 1);
    let ping = frame(PING, 0, 0, b"12345678");
    let mut taken = 0;
    while client.next_read_operation() == ReadOperation::Read {
        taken += client.read(&ping);
        assert!(taken < 1_000_000, "no bound");
    }
    let told = record.clone();
    client.yield_reader(Box::new(move || told.note("reader", "woken")));
    assert!(record.of("reader").is_empty());
    let out = written(&client);
    assert!(frames(&out).len() > 3000);
    assert_eq!(record.of("reader"), ["woken"]);
    assert_eq!(client.next_read_operation(), ReadOperation::Read);
}

#[test]
fn a_failure_of_the_program_ends_everything() {
    let record = Record::default();
    let client = client(&record);
    // A handler that holds a body of its own connection.
    let body: Arc<Mutex<Option<RequestBody>>> = Arc::default();
    let held = Arc::clone(&body);
    let handlers = Handlers::new(|_, _| {}, move |_| drop(held.lock().unwrap().take()));
    *body.lock().unwrap() = Some(client.request(post("/"), handlers).unwrap());
    client
        .request_without_body(get("/3"), record.handlers("/3"))
        .unwrap();
    client.next_write_operation();
    client.report_exn("out of order".into());
    assert_eq!(record.of("connection"), ["exception out of order"]);
    assert_eq!(record.of("/3"), ["exception out of order"]);
    assert!(body.lock().unwrap().is_none());
    let (kind, _, _, payload) = frames(&written(&client)).pop().unwrap();
    assert_eq!((kind, payload), (GOAWAY, vec![0, 0, 0, 0, 0, 0, 0, 2]));
    assert!(client.is_closed());
    client.report_exn("again".into());
    assert_eq!(record.of("connection").len(), 1);
}

#[test]
fn a_shutdown_lets_requests_end() {
    let record = Record::default();
    let client = client(&record);
    client
        .request_without_body(get("/"), record.handlers("/"))
        .unwrap();
    written(&client);
    client.shutdown();
    client.shutdown();
    let out = frames(&written(&client));
    assert_eq!(out, [(GOAWAY, 0, 0, vec![0; 8])]);
    assert!(!client.is_closed());
    feed(
        &client,
        &[settings(), headers(1, END_STREAM, &[(":status", "200")])].concat(),
        1,
    );
    assert_eq!(record.of("/"), ["head 200", "end"]);
    written(&client);
    assert!(client.is_closed());
}
