//! Bodies that are pulled from a source: bounded, sent again, and held to what they promise.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use trunkline::limits::BODY_PIECE;
use trunkline::{
    Body, BodyReader, BodySource, ErrorCode, FileBody, HttpVersions, Multipart, Request, Result,
};
use trunkline_test_server::embedded;

use crate::kit::{Answer, DRIVES, fetch, get, manager, peer};

mod bounded;
mod broken;

const BOTH: [HttpVersions; 2] = [HttpVersions::Http1, HttpVersions::Http2];

/// Gives so many pieces of the same bytes, and counts what happens to it.
#[derive(Clone)]
struct Repeated {
    piece: Bytes,
    count: usize,
    length: Option<u64>,
    opened: Arc<AtomicUsize>,
    read: Arc<AtomicUsize>,
    /// Where it breaks, in pieces.
    fails_at: usize,
    /// Bytes that the peer has taken, where it counts them.
    taken: Arc<AtomicUsize>,
    /// Bytes that were read and not taken, at most.
    lead: Arc<AtomicUsize>,
}

impl Repeated {
    fn new(size: usize, count: usize) -> Repeated {
        Repeated {
            piece: Bytes::from(vec![b'x'; size]),
            count,
            length: Some((size * count) as u64),
            opened: Arc::default(),
            read: Arc::default(),
            fails_at: usize::MAX,
            taken: Arc::default(),
            lead: Arc::default(),
        }
    }

    fn body(&self) -> Body {
        Body::Source(Arc::new(self.clone()))
    }
}

impl BodySource for Repeated {
    fn open(&self) -> Result<Box<dyn BodyReader>> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(Reading {
            source: self.clone(),
            given: 0,
        }))
    }

    fn length(&self) -> Option<u64> {
        self.length
    }
}

struct Reading {
    source: Repeated,
    given: usize,
}

impl BodyReader for Reading {
    fn read(&mut self) -> Result<Option<Bytes>> {
        if self.given == self.source.fails_at {
            return Err(trunkline::Error::new(ErrorCode::Io, "the tape is torn"));
        }
        if self.given == self.source.count {
            return Ok(None);
        }
        self.given += 1;
        let source = &self.source;
        source.read.fetch_add(1, Ordering::SeqCst);
        let given = self.given * source.piece.len();
        let lead = given.saturating_sub(source.taken.load(Ordering::SeqCst));
        source.lead.fetch_max(lead, Ordering::SeqCst);
        Ok(Some(self.source.piece.clone()))
    }
}

fn request(method: &str, port: u16, path: &str, versions: HttpVersions, body: Body) -> Request {
    let url = format!("http://127.0.0.1:{port}{path}");
    let mut request = Request::new(method, &url).unwrap();
    request.http(versions).body(body);
    request
}

/// What the server's `/upload` has counted.
fn uploaded(answer: Answer) -> u64 {
    let answer = answer.good();
    let told: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    told["bytes"].as_u64().unwrap()
}

#[test]
fn a_source_is_sent_whole() {
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    for drive in DRIVES {
        let manager = manager(drive);
        for versions in BOTH {
            for (size, count) in [(1, 0), (1, 1), (3, 1000), (5 * BODY_PIECE + 1, 3)] {
                for known in [true, false] {
                    let mut source = Repeated::new(size, count);
                    source.length = source.length.filter(|_| known);
                    let body = source.body();
                    let answer = fetch(&manager, request("PUT", port, "/upload", versions, body));
                    let sent = answer.summary.as_ref().map(|summary| summary.sent);
                    assert_eq!(uploaded(answer), (size * count) as u64);
                    assert_eq!(sent, Some((size * count) as u64));
                }
            }
        }
        // Each connection was used again.
        assert_eq!(manager.statistics().connections_opened, 2, "{drive:?}");
    }
}

/// Without a length HTTP/1.1 must say that there is a body, for GET too.
#[test]
fn a_get_may_have_a_body_of_unknown_length() {
    let heads: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&heads);
    let port = peer::peer(move |mut stream, _| {
        while let Some(head) = peer::read_head(&mut stream) {
            seen.lock().unwrap().push(head);
            let mut body = [0; "3\r\nxxx\r\n0\r\n\r\n".len()];
            stream.read_exact(&mut body).unwrap();
            assert_eq!(&body, b"3\r\nxxx\r\n0\r\n\r\n");
            stream.write_all(peer::OK.as_bytes()).unwrap();
        }
    });
    for drive in DRIVES {
        let manager = manager(drive);
        for _ in 0..2 {
            let mut source = Repeated::new(3, 1);
            source.length = None;
            let body = source.body();
            fetch(
                &manager,
                request("GET", port, "/", HttpVersions::Http1, body),
            )
            .good();
        }
        assert_eq!(manager.statistics().connections_opened, 1);
    }
    for head in heads.lock().unwrap().iter() {
        assert!(head.contains("transfer-encoding: chunked"), "{head}");
        assert!(!head.contains("content-length"), "{head}");
    }
}

