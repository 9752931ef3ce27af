//! Pings: those of the caller, whose round trip is told, and those that find out whether the peer is there.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::delivery::{RequestState, ping_number, ping_payload};
use crate::drive::{Reactor, Timer};
use crate::error::{Error, ErrorCode, Phase, Result};
use crate::limits::{FOREVER, WEBSOCKET_PINGS};
use crate::options::Policy;
use crate::part::Frame;

/// A ping under way.
struct Waiting {
    number: u64,
    sent: Instant,
    /// The library's own, of which the caller does not hear.
    own: bool,
}

/// The pings of a WebSocket.
pub(super) struct KeepAlive {
    reactor: Arc<Reactor>,
    interval: Option<Duration>,
    timeout: Option<Duration>,
    timer: Timer,
    /// The library's own ping that is under way.
    own: Option<u64>,
    /// When something was last heard of the peer, or could not be.
    heard: Instant,
    /// Pings under way.
    waiting: VecDeque<Waiting>,
}

impl KeepAlive {
    pub(super) fn new(policy: &Policy, reactor: &Arc<Reactor>) -> KeepAlive {
        let usable = |time: Duration| time.clamp(Duration::from_millis(1), FOREVER);
        KeepAlive {
            reactor: Arc::clone(reactor),
            interval: policy.websocket_ping_interval.map(usable),
            timeout: policy.websocket_ping_timeout.map(usable),
            timer: Timer::new(reactor),
            own: None,
            heard: reactor.now(),
            waiting: VecDeque::new(),
        }
    }

    /// Something came of the peer, or it was not read.
    pub(super) fn heard(&mut self) {
        if self.own.is_some() {
            self.heard = self.reactor.turn();
        }
    }

    /// The next ping to be sent, where one is due.
    ///
    /// # Errors
    /// `idle_timeout` when nothing came after the last one for too long.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        state: &RequestState,
    ) -> Result<Option<Frame>> {
        let Some(interval) = self.interval else {
            return Ok(None);
        };
        if self.timer.is_unset() {
            self.timer.set_after(interval);
        }
        let mut ping = None;
        while let Poll::Ready(()) = self.timer.poll(cx) {
            let now = self.reactor.turn();
            if self.own.is_none() {
                let number = state.next_ping();
                self.own = Some(number);
                self.heard = now;
                ping = Some(Frame::Ping(ping_payload(number)));
                self.timer.set(Some(now + self.timeout.unwrap_or(interval)));
                continue;
            }
            let Some(timeout) = self.timeout else {
                // The last one may be answered or not: it is time for the next.
                self.own = None;
                continue;
            };
            if now >= self.heard + timeout {
                return Err(Error::new(
                    ErrorCode::IdleTimeout,
                    format!("websocket: nothing came for {timeout:?} after a ping"),
                )
                .in_phase(Phase::Receive));
            }
            self.timer.set(Some(self.heard + timeout));
        }
        Ok(ping)
    }

    /// A ping goes out.
    pub(super) fn sent(&mut self, payload: &[u8]) {
        if let Some(number) = ping_number(payload) {
            if self.waiting.len() >= WEBSOCKET_PINGS {
                self.waiting.pop_front();
            }
            self.waiting.push_back(Waiting {
                number,
                sent: self.reactor.now(),
                own: self.own == Some(number),
            });
        }
    }

    /// A pong came: the time that it took, and the number where the ping was the caller's. None where it answers none of
    /// these.
    pub(super) fn answered(
        &mut self,
        payload: &[u8],
        state: &RequestState,
    ) -> Option<(Option<u64>, Duration)> {
        let number = ping_number(payload)?;
        let place = self.waiting.iter().position(|ping| ping.number == number)?;
        // A peer may answer the latest of several only (RFC 6455, 5.5.3).
        let ping = self.waiting.drain(..=place).next_back()?;
        let round_trip = self.reactor.now().saturating_duration_since(ping.sent);
        state.measured(round_trip);
        if self.own.is_some_and(|own| own <= number) {
            self.own = None;
            let interval = self.interval.unwrap_or(FOREVER);
            self.timer.set(Some(self.reactor.turn() + interval));
        }
        Some(((!ping.own).then_some(number), round_trip))
    }
}
