//! What the handles of a connection share, and how its calls are made.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Request, Version};

use super::state::{Call, State};
use super::stream::Receive;
use super::upload::Upload;
use super::{Handlers, ResponseBody};
use crate::error::{Error, ErrorCode, Result};
use crate::sansio::exchange::{Carrier, FlushHandler, Key, PartHandler, RoomHandler};
use crate::sansio::memory::Pipe;

/// What the handles of a connection share.
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    pub(super) pipe: Pipe,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn send(
        self: &Arc<Shared>,
        mut request: Request<()>,
        handlers: Handlers,
        complete: bool,
    ) -> Result<Key> {
        *request.version_mut() = Version::HTTP_2;
        let mut state = self.lock();
        // Each clone may have one stream that waits for its turn.
        let mut sender = state.sender.clone().ok_or_else(closed)?;
        let (response, stream) = sender
            .send_request(request, complete)
            .map_err(|cause| refused(&cause))?;
        let upload = Upload::new(stream, complete);
        let key = state.insert(handlers, Receive::Head(response), Some(upload));
        drop(state);
        self.touch();
        Ok(key)
    }

    /// Changes the sending side of a stream that takes more.
    fn change_upload<R>(
        self: &Arc<Shared>,
        key: Key,
        change: impl FnOnce(&mut Upload) -> R,
    ) -> Option<R> {
        let mut state = self.lock();
        let stream = state.stream(key)?;
        let upload = stream.upload.as_mut();
        let changed = change(upload.filter(|upload| !upload.is_ending())?);
        stream.wake.ready();
        drop(state);
        self.touch();
        Some(changed)
    }

    /// Something may be there to be written: whoever waits for that is told; else it is found when it is asked for.
    pub(super) fn touch(self: &Arc<Shared>) {
        if self.lock().waiting.writer.is_some() {
            self.drive();
        }
    }

    /// Does what there is to do, and makes the calls that are due, unless that is being done already.
    pub(super) fn drive(self: &Arc<Shared>) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.driving, true) {
            return;
        }
        drop(state);
        let _end = AtEnd(self);
        loop {
            let mut state = self.lock();
            let call = state.next_call().or_else(|| state.next_wake());
            if let Some(stream) = state.take_dropped() {
                drop(state);
                drop(stream);
                if let Some(call) = call {
                    self.call(call);
                }
                continue;
            }
            let Some(call) = call else {
                state.driving = false;
                return;
            };
            drop(state);
            self.call(call);
        }
    }

    fn call(self: &Arc<Shared>, call: Call) {
        match call {
            Call::Response(handler, response, key) => {
                handler(response, ResponseBody::new(Arc::<Shared>::clone(self), key));
            }
            Call::Informational(mut handler, response, key) => {
                handler(response);
                if let Some(stream) = self.lock().stream(key) {
                    stream.handlers.informational = Some(handler);
                }
            }
            Call::Part(mut handler, part, key) => {
                let flow = handler(part);
                if let Some(stream) = self.lock().stream(key)
                    && let Receive::Body(body) = &mut stream.receive
                {
                    body.put_back(handler, flow);
                }
            }
            Call::Drop(unused) => drop(unused),
            Call::Trailers(handler, trailers) => handler(trailers),
            Call::Error(handler, cause) => handler(cause),
            Call::Answered(handler) | Call::Room(handler) | Call::Wake(handler) => handler(),
            Call::Flushed(handler, gone) => handler(gone),
            Call::Promise(mut handler, request, response) => {
                let accepted = handler(request);
                let mut state = self.lock();
                if state.connection.is_some() {
                    state.push = Some(handler);
                }
                match accepted {
                    Some(handlers) => {
                        state.insert(handlers, Receive::Pushed(response), None);
                    }
                    None => {
                        drop(state);
                        // That resets the stream.
                        drop(response);
                    }
                }
            }
        }
    }
}

impl Carrier for Shared {
    fn write(self: Arc<Self>, key: Key, bytes: Bytes) -> bool {
        self.change_upload(key, |upload| upload.write(bytes))
            .is_some()
    }

    fn queued(&self, key: Key) -> Option<usize> {
        let mut state = self.lock();
        let upload = state.stream(key)?.upload.as_ref()?;
        (!upload.is_ending()).then(|| upload.queued())
    }

    fn on_room(self: Arc<Self>, key: Key, handler: RoomHandler) -> bool {
        // The one before, if any, is dropped here, with nothing locked.
        self.change_upload(key, |upload| upload.on_room(handler))
            .is_some()
    }

    fn on_flush(self: Arc<Self>, key: Key, handler: FlushHandler) -> bool {
        self.change_upload(key, |upload| upload.on_flush(handler))
            .is_some()
    }

    fn finish(self: Arc<Self>, key: Key, trailers: Option<HeaderMap>) {
        // A stream that has ended needs no end.
        let _ = self.change_upload(key, |upload| upload.finish(trailers));
    }

    fn read(self: Arc<Self>, key: Key, handler: PartHandler) {
        let mut before = None;
        if let Some(stream) = self.lock().stream(key)
            && let Receive::Body(body) = &mut stream.receive
        {
            before = body.handler.replace(handler);
            stream.wake.ready();
        }
        drop(before);
        self.drive();
    }

    fn resume(self: Arc<Self>, key: Key) {
        if let Some(stream) = self.lock().stream(key)
            && let Receive::Body(body) = &mut stream.receive
        {
            body.resume();
            stream.wake.ready();
        }
        self.drive();
    }

    fn cancel(self: Arc<Self>, key: Key, code: u32) {
        let mut state = self.lock();
        if let Some(stream) = state.stream(key) {
            stream.reset(code.into());
        }
        let removed = state.remove(key);
        state.ready.wake_connection();
        drop(state);
        drop(removed);
        self.touch();
    }
}

/// Lets others drive, after a handler that panicked too.
struct AtEnd<'a>(&'a Shared);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().driving = false;
        }
    }
}

/// The answer to what comes after the end.
pub(super) fn closed() -> Error {
    Error::new(
        ErrorCode::Closed,
        "http/2: the connection takes no more requests",
    )
}

fn refused(cause: &h2::Error) -> Error {
    let text = format!("http/2: {cause}");
    if cause.is_go_away() {
        Error::new(ErrorCode::Http2Goaway, text).unprocessed()
    } else if cause.is_io() || cause.is_reset() {
        Error::new(ErrorCode::Closed, text)
    } else {
        Error::new(ErrorCode::InvalidArgument, text)
    }
}
