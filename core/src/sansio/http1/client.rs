//! The connection, as its owner drives it.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http::Request;
use hyper::client::conn::http1::Builder;
use hyper_util::rt::TokioIo;

use super::machine::Shared;
use super::state::{Flag, State};
use super::upload::Upload;
use super::{Handlers, Http1Settings, HttpError, RequestBody, RequestHandle};
use crate::error::{Error, ErrorCode, Result};
use crate::limits;
use crate::sansio::exchange::{Carrier, Key, Machine as _, engine};
use crate::sansio::memory::Pipe;

/// An HTTP/1.1 client connection that owns no socket. Clones are the same connection. It lives on while a clone or a body of
/// it does. The end of the transport completes an answer whose length nothing else tells.
#[derive(Clone)]
pub struct Http1Client(Arc<Shared>);

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
        Ok(Http1Client(Shared::new(state, pipe)))
    }

    /// Sends a request when those before it have their answers. Its URI has an authority, or the request has a `host`. The body
    /// is chunked unless there is a `content-length`; trailers have to be announced in `trailer`.
    ///
    /// # Errors
    /// `closed` after [`Http1Client::shutdown`] or the end of the connection, `invalid_argument` for a URI without an
    /// authority and for a `transfer-encoding` other than `chunked`.
    pub fn request(&self, request: Request<()>, handlers: Handlers) -> Result<RequestBody> {
        let key = self.send(request, handlers, false)?;
        Ok(RequestBody::new(Arc::<Shared>::clone(&self.0), key))
    }

    /// Sends a request without a body. What it gives is for giving the request up.
    ///
    /// # Errors
    /// As [`Http1Client::request`].
    pub fn request_without_body(
        &self,
        request: Request<()>,
        handlers: Handlers,
    ) -> Result<RequestHandle> {
        let key = self.send(request, handlers, true)?;
        let carrier: Arc<dyn Carrier> = Arc::<Shared>::clone(&self.0);
        Ok(RequestHandle::new(&carrier, key))
    }

    fn send(&self, request: Request<()>, handlers: Handlers, complete: bool) -> Result<Key> {
        let key = self.0.lock().send(request, handlers, complete)?;
        self.0.touch();
        Ok(key)
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

engine!(Http1Client);
