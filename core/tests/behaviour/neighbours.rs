//! Cancel frees at once and harms nobody: the stream is reset, its place goes to the next, the connection lives on.

use std::sync::mpsc::channel;
use std::time::Duration;

use trunkline::{ErrorCode, HttpVersions, Manager, ManagerOptions, Request};
use trunkline_test_server::embedded;

use crate::kit::{
    DRIVES, Random, eventually, fetch, finish, get, get2, manager, options, peer, rest, submit,
};

#[test]
fn a_cancelled_stream_is_reset_and_the_connection_stays() {
    for drive in DRIVES {
        let (sender, receiver) = channel();
        let sender = std::sync::Mutex::new(sender);
        let port = peer::peer(move |stream, _| {
            let mut peer = peer::Http2Peer::accept(stream, &[]).unwrap();
            let first = peer.read_kind(peer::HEADERS).unwrap().stream;
            let second = peer.read_kind(peer::HEADERS).unwrap().stream;
            peer.send(&peer::Frame::head(second, false));
            let reset = peer.read_kind(peer::RST_STREAM).unwrap();
            sender.lock().unwrap().send((first, reset)).unwrap();
            peer.send(&peer::Frame::new(
                peer::DATA,
                peer::END_STREAM,
                second,
                b"ok",
            ));
            while peer.answer().is_some() {}
        });
        let manager = manager(drive);
        let first = submit(&manager, get2(port, "/"));
        let second = submit(&manager, get2(port, "/"));
        let mut answer = crate::kit::Answer::default();
        answer.add(second.recv(crate::kit::soon()).unwrap().into_part());
        first.cancel();
        assert_eq!(rest(&first).code(), ErrorCode::Cancelled);
        finish(&second, &mut answer);
        assert_eq!(answer.good().body, b"ok");
        let (stream, reset) = receiver.recv().unwrap();
        assert_eq!((reset.stream, reset.payload), (stream, vec![0, 0, 0, 8]));
        assert_eq!(fetch(&manager, get2(port, "/")).good().body, b"ok");
        assert_eq!(manager.statistics().connections_opened, 1);
        assert_eq!(manager.statistics().streams_active, 0);
    }
}

#[test]
fn a_cancelled_request_gives_its_place_to_the_next() {
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    for drive in DRIVES {
        for get in [get, get2] {
            let manager = Manager::new(ManagerOptions {
                max_connections_per_origin: 1,
                http2_max_concurrent_streams: 1,
                ..options(drive)
            })
            .unwrap();
            let first = submit(&manager, get(port, "/hang"));
            let waiting = submit(&manager, get(port, "/bytes/10"));
            crate::kit::settle(&manager, 20);
            assert!(!waiting.is_ended());
            first.cancel();
            assert_eq!(rest(&waiting).good().body.len(), 10, "{drive:?}");
        }
    }
}

#[test]
fn a_cancelled_http1_request_closes_its_connection() {
    for drive in DRIVES {
        let (sender, receiver) = channel();
        let sender = std::sync::Mutex::new(sender);
        let port = peer::peer(move |mut stream, _| {
            peer::read_head(&mut stream).unwrap();
            // Ends when the client closes.
            let more = peer::read_head(&mut stream);
            sender.lock().unwrap().send(more).unwrap();
        });
        let manager = manager(drive);
        let request = submit(&manager, get(port, "/"));
        crate::kit::stages::wait_until_it_stands(&manager);
        request.cancel();
        crate::kit::turn(&manager);
        let more = receiver.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(more, None);
        eventually(&manager, "the close", || {
            manager.statistics().connections_active == 0
        });
    }
}

/// Neighbours on one HTTP/2 connection are cancelled at random moments; the others get every octet.
#[test]
fn neighbours_get_everything() {
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    for drive in DRIVES {
        let manager = manager(drive);
        let mut random = Random::new(11);
        for _ in 0..10 {
            let requests: Vec<_> = (0..30)
                .map(|_| {
                    let length = random.below(400_000);
                    let handle = submit(&manager, get2(port, &format!("/bytes/{length}")));
                    (length, handle, random.below(8) == 0)
                })
                .collect();
            for (_, request, cancel) in &requests {
                if *cancel {
                    let _ = request.recv(crate::kit::after(random.below(3) as u64));
                    request.cancel();
                }
            }
            for (length, request, cancel) in &requests {
                if !cancel {
                    assert_eq!(rest(request).good().body.len(), *length);
                }
            }
        }
        drop(manager);
    }
}

/// What a peer still sends on streams that were cancelled does not count as its fault, however much it is.
#[test]
fn frames_on_cancelled_streams_harm_nobody() {
    for drive in DRIVES {
        let port = peer::peer(move |stream, _| {
            let mut peer = peer::Http2Peer::accept(stream, &[]).unwrap();
            let neighbour = peer.read_kind(peer::HEADERS).unwrap().stream;
            let mut streams = Vec::new();
            for _ in 0..200 {
                let stream = peer.read_kind(peer::HEADERS).unwrap().stream;
                peer.send(&peer::Frame::head(stream, false));
                streams.push(stream);
                peer.read_kind(peer::RST_STREAM).unwrap();
            }
            // As on a long way: more than a second later.
            std::thread::sleep(Duration::from_millis(1500));
            for _ in 0..20 {
                for stream in &streams {
                    peer.send(&peer::Frame::new(peer::DATA, 0, *stream, &[0; 100]));
                }
            }
            peer.send(&peer::Frame::head(neighbour, false));
            let last = peer::Frame::new(peer::DATA, peer::END_STREAM, neighbour, b"ok");
            peer.send(&last);
            while peer.answer().is_some() {}
        });
        let manager = manager(drive);
        let neighbour = submit(&manager, get2(port, "/"));
        for _ in 0..200 {
            let request = submit(&manager, get2(port, "/"));
            request.recv(crate::kit::soon()).unwrap();
            request.cancel();
            let last = request.recv(crate::kit::soon()).unwrap();
            assert!(last.is_terminal());
        }
        assert_eq!(rest(&neighbour).good().body, b"ok", "{drive:?}");
        fetch(&manager, get2(port, "/")).good();
        assert_eq!(manager.statistics().connections_opened, 1);
    }
}

/// A request body that the caller gives up costs its own stream.
#[test]
fn a_failed_upload_harms_nobody() {
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    for drive in DRIVES {
        for versions in [HttpVersions::Http1, HttpVersions::Http2] {
            let manager = manager(drive);
            let url = format!("http://127.0.0.1:{port}/upload");
            let mut request = Request::new("POST", &url).unwrap();
            request.streamed_body(None).http(versions);
            let upload = submit(&manager, request);
            upload.write("some").unwrap();
            let other = {
                let mut request = get(port, "/drip/20/5");
                request.http(versions);
                submit(&manager, request)
            };
            crate::kit::settle(&manager, 20);
            upload.fail("no more").unwrap();
            let error = rest(&upload).error.unwrap();
            assert_eq!(error.code(), ErrorCode::UploadFailed);
            assert!(error.message().contains("no more"), "{error}");
            assert_eq!(
                upload.write("x").unwrap_err().code(),
                ErrorCode::InvalidState
            );
            rest(&other).good();
        }
    }
}
