//! The connection, as its owner drives it.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::Reason;
use http::{HeaderMap, Request, Version};

use super::settings::Http2Settings;
use super::state::{Call, State};
use super::stream::Receive;
use super::upload::Upload;
use super::waker::{ConnectionWaker, Ready};
use super::{Handlers, HttpError, PingHandler, PushHandler, RequestBody, ResponseBody};
use crate::error::{Error, ErrorCode, Result};
use crate::sansio::exchange::{Carrier, FlushHandler, Key, PartHandler, RoomHandler};
use crate::sansio::frames::Frames;
use crate::sansio::memory::{Pipe, Wire};
use crate::sansio::{Cause, Engine, ReadOperation, WakeHandler, WriteOperation, WriteResult};

/// An HTTP/2 client connection that owns no socket. Clones are the same connection. It lives on while a clone or a body of
/// it does; handlers that hold a clone are dropped when they are no longer needed, at the latest with the end of the
/// connection.
///
/// It may be used from any thread; handlers run on the thread whose call they are due in. h2 reads the time of day's
/// steady clock for the streams that were reset; nothing waits for it.
#[derive(Clone)]
pub struct Http2Client(pub(super) Arc<Shared>);

/// What the handles of a connection share.
pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) pipe: Pipe,
}

impl Http2Client {
    /// A connection at its beginning. `push` is asked about each promise of the server's; without it server push is
    /// switched off (RFC 9113, 8.4). `error` is called once, if the connection as a whole fails; the requests that it had
    /// are then told each.
    ///
    /// # Errors
    /// `invalid_argument` where a setting is outside what the protocol allows.
    pub fn new(
        settings: &Http2Settings,
        push: Option<PushHandler>,
        error: impl FnOnce(HttpError) + Send + 'static,
    ) -> Result<Http2Client> {
        let builder = settings.builder(push.is_some())?;
        let pipe = Pipe::with_frames(Frames::new());
        let ready = Arc::new(Ready::default());
        let waker = Waker::from(Arc::new(ConnectionWaker(Arc::clone(&ready))));
        let handshake = pin!(builder.handshake::<_, Bytes>(pipe.clone()));
        // It only writes the preface, for which there is room.
        let Poll::Ready(Ok(pair)) = handshake.poll(&mut Context::from_waker(&waker)) else {
            return Err(Error::new(
                ErrorCode::Http2Protocol,
                "http/2: the connection cannot begin",
            ));
        };
        let state = State::new(pipe.clone(), (ready, waker), pair, push, Box::new(error));
        Ok(Http2Client(Arc::new(Shared {
            state: Mutex::new(state),
            pipe,
        })))
    }

    /// Sends a request; its URI has scheme and authority. Beyond the peer's limit of streams it waits for its turn.
    ///
    /// # Errors
    /// `closed` after [`Http2Client::shutdown`] or the end of the connection, `http2_goaway` after the peer's GOAWAY,
    /// `invalid_argument` for a request that HTTP/2 cannot carry (RFC 9113, 8.2.2 and 8.3.1).
    pub fn request(&self, request: Request<()>, handlers: Handlers) -> Result<RequestBody> {
        let key = self.0.send(request, handlers, false)?;
        Ok(RequestBody::new(Arc::<Shared>::clone(&self.0), key))
    }

    /// Sends a request without a body.
    ///
    /// # Errors
    /// As [`Http2Client::request`].
    pub fn request_without_body(&self, request: Request<()>, handlers: Handlers) -> Result<()> {
        self.0.send(request, handlers, true).map(drop)
    }

    /// Sends a PING (RFC 9113, 6.7), by default of eight zeroes, and calls `answered` when the peer has acknowledged it.
    ///
    /// # Errors
    /// `closed` after the end of the connection.
    pub fn ping(
        &self,
        payload: Option<[u8; 8]>,
        answered: impl FnOnce() + Send + 'static,
    ) -> Result<()> {
        let payload = payload.unwrap_or_default();
        let answered: PingHandler = Box::new(answered);
        let mut state = self.0.lock();
        if state.connection.is_none() {
            return Err(closed());
        }
        state.pings.push_back((payload, answered));
        if let Some(frames) = &mut self.0.pipe.lock().frames {
            frames.ping(payload);
        }
        state.ready.wake_connection();
        drop(state);
        self.0.touch();
        Ok(())
    }

    /// Asks no more: sends GOAWAY with `NO_ERROR` (RFC 9113, 6.8) behind the requests that were made. Those that are under
    /// way go on to their ends; then the connection closes.
    pub fn shutdown(&self) {
        let mut state = self.0.lock();
        let sender = state.sender.take();
        if sender.is_some() && state.connection.is_some() {
            state.leaving = true;
            state.ready.wake_connection();
        }
        drop(state);
        drop(sender);
        self.0.touch();
    }
}

impl Engine for Http2Client {
    fn next_read_operation(&self) -> ReadOperation {
        self.0.drive();
        self.0.pipe.lock().next_read()
    }

    fn read(&self, bytes: &[u8]) -> usize {
        let mut consumed = 0;
        while consumed < bytes.len() {
            let mut wire = self.0.pipe.lock();
            let count = if wire.finished {
                0
            } else {
                wire.feed(&bytes[consumed..])
            };
            drop(wire);
            if count == 0 {
                break;
            }
            consumed += count;
            self.0.lock().ready.wake_connection();
            self.0.drive();
        }
        consumed
    }

    fn read_eof(&self) {
        self.0.pipe.lock().ended = true;
        self.0.lock().ready.wake_connection();
        self.0.drive();
    }

    fn next_write_operation(&self) -> WriteOperation {
        self.0.drive();
        self.0.pipe.lock().next_write()
    }

    fn report_write_result(&self, result: WriteResult) {
        let mut state = self.0.lock();
        let mut wire = self.0.pipe.lock();
        match result {
            WriteResult::Written(count) => {
                wire.output.advance(count);
                if wire.blocked {
                    state.ready.wake_connection();
                }
                let written = wire.output.written();
                drop(wire);
                state.flushed(written);
            }
            WriteResult::Closed => {
                // What the peer has sent before can still be read.
                wire.output.close();
                drop(wire);
                state.unflushed();
                state.ready.wake_connection();
            }
        }
        drop(state);
        self.0.drive();
    }

    fn yield_reader(&self, handler: WakeHandler) {
        let before = self.0.lock().waiting.reader.replace(handler);
        drop(before);
        self.0.drive();
    }

    fn yield_writer(&self, handler: WakeHandler) {
        let before = self.0.lock().waiting.writer.replace(handler);
        drop(before);
        self.0.drive();
    }

    /// The handler of the connection's errors is told, then those of all requests; the peer is sent GOAWAY with
    /// `INTERNAL_ERROR` where one can still be sent.
    fn report_exn(&self, cause: Cause) {
        let cause = HttpError::Exception(Arc::from(cause));
        let mut state = self.0.lock();
        if state.connection.is_none() {
            return;
        }
        let mut wire = self.0.pipe.lock();
        let Wire { frames, output, .. } = &mut *wire;
        if let Some(frames) = frames {
            frames.go_away(Reason::INTERNAL_ERROR.into());
            frames.put_own(output);
        }
        drop(wire);
        state.finish(Some(cause.clone()));
        state.fail_streams(&cause);
        drop(state);
        self.0.drive();
    }

    fn is_closed(&self) -> bool {
        self.0.pipe.lock().is_closed()
    }
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(
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
    fn touch(self: &Arc<Shared>) {
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

fn closed() -> Error {
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
