//! What the handles of a connection share, and how its calls are made.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use http::{Method, Request, Uri, Version};

use super::state::{Call, State};
use super::upload::{Queue, Upload};
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
    if !complete && !head.headers.contains_key(CONTENT_LENGTH) {
        // Said here: else a GET would go without its body.
        let chunked = HeaderValue::from_static("chunked");
        head.headers.insert(TRANSFER_ENCODING, chunked);
    }
    head.version = Version::HTTP_11;
    Ok(Request::from_parts(head, upload))
}
