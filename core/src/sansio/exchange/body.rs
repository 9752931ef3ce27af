//! The bodies of a request and of its answer, as their owner holds them, and the connection that carries them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use http::HeaderMap;

use super::{BodyPart, Flow, FlushHandler, PartHandler, RoomHandler};
use crate::error::{Error, ErrorCode, Result};
use crate::limits::UPLOAD_BUFFER;

/// Names an exchange of a connection; another that has its place later has another serial number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sansio) struct Key {
    pub(in crate::sansio) place: usize,
    pub(in crate::sansio) serial: u64,
}

/// A connection that carries bodies. An exchange that has ended is let pass.
pub(in crate::sansio) trait Carrier: Send + Sync {
    /// Appends to a request's body; false where that takes no more.
    fn write(self: Arc<Self>, key: Key, bytes: Bytes) -> bool;
    /// Bytes of it that are held; none where it takes no more.
    fn queued(&self, key: Key) -> Option<usize>;
    /// False as [`Carrier::write`].
    fn on_room(self: Arc<Self>, key: Key, handler: RoomHandler) -> bool;
    /// False as [`Carrier::write`].
    fn on_flush(self: Arc<Self>, key: Key, handler: FlushHandler) -> bool;
    fn finish(self: Arc<Self>, key: Key, trailers: Option<HeaderMap>);
    /// Has an answer's body given to a handler.
    fn read(self: Arc<Self>, key: Key, handler: PartHandler);
    fn resume(self: Arc<Self>, key: Key);
    /// Gives both sides of an exchange up.
    fn cancel(self: Arc<Self>, key: Key, code: u32);
}

/// CANCEL (RFC 9113, 7).
const CANCEL: u32 = 8;

fn over() -> Error {
    Error::new(
        ErrorCode::InvalidState,
        "the peer takes no more of this request",
    )
}

/// The body of a request. Whoever drops it before [`RequestBody::close`] has not said where it ends: the exchange is given up,
/// over HTTP/2 with CANCEL.
pub struct RequestBody {
    carrier: Arc<dyn Carrier>,
    key: Key,
    closed: AtomicBool,
}

impl RequestBody {
    pub(in crate::sansio) fn new(carrier: Arc<dyn Carrier>, key: Key) -> RequestBody {
        RequestBody {
            carrier,
            key,
            closed: AtomicBool::new(false),
        }
    }

    fn carrier(&self) -> Arc<dyn Carrier> {
        Arc::clone(&self.carrier)
    }

    /// Appends to the body. All is taken; what the peer's window does not is held until it does: see
    /// [`RequestBody::room`].
    ///
    /// # Errors
    /// `invalid_state` where the stream has ended or was closed.
    pub fn write(&self, bytes: impl Into<Bytes>) -> Result<()> {
        let taken = self.carrier().write(self.key, bytes.into());
        if taken { Ok(()) } else { Err(over()) }
    }

    /// Bytes that can be written before more are held than [`crate::limits::UPLOAD_BUFFER`]; 0 at the end too.
    pub fn room(&self) -> usize {
        let queued = self.carrier.queued(self.key);
        queued.map_or(0, |queued| UPLOAD_BUFFER.saturating_sub(queued))
    }

    /// Calls `handler` once, when there is room: from the next call of the connection's on, if there is some now. It is
    /// dropped where there never will be.
    ///
    /// # Errors
    /// `invalid_state` as for [`RequestBody::write`].
    pub fn on_room(&self, handler: impl FnOnce() + Send + 'static) -> Result<()> {
        let taken = self.carrier().on_room(self.key, Box::new(handler));
        if taken { Ok(()) } else { Err(over()) }
    }

    /// Calls `handler` with true once all that was written has gone to the transport, or with false when it never will.
    ///
    /// # Errors
    /// `invalid_state` as for [`RequestBody::write`].
    pub fn flush(&self, handler: impl FnOnce(bool) + Send + 'static) -> Result<()> {
        let taken = self.carrier().on_flush(self.key, Box::new(handler));
        if taken { Ok(()) } else { Err(over()) }
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
        self.carrier().finish(self.key, trailers);
    }

    /// Gives the exchange up, over HTTP/2 by `RST_STREAM` with this code; over HTTP/1.1 that ends the connection. No handler of
    /// the exchange is called any more.
    pub fn cancel(&self, code: u32) {
        self.closed.store(true, Ordering::Relaxed);
        self.carrier().cancel(self.key, code);
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if !*self.closed.get_mut() {
            self.carrier().cancel(self.key, CANCEL);
        }
    }
}

/// A request without a body, to give it up by. Dropping it changes nothing; it does not keep the connection alive.
#[derive(Debug, Clone)]
pub struct RequestHandle {
    carrier: Weak<dyn Carrier>,
    key: Key,
}

impl RequestHandle {
    pub(in crate::sansio) fn new(carrier: &Arc<dyn Carrier>, key: Key) -> RequestHandle {
        RequestHandle {
            carrier: Arc::downgrade(carrier),
            key,
        }
    }

    /// Gives the exchange up, as [`RequestBody::cancel`] does. One that has ended is let pass.
    pub fn cancel(&self, code: u32) {
        if let Some(carrier) = self.carrier.upgrade() {
            carrier.cancel(self.key, code);
        }
    }
}

/// The body of an answer. Whoever drops it before [`ResponseBody::read`] does not want it: the exchange is given up.
pub struct ResponseBody {
    carrier: Arc<dyn Carrier>,
    key: Key,
    taken: AtomicBool,
}

impl ResponseBody {
    pub(in crate::sansio) fn new(carrier: Arc<dyn Carrier>, key: Key) -> ResponseBody {
        ResponseBody {
            carrier,
            key,
            taken: AtomicBool::new(false),
        }
    }

    fn carrier(&self) -> Arc<dyn Carrier> {
        Arc::clone(&self.carrier)
    }

    /// Has its parts given to `handler`; after [`Flow::Pause`] not before [`ResponseBody::resume`]. The stream's window
    /// is given back part by part, when `handler` returns.
    pub fn read(&self, handler: impl FnMut(BodyPart) -> Flow + Send + 'static) {
        self.taken.store(true, Ordering::Relaxed);
        self.carrier().read(self.key, Box::new(handler));
    }

    /// Goes on after a pause.
    pub fn resume(&self) {
        self.carrier().resume(self.key);
    }

    /// Gives the answer, and what is left of the request, up, as [`RequestBody::cancel`] does.
    pub fn cancel(&self, code: u32) {
        self.taken.store(true, Ordering::Relaxed);
        self.carrier().cancel(self.key, code);
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        if !*self.taken.get_mut() {
            self.carrier().cancel(self.key, CANCEL);
        }
    }
}
