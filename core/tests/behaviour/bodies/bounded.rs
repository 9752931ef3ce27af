//! However large a body is: what is read and not yet taken by the peer stays within the buffers on the way.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use trunkline::limits::BODY_PIECE;
use trunkline::{Body, BodySource, ErrorCode, HttpVersions, Multipart};

use super::{Repeated, request, window_update};
use crate::kit::{DRIVES, eventually, fetch, manager, peer, rest, settle, submit};

const LARGE: usize = 64 * 1024 * 1024;

/// A peer that reads nothing makes us read no more than the buffers on the way hold.
#[test]
fn a_source_is_read_only_as_the_peer_takes_it() {
    let port = peer::deaf();
    let http2 = peer::peer(|stream, _| {
        let Some(mut peer) = peer::Http2Peer::accept(stream, &[]) else {
            return;
        };
        // No window is ever given back.
        while peer.read().is_some() {}
    });
    for drive in DRIVES {
        for (port, versions, bound) in [
            // The system's buffers on loopback take some MiB.
            (port, HttpVersions::Http1, 32 * 1024 * 1024),
            (http2, HttpVersions::Http2, 65_535 + 512 * 1024),
        ] {
            let manager = manager(drive);
            let source = Repeated::new(BODY_PIECE, 16 * 1024);
            let body = source.body();
            let upload = submit(&manager, request("PUT", port, "/", versions, body));
            let read = || source.read.load(Ordering::SeqCst);
            eventually(&manager, "the first piece", || read() > 0);
            settle(&manager, 50);
            assert!(read() * BODY_PIECE < bound, "{versions:?}: {} read", read());
            upload.cancel();
            assert_eq!(rest(&upload).code(), ErrorCode::Cancelled);
        }
    }
}

/// Counts what it takes of a PUT and answers; the head's content-length says when it is whole.
fn counting(taken: &Arc<AtomicUsize>, versions: HttpVersions) -> u16 {
    let taken = Arc::clone(taken);
    peer::peer(move |mut stream, _| {
        if versions == HttpVersions::Http1 {
            let Some(head) = peer::read_head(&mut stream) else {
                return;
            };
            let (_, length) = head.split_once("content-length: ").unwrap();
            let length: usize = length.lines().next().unwrap().parse().unwrap();
            let mut buffer = vec![0; 64 * 1024];
            while taken.load(Ordering::SeqCst) < length {
                let read = stream.read(&mut buffer).unwrap();
                assert!(read > 0, "the body ended early");
                taken.fetch_add(read, Ordering::SeqCst);
            }
            stream.write_all(peer::OK.as_bytes()).unwrap();
            return;
        }
        let Some(mut peer) = peer::Http2Peer::accept(stream, &[]) else {
            return;
        };
        while let Some(data) = peer.read_kind(peer::DATA) {
            let read = data.payload.len();
            taken.fetch_add(read, Ordering::SeqCst);
            if read > 0 {
                peer.send(&window_update(0, read as u32));
                peer.send(&window_update(data.stream, read as u32));
            }
            if data.flags & peer::END_STREAM != 0 {
                peer.send(&peer::Frame::head(data.stream, true));
            }
        }
    })
}

/// However large: what is read and not yet taken by the peer stays within the buffers on the way.
#[test]
fn a_large_multipart_body_is_never_held_whole() {
    for drive in DRIVES {
        for (versions, bound) in [
            // The system's buffers on loopback take some MiB.
            (HttpVersions::Http1, LARGE / 2),
            (HttpVersions::Http2, 1024 * 1024),
        ] {
            let source = Repeated::new(BODY_PIECE, LARGE / BODY_PIECE);
            let port = counting(&source.taken, versions);
            let mut multipart = Multipart::new().unwrap();
            multipart.text("before", "text").unwrap();
            let large: Arc<dyn BodySource> = Arc::new(source.clone());
            multipart
                .source("large", large, Some("large.bin"), None)
                .unwrap();
            let length = multipart.length().unwrap();
            let manager = manager(drive);
            let mut request = request("POST", port, "/", versions, Body::Empty);
            request.multipart(multipart).unwrap();
            let answer = fetch(&manager, request).good();
            assert_eq!(answer.summary.unwrap().sent, length);
            assert_eq!(source.taken.load(Ordering::SeqCst) as u64, length);
            let lead = source.lead.load(Ordering::SeqCst);
            assert!(lead < bound, "{drive:?} {versions:?}: {lead} bytes ahead");
        }
    }
}
