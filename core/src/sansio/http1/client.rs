//! The connection, as its owner drives it.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::{HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use http::{Method, Request, Uri, Version};
use hyper::client::conn::http1::Builder;
use hyper_util::rt::TokioIo;

use super::state::{Call, Flag, State};
use super::upload::{Queue, Upload};
use super::{Handlers, Http1Settings, HttpError, RequestBody, ResponseBody};
use crate::error::{Error, ErrorCode, Result};
use crate::limits;
use crate::sansio::exchange::{Carrier, FlushHandler, Key, PartHandler, RoomHandler};
use crate::sansio::memory::Pipe;
use crate::sansio::{Cause, Engine, ReadOperation, WakeHandler, WriteOperation, WriteResult};

/// An HTTP/1.1 client connection that owns no socket. Clones are the same connection. It lives on while a clone or a body of
/// it does.
#[derive(Clone)]
pub struct Http1Client(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    pipe: Pipe,
}

impl Http1Client {
    /// A connection at its beginning. `error` is called once, if the connection as a whole fails; the exchanges that it had are
    /// then told each.
    ///
    /// # Errors
    /// `invalid_argument` for less than 8 KiB of `max_header_bytes`.
    pub fn new(
        settings: &Http1Settings,
        error: impl FnOnce(HttpError) + Send + 'static,
    ) -> Result<Http1Client> {
        // hyper reads at least so much at once.
        if settings.max_header_bytes < 8192 {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                "max_header_bytes is less than 8192",
            ));
        }
        let pipe = Pipe::default();
        let flag = Arc::new(Flag::default());
        let waker = Waker::from(Arc::clone(&flag));
        let mut builder = Builder::new();
        builder
            .max_headers(settings.max_headers)
            .max_header_size(settings.max_header_bytes)
            .max_buf_size(limits::HTTP1_READ.max(settings.max_header_bytes));
        let handshake = pin!(builder.handshake::<_, Upload>(TokioIo::new(pipe.clone())));
        // It neither reads nor writes.
        let Poll::Ready(Ok(pair)) = handshake.poll(&mut Context::from_waker(&waker)) else {
            return Err(Error::new(
                ErrorCode::InvalidState,
                "http/1.1: the connection cannot begin",
            ));
        };
        let state = State::new(pipe.clone(), flag, pair, Box::new(error));
        Ok(Http1Client(Arc::new(Shared {
            state: Mutex::new(state),
            pipe,
        })))
    }

    /// Sends a request when those before it have their answers. Its URI has an authority, or the request has a `host`. The body
    /// is chunked unless there is a `content-length`; trailers have to be announced in `trailer`.
    ///
    /// # Errors
    /// `closed` after [`Http1Client::shutdown`] or the end of the connection, `invalid_argument` for a URI without an
    /// authority.
    pub fn request(&self, request: Request<()>, handlers: Handlers) -> Result<RequestBody> {
        let key = self.0.send(request, handlers, false)?;
        Ok(RequestBody::new(Arc::<Shared>::clone(&self.0), key))
    }

    /// Sends a request without a body.
    ///
    /// # Errors
    /// As [`Http1Client::request`].
    pub fn request_without_body(&self, request: Request<()>, handlers: Handlers) -> Result<()> {
        self.0.send(request, handlers, true).map(drop)
    }

    /// Asks no more: the connection closes when the requests that were made have their answers.
    pub fn shutdown(&self) {
        let mut state = self.0.lock();
        state.leaving = true;
        state.wake();
        drop(state);
        self.0.touch();
    }
}

