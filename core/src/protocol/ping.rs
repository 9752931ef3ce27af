//! PING (RFC 9113, 6.7): measures the round trip, finds a peer that no longer answers, and samples for the window.

use std::sync::atomic::Ordering;
use std::task::Context;
use std::time::{Duration, Instant};

use h2::{Ping, PingPong};

use super::window::Adaptive;
use crate::drive::{Reactor, Timer};
use crate::statistics::Counters;

/// Sends PINGs, of which h2 lets one be on its way at a time.
pub(super) struct Pinger {
    ping: PingPong,
    /// From one to the next, and for how long an answer is waited for. Without it only the window asks for some.
    interval: Option<Duration>,
    timer: Timer,
    sent: Option<Instant>,
    adaptive: Option<Adaptive>,
}

/// What a PING has shown.
pub(super) enum Shown {
    Nothing,
    /// The peer has not answered within an interval.
    Dead,
    /// Streams should have this window.
    Window(u32),
}

impl Pinger {
    /// None where nobody asks for a PING; an interval of 0 asks for none.
    pub(super) fn new(
        ping: Option<PingPong>,
        interval: Option<Duration>,
        adaptive: Option<Adaptive>,
        timer: Timer,
    ) -> Option<Pinger> {
        let interval = interval.filter(|interval| !interval.is_zero());
        if interval.is_none() && adaptive.is_none() {
            return None;
        }
        Some(Pinger {
            ping: ping?,
            interval,
            timer,
            sent: None,
            adaptive,
        })
    }

    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        reactor: &Reactor,
        counters: &Counters,
        in_use: impl Fn() -> bool,
    ) -> Shown {
        let mut window = None;
        if let Some(sent) = self.sent
            && self.ping.poll_pong(cx).is_ready()
        {
            let now = reactor.now();
            let round_trip = now.saturating_duration_since(sent);
            let nanos = u64::try_from(round_trip.as_nanos()).unwrap_or(u64::MAX);
            counters.ping.store(nanos.max(1), Ordering::Relaxed);
            self.sent = None;
            self.wait(now);
            if let Some(adaptive) = &mut self.adaptive {
                window = adaptive.pong(now, round_trip);
            }
        }
        if self.sent.is_none() && self.wants_ping(reactor) {
            self.send(cx, reactor);
        }
        while self.timer.poll(cx).is_ready() {
            if self.sent.is_some() {
                return Shown::Dead;
            }
            if in_use() {
                self.send(cx, reactor);
            } else {
                self.wait(reactor.now());
            }
        }
        window.map_or(Shown::Nothing, Shown::Window)
    }

    /// Besides those that the timer sends.
    fn wants_ping(&mut self, reactor: &Reactor) -> bool {
        let first = self.interval.is_some() && self.timer.is_unset();
        let sampled = self.adaptive.as_mut();
        first || sampled.is_some_and(|adaptive| adaptive.wants_ping(reactor.now()))
    }

    fn send(&mut self, cx: &mut Context<'_>, reactor: &Reactor) {
        if self.ping.send_ping(Ping::opaque()).is_ok() {
            self.sent = Some(reactor.now());
            // There can be no answer yet; this is for the task to be woken by it.
            let _ = self.ping.poll_pong(cx);
        }
        self.wait(reactor.now());
    }

    fn wait(&mut self, now: Instant) {
        if let Some(interval) = self.interval {
            self.timer.set(Some(now + interval));
        }
    }
}
