//! `expect: 100-continue` (RFC 9110, 10.1.1): the body waits for the peer's word, but not for ever.

use std::sync::Arc;
use std::task::Context;

use http::header::{EXPECT, HeaderValue};

use super::Leg;
use crate::drive::Timer;
use crate::request::Body;

impl Leg<'_> {
    /// Announces the body, where that was asked for and the peer is not known to dislike it.
    pub(super) fn expect(&mut self) {
        if self.exchange.policy().expect_continue.is_none()
            || self.trip.unexpected
            || matches!(self.request.body, Body::Empty)
        {
            return;
        }
        self.gate = Some(Arc::default());
        let value = HeaderValue::from_static("100-continue");
        self.fields.push((EXPECT, value));
    }

    /// The time after which the body goes without the peer's word.
    pub(super) fn expecting(&self) -> Option<Timer> {
        let limit = self.exchange.policy().expect_continue?;
        self.gate.as_ref().map(|_| {
            let mut timer = Timer::new(&self.pool.connector.reactor);
            timer.set_after(limit);
            timer
        })
    }

    /// Opens the gate when that time has come.
    pub(super) fn poll_gate(&self, expecting: &mut Option<Timer>, cx: &mut Context<'_>) {
        if let (Some(gate), Some(timer)) = (&self.gate, &mut *expecting)
            && (gate.is_open() || timer.poll(cx).is_ready())
        {
            gate.open();
            *expecting = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Gate;

    #[test]
    fn a_gate_opens_once_and_shuts_again() {
        let gate = Gate::default();
        let cx = Context::from_waker(std::task::Waker::noop());
        assert!(gate.poll(&cx).is_pending());
        gate.open();
        assert!(gate.poll(&cx).is_ready() && gate.is_open());
        gate.shut();
        assert!(gate.poll(&cx).is_pending());
    }
}