impl Engine for Http1Client {
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
            self.0.lock().wake();
            self.0.drive();
        }
        consumed
    }

    /// That completes an answer whose length nothing else tells.
    fn read_eof(&self) {
        self.0.pipe.lock().ended = true;
        self.0.lock().wake();
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
                    state.wake();
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
                state.wake();
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

    /// The handler of the connection's errors is told, then those of all exchanges.
    fn report_exn(&self, cause: Cause) {
        let cause = HttpError::Exception(Arc::from(cause));
        let mut state = self.0.lock();
        if state.has_ended() {
            return;
        }
        state.fail(&cause);
        drop(state);
        self.0.drive();
    }

    fn is_closed(&self) -> bool {
        self.0.pipe.lock().is_closed()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(
        self: &Arc<Shared>,
        request: Request<()>,
        handlers: Handlers,
        complete: bool,
    ) -> Result<Key> {
        let request = prepare(request, complete)?;
        let mut state = self.lock();
        if !state.is_open() {
            return Err(Error::new(
                ErrorCode::Closed,
                "http/1.1: the connection takes no more requests",
            ));
        }
        let key = state.insert(request, handlers);
        drop(state);
        self.touch();
        Ok(key)
    }

    /// Changes a body that takes more.
    fn change<R>(self: &Arc<Shared>, key: Key, change: impl FnOnce(&mut Queue) -> R) -> Option<R> {
        let mut state = self.lock();
        let upload = state.exchange(key)?.upload.clone();
        let mut queue = upload.lock();
        if !queue.is_open() {
            return None;
        }
        let changed = change(&mut queue);
        drop(queue);
        state.wake();
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
    fn drive(self: &Arc<Shared>) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.driving, true) {
            return;
        }
        drop(state);
        let _end = AtEnd(self);
        loop {
            let mut state = self.lock();
            let Some(call) = state.next_call() else {
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
                if let Some(exchange) = self.lock().exchange(key) {
                    exchange.handlers.informational = Some(handler);
                }
            }
            Call::Part(mut handler, part, key) => {
                let flow = handler(part);
                let mut handler = Some(handler);
                let mut state = self.lock();
                if let Some(receive) = state
                    .exchange(key)
                    .and_then(|exchange| exchange.receive.as_mut())
                    && let Some(handler) = handler.take()
                {
                    receive.put_back(handler, flow);
                    state.wake();
                }
                drop(state);
            }
            Call::Trailers(handler, trailers) => handler(trailers),
            Call::Upgraded(handler, response, rest) => handler(response, rest),
            Call::Error(handler, cause) => handler(cause),
            Call::Room(handler) | Call::Wake(handler) => handler(),
            Call::Flushed(handler, gone) => handler(gone),
            Call::Drop(unused) => drop(unused),
        }
    }
}

impl Carrier for Shared {
    fn write(self: Arc<Self>, key: Key, bytes: Bytes) -> bool {
        self.change(key, |queue| queue.write(bytes)).is_some()
    }

    fn queued(&self, key: Key) -> Option<usize> {
        let mut state = self.lock();
        let queue = state.exchange(key)?.upload.lock();
        queue.is_open().then(|| queue.queued())
    }

    fn on_room(self: Arc<Self>, key: Key, handler: RoomHandler) -> bool {
        // The one before, if any, is dropped here, with nothing locked.
        self.change(key, |queue| queue.on_room(handler)).is_some()
    }

    fn on_flush(self: Arc<Self>, key: Key, handler: FlushHandler) -> bool {
        self.change(key, |queue| queue.on_flush(handler)).is_some()
    }

    fn finish(self: Arc<Self>, key: Key, trailers: Option<HeaderMap>) {
        // An exchange that has ended needs no end.
        let _ = self.change(key, |queue| queue.finish(trailers));
    }

    fn read(self: Arc<Self>, key: Key, handler: PartHandler) {
        let mut before = Some(handler);
        let mut state = self.lock();
        if let Some(receive) = state
            .exchange(key)
            .and_then(|exchange| exchange.receive.as_mut())
            && let Some(handler) = before.take()
        {
            before = receive.read(handler);
            state.wake();
        }
        drop(state);
        drop(before);
        self.drive();
    }

    fn resume(self: Arc<Self>, key: Key) {
        let mut state = self.lock();
        if let Some(receive) = state
            .exchange(key)
            .and_then(|exchange| exchange.receive.as_mut())
        {
            receive.resume();
            state.wake();
        }
        drop(state);
        self.drive();
    }

    fn cancel(self: Arc<Self>, key: Key, _: u32) {
        let mut state = self.lock();
        state.cancel(key);
        state.wake();
        drop(state);
        self.drive();
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

/// A request as HTTP/1.1 sends it (RFC 9112, 3.2).
fn prepare(request: Request<()>, complete: bool) -> Result<Request<Upload>> {
    let (mut head, ()) = request.into_parts();
    let wrong = |what: &str| Error::new(ErrorCode::InvalidArgument, format!("http/1.1: {what}"));
    if let Some(authority) = head.uri.authority() {
        // Credentials of a URI are no part of what `host` names (RFC 9110, 4.2.4).
        let host = authority.as_str();
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let host = HeaderValue::try_from(host).map_err(|_| wrong("the authority of the URI"))?;
        head.headers.entry(HOST).or_insert(host);
    } else if !head.headers.contains_key(HOST) {
        return Err(wrong("the URI has no authority, and there is no host"));
    }
    if head.method != Method::CONNECT {
        let target = head.uri.path_and_query().cloned();
        head.uri = target.map_or_else(|| Uri::from_static("/"), Uri::from);
    }
    let upload = Upload::new(&head.headers, complete);
    if !complete && !head.headers.contains_key(http::header::CONTENT_LENGTH) {
        // Said here: else a GET would go without its body.
        let chunked = HeaderValue::from_static("chunked");
        head.headers.insert(TRANSFER_ENCODING, chunked);
    }
    head.version = Version::HTTP_11;
    Ok(Request::from_parts(head, upload))
}
