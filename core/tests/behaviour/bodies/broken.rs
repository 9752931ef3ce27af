//! Bodies that break their promise, whoever made it.

use std::io::{Read, Write};
use std::sync::{Mutex, mpsc};

use trunkline::limits::BODY_PIECE;
use trunkline::{Body, ErrorCode, FileBody, HttpVersions};
use trunkline_test_server::embedded;

use super::{BOTH, Repeated, request, uploaded, window_update};
use crate::kit::{Answer, DRIVES, fetch, finish, get, manager, peer, rest, submit};

/// What the source promised and did not keep ends the request; the peer never sees a whole body.
#[test]
fn a_source_that_fails_costs_its_own_request() {
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    let torn = Repeated {
        fails_at: 3,
        ..Repeated::new(1000, 5)
    };
    let at_once = Repeated {
        fails_at: 0,
        ..Repeated::new(1000, 5)
    };
    let of_length = |length| Repeated {
        length,
        ..Repeated::new(1000, 5)
    };
    let unknown = Repeated {
        length: None,
        ..torn.clone()
    };
    for drive in DRIVES {
        for versions in BOTH {
            let manager = manager(drive);
            let other = {
                let mut request = get(port, "/drip/20/5");
                request.http(versions);
                submit(&manager, request)
            };
            for (source, why) in [
                (&torn, "the tape is torn"),
                (&at_once, "the tape is torn"),
                (&unknown, "the tape is torn"),
                (&of_length(Some(5001)), "1 bytes short"),
                (&of_length(Some(4999)), "more than its length"),
                (&of_length(Some(4000)), "more than its length"),
                (&of_length(Some(0)), "more than its length"),
            ] {
                let body = source.body();
                let answer = fetch(&manager, request("PUT", port, "/upload", versions, body));
                assert_eq!(answer.code(), ErrorCode::UploadFailed, "{versions:?} {why}");
                let error = answer.error.unwrap();
                assert!(error.message().contains(why), "{error}");
                // Not sent again: the same would happen.
                assert!(answer.head.is_none());
            }
            rest(&other).good();
            if versions == HttpVersions::Http2 {
                assert_eq!(manager.statistics().connections_opened, 1);
            }
            assert_eq!(manager.statistics().replays, 0);
        }
    }
}

/// The answer has begun, and its connection breaks for the caller's sake: the error says whose fault it was.
#[test]
fn a_source_that_fails_after_the_answer_began() {
    for drive in DRIVES {
        let (go, may_go) = mpsc::channel();
        let may_go = Mutex::new(may_go);
        let port = peer::peer(move |mut stream, _| {
            if peer::read_head(&mut stream).is_none() {
                return;
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nnine");
            may_go.lock().unwrap().recv().unwrap();
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        });
        let manager = manager(drive);
        let source = Repeated {
            fails_at: 1000,
            ..Repeated::new(BODY_PIECE, 1001)
        };
        let body = source.body();
        let upload = submit(
            &manager,
            request("PUT", port, "/", HttpVersions::Http1, body),
        );
        let mut answer = Answer::default();
        let head = upload.recv(crate::kit::soon()).unwrap();
        assert!(!answer.add(head.into_part()));
        assert_eq!(answer.status(), 200);
        go.send(()).unwrap();
        finish(&upload, &mut answer);
        assert_eq!(answer.code(), ErrorCode::UploadFailed, "{drive:?}");
    }
}

/// A file that is cut while it is being sent.
#[test]
fn a_file_that_shrinks_ends_the_request() {
    for drive in DRIVES {
        for versions in BOTH {
            let file = tempfile::NamedTempFile::new().unwrap();
            // More than all buffers on the way hold.
            file.as_file().set_len(64 * 1024 * 1024).unwrap();
            let cut = file.reopen().unwrap();
            let port = peer::peer(move |mut stream, _| {
                if versions == HttpVersions::Http2 {
                    let Some(mut peer) = peer::Http2Peer::accept(stream, &[]) else {
                        return;
                    };
                    let Some(head) = peer.read_kind(peer::HEADERS) else {
                        return;
                    };
                    peer.read_kind(peer::DATA);
                    cut.set_len(BODY_PIECE as u64 / 2).unwrap();
                    peer.send(&window_update(0, 1 << 30));
                    peer.send(&window_update(head.stream, 1 << 30));
                    while peer.read().is_some() {}
                } else if peer::read_head(&mut stream).is_some() {
                    let _ = stream.read_exact(&mut [0; 1000]);
                    cut.set_len(BODY_PIECE as u64 / 2).unwrap();
                    let _ = std::io::copy(&mut stream, &mut std::io::sink());
                }
            });
            let manager = manager(drive);
            let body = FileBody::new(file.path()).unwrap();
            let answer = fetch(&manager, request("PUT", port, "/", versions, body.into()));
            assert_eq!(answer.code(), ErrorCode::UploadFailed, "{versions:?}");
            let error = answer.error.unwrap();
            assert!(
                error.message().contains("bytes short of what was"),
                "{error}"
            );
            let path = file.path().to_str().unwrap();
            assert!(error.message().contains(path), "{error}");
        }
    }
}

/// What cannot even be opened is found before anything is sent.
#[test]
fn a_file_that_is_gone_ends_the_request() {
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    for drive in DRIVES {
        for versions in BOTH {
            let file = tempfile::NamedTempFile::new().unwrap();
            let body = FileBody::new(file.path()).unwrap();
            drop(file);
            let manager = manager(drive);
            let answer = fetch(&manager, request("PUT", port, "/", versions, body.into()));
            assert_eq!(answer.code(), ErrorCode::UploadFailed);
            assert_eq!(manager.statistics().streams_opened, 0);
        }
    }
}

/// What differs from the body would be read as the beginning of the next request.
#[test]
fn a_wrong_content_length_is_refused() {
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    for versions in BOTH {
        let manager = manager(DRIVES[0]);
        let with = |length: &str, body: Body| {
            let mut request = request("PUT", port, "/upload", versions, body);
            request.header("content-length", length.as_bytes()).unwrap();
            request
        };
        for (length, body) in [
            ("5", Body::Empty),
            ("3", "four".into()),
            ("x", "four".into()),
        ] {
            let refused = manager.submit(with(length, body), trunkline::Delivery::Recv);
            assert_eq!(refused.unwrap_err().code(), ErrorCode::InvalidHeader);
        }
        assert_eq!(manager.statistics().connections_opened, 0);
        let unknown = Repeated {
            length: None,
            ..Repeated::new(10, 3)
        };
        let answer = fetch(&manager, with("30", unknown.body()));
        assert_eq!(uploaded(answer), 30);
        let answer = fetch(&manager, with("29", unknown.body()));
        assert_eq!(answer.code(), ErrorCode::UploadFailed);
    }
}
