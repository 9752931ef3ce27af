//! The connection, as its owner drives it.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::Request;

use super::machine::{Shared, closed};
use super::settings::Http2Settings;

use super::state::State;
use super::waker::{ConnectionWaker, Ready};
use super::{Handlers, HttpError, PingHandler, PushHandler, RequestBody, RequestHandle};
use crate::error::{Error, ErrorCode, Result};
use crate::sansio::exchange::{Carrier, Key, engine};
use crate::sansio::frames::Frames;
use crate::sansio::memory::Pipe;

/// An HTTP/2 client connection that owns no socket. Clones are the same connection. It lives on while a clone or a body of
/// it does; handlers that hold a clone are dropped when they are no longer needed, at the latest with the end of the
/// connection. After `report_exn` the peer is sent GOAWAY with `INTERNAL_ERROR`, where one can still be sent.
///
/// It may be used from any thread; handlers run on the thread whose call they are due in. h2 reads the time of day's
/// steady clock for the streams that were reset; nothing waits for it.
#[derive(Clone)]
pub struct Http2Client(pub(super) Arc<Shared>);

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
        Ok(Http2Client(Shared::new(state, pipe)))
    }

    /// Sends a request; its URI has scheme and authority. Beyond the peer's limit of streams it waits for its turn.
    ///
    /// # Errors
    /// `closed` after [`Http2Client::shutdown`] or the end of the connection, `http2_goaway` after the peer's GOAWAY,
    /// `invalid_argument` for a request that HTTP/2 cannot carry (RFC 9113, 8.2.2 and 8.3.1).
    pub fn request(&self, request: Request<()>, handlers: Handlers) -> Result<RequestBody> {
        let key = self.send(request, handlers, false)?;
        Ok(RequestBody::new(Arc::<Shared>::clone(&self.0), key))
    }

    /// Sends a request without a body. What it gives is for giving the request up.
    ///
    /// # Errors
    /// As [`Http2Client::request`].
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

engine!(Http2Client);
