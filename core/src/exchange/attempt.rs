//! Attempts: a request is sent again only when that is known to be safe (RFC 9110, 9.2.2; RFC 9113, 8.7).

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::Method;

use super::Leg;
use super::journey::Arrival;
use super::retry;
use crate::connect::Progress;
use crate::drive::Timer;
use crate::error::{Error, ErrorCode, Phase, Result};
use crate::limits::{REFUSALS, REPLAYS};
use crate::pool::{Ask, Lease};
use crate::protocol::http2::Carried;
use crate::statistics::{Counters, add};

/// What became of one attempt that failed.
pub(super) struct Failed {
    pub(super) error: Error,
    /// The connection had served before, and not a byte of an answer came.
    pub(super) stale: bool,
    /// Of a HTTP/2 connection that sent it away by GOAWAY.
    pub(super) carried: Option<Arc<Carried>>,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        Failed {
            error,
            stale: false,
            carried: None,
        }
    }
}

impl Leg<'_> {
    /// Sends the request, again where that is safe, and delivers the answer.
    pub(super) async fn attempts(&self) -> Result<Arrival> {
        if self.request.is_websocket() {
            // Boxed, like everything that most requests never do: their tasks stay small.
            return Box::pin(self.websockets()).await;
        }
        if let Some(tunnel) = &self.request.tunnel
            && !self.is_shared_tunnel()
        {
            return Box::pin(self.tunnel(tunnel, &self.target))
                .await
                .map_err(|error| error.in_phase(self.watch.phase()));
        }
        // A request that must not be sent twice asks for certainty that the connection is open.
        let mut ask = Ask::new(!self.is_idempotent());
        ask.offers_http2 = self.may_ask_for_http2();
        let (mut replays, mut refusals) = (0, 0);
        let mut left: Option<Arc<Carried>> = None;
        loop {
            self.state.reset_sent();
            if let Some(gate) = &self.gate {
                gate.shut();
            }
            let mut failed = match self.pool.acquire(&self.target, &mut ask, &self.watch).await {
                Ok(lease) if self.request.tunnel.is_some() => {
                    match Box::pin(self.tunnel_on(lease)).await {
                        Ok(arrival) => return Ok(arrival),
                        Err(failed) => failed,
                    }
                }
                Ok(Lease::Http1(lease)) => match self.http1(lease).await {
                    Ok(arrival) => return Ok(arrival),
                    Err(failed) => failed,
                },
                Ok(Lease::Http2(lease)) => match self.http2(lease).await {
                    Ok(arrival) => return Ok(arrival),
                    Err(failed) => failed,
                },
                Err(error) => Failed::from(error),
            };
            // A peer may go away after every few answers, and the others come to their turn in the end: that counts only
            // where the connection before this one had none for anybody.
            let sent_away = std::mem::replace(&mut left, failed.carried.take());
            if !(left.is_some() && sent_away.is_some_and(|before| before.serves())) {
                replays += 1;
            }
            if replays > REPLAYS || !self.may_replay(&failed) {
                return Err(failed.error.in_phase(self.watch.phase()));
            }
            if failed.error.code() == ErrorCode::Http2StreamReset {
                refusals += 1;
                if refusals > REFUSALS {
                    // Boxed, for it is rare.
                    Box::pin(self.pause(refusals - REFUSALS)).await;
                }
            }
            ask.fresh = failed.stale;
            tracing::debug!(request = self.state.id(), cause = %failed.error, "sent again");
            add(&self.pool.connector.counters.replays, 1);
        }
    }

    /// The back-off of retries, for a peer that refuses stream after stream.
    async fn pause(&self, number: u32) {
        let mut timer = Timer::new(&self.pool.connector.reactor);
        timer.set_after(retry::back_off(self.policy(), number));
        self.watch.enter(Phase::Pool);
        self.watch.hold();
        poll_fn(|cx| timer.poll(cx)).await;
    }

    fn is_idempotent(&self) -> bool {
        matches!(
            self.request.method,
            Method::GET
                | Method::HEAD
                | Method::OPTIONS
                | Method::TRACE
                | Method::PUT
                | Method::DELETE
        )
    }

    pub(super) fn may_replay(&self, failed: &Failed) -> bool {
        let lost = matches!(
            failed.error.code(),
            ErrorCode::ConnectionClosed | ErrorCode::ConnectionReset
        );
        // Whatever the peer says of it afterwards: nobody is to hear two answers.
        let unanswered = self.watch.phase() != Phase::Receive;
        self.request.replay
            && self.is_replayable(self.request)
            && unanswered
            && (failed.error.is_unprocessed() || (failed.stale && lost && self.is_idempotent()))
    }

    /// Counts a HTTP/2 stream.
    pub(super) fn count_stream(&self) -> CountedStream {
        let counters = Arc::clone(&self.pool.connector.counters);
        add(&counters.streams_opened, 1);
        CountedStream(counters)
    }
}

/// A HTTP/2 stream that is open, as the counters see it.
pub(super) struct CountedStream(Arc<Counters>);

impl Drop for CountedStream {
    fn drop(&mut self) {
        self.0.streams_closed.fetch_add(1, Ordering::Relaxed);
    }
}
