//! What HTTP/1.1 does by itself where a connection is driven.

use std::sync::Arc;
use std::task::Wake;

use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use http::{Method, Request, Uri, Version};

use super::Handlers;
use super::receive::Receive;
use super::state::{Exchange, State, Upgraded};
use super::upload::{Queue, Upload};
use crate::error::{Error, ErrorCode, Result};
use crate::sansio::exchange::{
    Call, Calls, ErrorHandler, Flow, HttpError, InformationalHandler, Key, Machine, PartHandler,
    Pieces,
};

/// What the handles of a connection share.
pub(super) type Shared = crate::sansio::exchange::Shared<State>;

impl State {
    /// Takes a request up; `complete` where it has no body.
    pub(super) fn send(
        &mut self,
        request: Request<()>,
        handlers: Handlers,
        complete: bool,
    ) -> Result<Key> {
        let request = prepare(request, complete)?;
        if !self.is_open() {
            return Err(Error::new(
                ErrorCode::Closed,
                "http/1.1: the connection takes no more requests",
            ));
        }
        Ok(self.insert(request, handlers))
    }

    /// Changes a body that takes more; hyper is asked to look at it.
    fn change_queue<R>(&mut self, key: Key, change: impl FnOnce(&mut Queue) -> R) -> Option<R> {
        let mut queue = self.exchange(key)?.upload.lock();
        if !queue.is_open() {
            return None;
        }
        let changed = change(&mut queue);
        queue.wake();
        drop(queue);
        self.wake();
        Some(changed)
    }

    fn receive(&mut self, key: Key) -> Option<&mut Receive> {
        self.exchange(key)?.receive.as_mut()
    }
}

impl Machine for State {
    type Own = Upgraded;
    type Gone = Exchange;

    fn calls(&mut self) -> &mut Calls<Upgraded, Exchange> {
        &mut self.calls
    }

    fn wake(&self) {
        self.flag.wake_by_ref();
    }

    fn next_call(&mut self) -> Option<Call<Upgraded>> {
        self.step()
    }

    fn make(_: &Arc<Shared>, Upgraded(handler, response, rest): Upgraded) {
        handler(response, rest);
    }

    fn change<R>(&mut self, key: Key, change: impl FnOnce(&mut Pieces) -> R) -> Option<R> {
        self.change_queue(key, |queue| change(&mut queue.pieces))
    }

    fn queued(&mut self, key: Key) -> Option<usize> {
        let queue = self.exchange(key)?.upload.lock();
        queue.is_open().then(|| queue.pieces.queued())
    }

    fn finish(&mut self, key: Key, trailers: Option<HeaderMap>) {
        // An exchange that has ended needs no end.
        let _ = self.change_queue(key, |queue| queue.finish(trailers));
    }

    fn put_back_informational(&mut self, key: Key, handler: InformationalHandler) {
        if let Some(exchange) = self.exchange(key) {
            exchange.handlers.informational = Some(handler);
        }
    }

    fn put_back(&mut self, key: Key, handler: PartHandler, flow: Flow) -> Option<PartHandler> {
        let Some(receive) = self.receive(key) else {
            return Some(handler);
        };
        let unused = receive.put_back(handler, flow);
        self.wake();
        unused
    }

    fn read(&mut self, key: Key, handler: PartHandler) -> Option<PartHandler> {
        let Some(receive) = self.receive(key) else {
            return Some(handler);
        };
        let before = receive.read(handler);
        self.wake();
        before
    }

    fn resume(&mut self, key: Key) {
        if let Some(receive) = self.receive(key) {
            receive.resume();
            self.wake();
        }
    }

    fn cancel(&mut self, key: Key, _: u32) -> Option<ErrorHandler> {
        self.give_up(key);
        self.wake();
        None
    }

    fn fail(&mut self, cause: &HttpError) {
        if !self.has_ended() {
            self.fail_all(cause);
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
    // Another one would be replaced, or sent with a body that does not have it.
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    if let Some(first) = codings.next()
        && (codings.next().is_some()
            || !first
                .as_bytes()
                .trim_ascii()
                .eq_ignore_ascii_case(b"chunked"))
    {
        return Err(wrong(
            "a transfer-encoding other than chunked cannot be sent",
        ));
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
