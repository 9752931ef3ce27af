//! Closes connections that were unused for too long, and forgets origins without any.

use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Instant;

use super::{Idle, Pool};
use crate::drive::Timer;

/// Starts the pool's sweeping task; it ends with the pool.
pub(super) fn spawn(pool: &Arc<Pool>) {
    let weak: Weak<Pool> = Arc::downgrade(pool);
    let mut timer = Timer::new(&pool.connector.reactor);
    pool.connector.reactor.spawn(poll_fn(move |cx| {
        loop {
            let Some(pool) = weak.upgrade() else {
                return Poll::Ready(());
            };
            pool.sweeper.register(cx.waker());
            let (expired, next) = pool.sweep();
            let closed = pool.lock().closed;
            // Dropped without the pool's lock, which their places need.
            drop(expired);
            if closed {
                return Poll::Ready(());
            }
            timer.set(next);
            if timer.poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }));
}

impl Pool {
    /// What has expired, and when the next will.
    fn sweep(&self) -> (Vec<Idle>, Option<Instant>) {
        let now = self.connector.reactor.now();
        let idle_for = self.connector.options.idle_connection_timeout;
        let mut expired = Vec::new();
        let mut next: Option<Instant> = None;
        let mut soonest = |at: Instant| next = Some(next.map_or(at, |next| next.min(at)));
        let mut inner = self.lock();
        inner.origins.retain(|_, origin| {
            let mut index = 0;
            while index < origin.idle.len() {
                let idle = &origin.idle[index];
                if idle.until <= now || !idle.http1.is_open(false) {
                    expired.push(origin.idle.remove(index));
                } else {
                    soonest(idle.until);
                    index += 1;
                }
            }
            if let Some(next) = origin.shared.sweep(now, idle_for) {
                soonest(next);
            }
            !origin.is_unused()
        });
        drop(inner);
        self.connector
            .counters
            .connections_idle
            .fetch_sub(expired.len() as u64, Ordering::Relaxed);
        (expired, next)
    }
}
