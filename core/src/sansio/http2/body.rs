//! The bodies of a request and of its answer, as their owner holds them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use h2::Reason;
use http::HeaderMap;

use super::client::Shared;
use super::state::Key;
use super::upload::Upload;
use super::{BodyPart, Flow};
use crate::error::{Error, ErrorCode, Result};
use crate::limits::UPLOAD_BUFFER;

/// The body of a request. Whoever drops it before [`RequestBody::close`] has not said where it ends: the stream is reset
/// with CANCEL.
pub struct RequestBody {
    shared: Arc<Shared>,
    key: Key,
    closed: AtomicBool,
}

impl RequestBody {
    pub(super) fn new(shared: Arc<Shared>, key: Key) -> RequestBody {
        RequestBody {
            shared,
            key,
            closed: AtomicBool::new(false),
        }
    }

    fn with<R>(&self, change: impl FnOnce(&mut Upload) -> R) -> Result<R> {
        let done = self.shared.change_upload(self.key, |upload| {
            (!upload.is_ending()).then(|| change(upload))
        });
        done.flatten().ok_or_else(|| {
            Error::new(
                ErrorCode::InvalidState,
                "http/2: the peer takes no more of this request",
            )
        })
    }

    /// Appends to the body. All is taken; what the peer's window does not is held until it does: see
    /// [`RequestBody::room`].
    ///
    /// # Errors
    /// `invalid_state` where the stream has ended or was closed.
    pub fn write(&self, bytes: impl Into<Bytes>) -> Result<()> {
        let bytes = bytes.into();
        self.with(|upload| upload.write(bytes))
    }

    /// Bytes that can be written before more are held than [`crate::limits::UPLOAD_BUFFER`]; 0 at the end too.
    pub fn room(&self) -> usize {
        self.with(|upload| UPLOAD_BUFFER.saturating_sub(upload.queued()))
            .unwrap_or(0)
    }

    /// Calls `handler` once, when there is room: from the next call of the connection's on, if there is some now. It is
    /// dropped where there never will be.
    ///
    /// # Errors
    /// `invalid_state` as for [`RequestBody::write`].
    pub fn on_room(&self, handler: impl FnOnce() + Send + 'static) -> Result<()> {
        self.with(|upload| upload.on_room(Box::new(handler)))
            .map(drop)
    }

    /// Calls `handler` with true once all that was written has gone to the transport, or with false when it never will.
    ///
    /// # Errors
    /// `invalid_state` as for [`RequestBody::write`].
    pub fn flush(&self, handler: impl FnOnce(bool) + Send + 'static) -> Result<()> {
        self.with(|upload| upload.on_flush(Box::new(handler)))
    }

    /// Ends the body after what was written. Nothing can be written any more.
    pub fn close(&self) {
        self.end(None);
    }

    /// Ends the body with trailers.
    pub fn close_with_trailers(&self, trailers: HeaderMap) {
        self.end(Some(trailers));
    }

    fn end(&self, trailers: Option<HeaderMap>) {
        self.closed.store(true, Ordering::Relaxed);
        // A stream that has ended needs no end.
        let _ = self.with(|upload| upload.finish(trailers));
    }

    /// Gives the request up: `RST_STREAM` with this code. No handler of it is called any more.
    pub fn cancel(&self, code: u32) {
        self.closed.store(true, Ordering::Relaxed);
        self.shared.cancel(self.key, code.into());
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if !*self.closed.get_mut() {
            self.shared.cancel(self.key, Reason::CANCEL);
        }
    }
}

/// The body of an answer. Whoever drops it before [`ResponseBody::read`] does not want it: the stream is reset with
/// CANCEL.
pub struct ResponseBody {
    shared: Arc<Shared>,
    key: Key,
    taken: AtomicBool,
}

impl ResponseBody {
    pub(super) fn new(shared: Arc<Shared>, key: Key) -> ResponseBody {
        ResponseBody {
            shared,
            key,
            taken: AtomicBool::new(false),
        }
    }

    /// Has its parts given to `handler`; after [`Flow::Pause`] not before [`ResponseBody::resume`]. The stream's window
    /// is given back part by part, when `handler` returns.
    pub fn read(&self, handler: impl FnMut(BodyPart) -> Flow + Send + 'static) {
        self.taken.store(true, Ordering::Relaxed);
        self.shared.read_body(self.key, Box::new(handler));
    }

    /// Goes on after a pause.
    pub fn resume(&self) {
        self.shared.resume(self.key);
    }

    /// Gives the answer, and what is left of the request, up: `RST_STREAM` with this code. No handler of it is called any
    /// more.
    pub fn cancel(&self, code: u32) {
        self.taken.store(true, Ordering::Relaxed);
        self.shared.cancel(self.key, code.into());
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        if !*self.taken.get_mut() {
            self.shared.cancel(self.key, Reason::CANCEL);
        }
    }
}