/// Closes its first connection in the middle of a PUT, the second answers it.
fn stale_peer(size: usize) -> u16 {
    peer::peer(move |mut stream, count| {
        while let Some(head) = peer::read_head(&mut stream) {
            if head.starts_with("PUT") {
                if count == 0 {
                    // Some of it was taken already.
                    let _ = stream.read_exact(&mut [0; 1000]);
                    return;
                }
                stream.read_exact(&mut vec![0; size]).unwrap();
            }
            stream.write_all(peer::OK.as_bytes()).unwrap();
        }
    })
}

/// The peer closes an unused connection as the next request comes: the source is opened again.
#[test]
fn a_source_is_sent_again_on_a_stale_connection() {
    let size = 100_000;
    for drive in DRIVES {
        let port = stale_peer(size);
        let manager = manager(drive);
        fetch(&manager, get(port, "/")).good();
        let source = Repeated::new(size / 10, 10);
        let body = source.body();
        let answer = fetch(
            &manager,
            request("PUT", port, "/", HttpVersions::Http1, body),
        )
        .good();
        let summary = answer.summary.unwrap();
        assert_eq!((summary.attempts, summary.sent), (2, size as u64));
        assert_eq!(source.opened.load(Ordering::SeqCst), 2, "{drive:?}");
    }
}

/// A stream that the peer refuses was not processed: even a POST is sent again, from its first byte.
#[test]
fn a_source_is_sent_again_on_a_refused_stream() {
    let size = 3 * BODY_PIECE / 4;
    for drive in DRIVES {
        let port = peer::peer(move |stream, _| {
            let Some(mut peer) = peer::Http2Peer::accept(stream, &[]) else {
                return;
            };
            let first = peer.read_kind(peer::HEADERS).unwrap().stream;
            // Its first piece was taken.
            peer.read_kind(peer::DATA).unwrap();
            peer.send(&peer::Frame::new(peer::RST_STREAM, 0, first, &[0, 0, 0, 7]));
            peer.send(&window_update(0, 1 << 20));
            let second = peer.read_kind(peer::HEADERS).unwrap().stream;
            let mut received = 0;
            while received < size {
                let data = peer.read_kind(peer::DATA).unwrap();
                received += if data.stream == second {
                    data.payload.len()
                } else {
                    0
                };
            }
            peer.send(&peer::Frame::head(second, true));
            while peer.read().is_some() {}
        });
        let manager = manager(drive);
        let source = Repeated::new(size / 3, 3);
        let body = source.body();
        let answer = fetch(
            &manager,
            request("POST", port, "/", HttpVersions::Http2, body),
        );
        assert_eq!(answer.good().summary.unwrap().attempts, 2);
        assert_eq!(source.opened.load(Ordering::SeqCst), 2, "{drive:?}");
    }
}

fn window_update(stream: u32, bytes: u32) -> peer::Frame {
    peer::Frame::new(8, 0, stream, &bytes.to_be_bytes())
}

#[test]
fn files_in_a_multipart_body_arrive() {
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let content: Vec<u8> = (0..300_000).map(|index| (index % 253) as u8).collect();
    file.write_all(&content).unwrap();
    for drive in DRIVES {
        for versions in BOTH {
            let manager = manager(drive);
            let mut multipart = Multipart::with_boundary("b b").unwrap();
            multipart.text("a", "1").unwrap();
            let body = FileBody::new(file.path()).unwrap();
            multipart.file("f", body, Some("f.bin"), None).unwrap();
            let mut request = request("POST", port, "/echo", versions, Body::Empty);
            request.header("content-type", b"text/plain").unwrap();
            request.multipart(multipart).unwrap();
            let answer = fetch(&manager, request).good();
            let expected = [
                b"--b b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b b\r\n\
                  Content-Disposition: form-data; name=\"f\"; filename=\"f.bin\"\r\n\
                  Content-Type: application/octet-stream\r\n\r\n",
                &content[..],
                b"\r\n--b b--\r\n",
            ]
            .concat();
            assert!(answer.body == expected, "{versions:?}");
            let headers = answer.head.unwrap().headers;
            assert_eq!(
                headers["content-type"],
                "multipart/form-data; boundary=\"b b\""
            );
        }
    }
}

#[test]
fn forms_and_json_bring_their_type() {
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    let manager = manager(DRIVES[0]);
    let echo = || request("POST", port, "/echo", HttpVersions::Http1, Body::Empty);
    let mut form = echo();
    form.form([("a b", "\r\n"), ("a", "2")]).unwrap();
    let mut json = echo();
    json.header("content-type", b"application/problem+json")
        .unwrap();
    json.json("{}").unwrap();
    let mut empty = echo();
    empty.form([]).unwrap();
    for (request, kind, body) in [
        (form, "application/x-www-form-urlencoded", "a+b=%0D%0A&a=2"),
        (json, "application/problem+json", "{}"),
        (empty, "application/x-www-form-urlencoded", ""),
    ] {
        let answer = fetch(&manager, request).good();
        assert_eq!(answer.head.unwrap().headers["content-type"], kind);
        assert_eq!(answer.body, body.as_bytes());
    }
}
