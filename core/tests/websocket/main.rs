//! A WebSocket with a peer that does as it is told, over HTTP/1.1 and over HTTP/2, on both drives.

#[path = "../kit/mod.rs"]
mod kit;

mod faults;
mod into;
mod legs;
mod life;
mod mail;
mod messages;
mod peer;
mod resume;
mod shared;

use bytes::Bytes;
use trunkline::{Frame, Part, RequestHandle};

use kit::soon;

/// The next part, which has to come.
pub fn part(socket: &RequestHandle) -> Part {
    socket.recv(soon()).unwrap().into_part()
}

/// The next frame.
pub fn frame(socket: &RequestHandle) -> Frame {
    loop {
        match part(socket) {
            Part::Frame(frame) => return frame,
            Part::Head(_) | Part::Writable => {}
            other => panic!("{other:?} in place of a frame"),
        }
    }
}

/// Waits until it is open.
pub fn opened(socket: &RequestHandle) -> trunkline::Head {
    match part(socket) {
        Part::Head(head) => *head,
        other => panic!("{other:?} in place of the head"),
    }
}

/// The error that ends it; frames before it are passed over.
pub fn error(socket: &RequestHandle) -> trunkline::Error {
    loop {
        match part(socket) {
            Part::Error(error) => return error,
            Part::Done(_) => panic!("it ended well"),
            _ => {}
        }
    }
}

/// Waits for the good end; frames before it are passed over.
pub fn done(socket: &RequestHandle) {
    loop {
        match part(socket) {
            Part::Done(_) => return,
            Part::Error(error) => panic!("{error}"),
            _ => {}
        }
    }
}

/// A text message.
pub fn text(payload: &str) -> Frame {
    Frame::Text(Bytes::copy_from_slice(payload.as_bytes()))
}

/// A close without a reason.
pub fn close(code: u16) -> Frame {
    Frame::Close(Some(code), Bytes::new())
}
