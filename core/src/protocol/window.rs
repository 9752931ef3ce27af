//! The window of HTTP/2 streams, grown with what the connection can carry in a round trip.
//!
//! As gRPC and hyper do: what arrives from before a PING until its answer is about bandwidth times delay. A peer that can
//! send more than most of the window in that time is held up by it, and the window becomes twice the sample.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// From a sample that changed nothing to the next, at first and at most.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(10)];

/// Samples a connection, and says what window its streams should have.
pub(super) struct Adaptive {
    /// Bytes that came in on the connection.
    received: Arc<AtomicU64>,
    window: u32,
    limit: u32,
    /// What had come in when the sample was begun.
    before: u64,
    /// The usual round trip, in seconds.
    round_trip: Option<f64>,
    /// The best so far, in bytes per second.
    bandwidth: f64,
    /// Samples in a row that changed nothing.
    steady: u32,
    pause: Duration,
    next: Option<Instant>,
}

impl Adaptive {
    /// Of a connection whose streams have this window, and may have `limit`.
    pub(super) fn new(received: Arc<AtomicU64>, window: u32, limit: u32) -> Adaptive {
        Adaptive {
            before: received.load(Ordering::Relaxed),
            received,
            window,
            limit,
            round_trip: None,
            bandwidth: 0.0,
            steady: 0,
            pause: PAUSES[0],
            next: None,
        }
    }

    /// Whether a PING is wanted now: not on a connection on which little moves, or whose window is as large as it may be.
    pub(super) fn wants_ping(&mut self, now: Instant) -> bool {
        if self.window >= self.limit {
            return false;
        }
        let received = self.received.load(Ordering::Relaxed);
        if self.next.is_some_and(|next| now < next) {
            self.before = received;
            return false;
        }
        received - self.before >= u64::from(self.window / 4)
    }

    /// Takes the answer to a PING. The new window, if it changes.
    pub(super) fn pong(&mut self, now: Instant, round_trip: Duration) -> Option<u32> {
        let received = self.received.load(Ordering::Relaxed);
        let bytes = u32::try_from(received - self.before).unwrap_or(u32::MAX);
        self.before = received;
        let sample = round_trip.as_secs_f64().max(1e-6);
        let usual = self
            .round_trip
            .map_or(sample, |usual| usual + (sample - usual) / 8.0);
        self.round_trip = Some(usual);
        let bandwidth = f64::from(bytes) / (usual * 1.5);
        // Else a round trip that grows because much is on its way would make the window grow for ever.
        let faster = bandwidth > self.bandwidth;
        if faster {
            self.bandwidth = bandwidth;
        }
        if faster && bytes >= self.window / 3 * 2 {
            let grown = bytes.saturating_mul(2).min(self.limit);
            self.steady = 0;
            self.pause = PAUSES[0];
            self.next = None;
            let changes = grown > self.window;
            self.window = self.window.max(grown);
            return changes.then_some(grown);
        }
        self.steady += 1;
        if self.steady > 1 {
            self.pause = (self.pause * 4).min(PAUSES[1]);
        }
        self.next = Some(now + self.pause);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u32 = 1 << 20;
    const ROUND: Duration = Duration::from_millis(50);

    fn sampled(limit: u32) -> (Adaptive, Arc<AtomicU64>, Instant) {
        let received = Arc::new(AtomicU64::new(1000));
        let adaptive = Adaptive::new(Arc::clone(&received), 65_535, limit);
        (adaptive, received, Instant::now())
    }

    #[test]
    fn a_window_that_holds_the_peer_up_grows_to_the_limit() {
        let limit = 1_000_000;
        let (mut adaptive, received, now) = sampled(limit);
        let mut windows = vec![65_535];
        while let Some(window) = windows.last().copied()
            && window < limit
        {
            // A whole window in each round trip: the peer waits for more.
            received.fetch_add(window.into(), Ordering::Relaxed);
            assert!(adaptive.wants_ping(now));
            windows.extend(adaptive.pong(now, ROUND));
        }
        assert_eq!(windows, [65_535, 131_070, 262_140, 524_280, limit]);
        received.fetch_add(u64::from(MIB), Ordering::Relaxed);
        assert!(
            !adaptive.wants_ping(now),
            "there is nothing left to measure"
        );
    }

    #[test]
    fn a_slow_peer_leaves_it_as_it_is_and_is_asked_less_and_less() {
        let (mut adaptive, received, mut now) = sampled(MIB);
        let mut pauses = Vec::new();
        for _ in 0..6 {
            received.fetch_add(20_000, Ordering::Relaxed);
            assert!(adaptive.wants_ping(now));
            assert_eq!(adaptive.pong(now, ROUND), None);
            let begun = now;
            let mut asked = false;
            while !asked {
                // What came during the pause is no part of the next sample.
                assert!(!adaptive.wants_ping(now + Duration::from_millis(99)));
                now += Duration::from_millis(100);
                received.fetch_add(20_000, Ordering::Relaxed);
                asked = adaptive.wants_ping(now);
            }
            pauses.push((now - begun).as_millis());
        }
        assert_eq!(pauses, [100, 400, 1600, 6400, 10_000, 10_000]);
    }

    #[test]
    fn little_traffic_is_not_asked_for() {
        let (mut adaptive, received, now) = sampled(MIB);
        assert!(!adaptive.wants_ping(now));
        received.fetch_add(16_000, Ordering::Relaxed);
        assert!(!adaptive.wants_ping(now));
        received.fetch_add(1000, Ordering::Relaxed);
        assert!(adaptive.wants_ping(now));
    }

    /// More in a longer time is no more bandwidth.
    #[test]
    fn a_round_trip_that_grows_with_the_window_ends_the_growth() {
        let (mut adaptive, received, now) = sampled(16 * MIB);
        received.fetch_add(65_535, Ordering::Relaxed);
        assert_eq!(adaptive.pong(now, ROUND), Some(131_070));
        for _ in 0..50 {
            received.fetch_add(131_070, Ordering::Relaxed);
            assert_eq!(adaptive.pong(now, ROUND * 20), None);
        }
    }

    #[test]
    fn extremes_do_no_harm() {
        let (mut adaptive, received, now) = sampled(0x7fff_ffff);
        assert_eq!(adaptive.pong(now, Duration::ZERO), None);
        received.fetch_add(1 << 40, Ordering::Relaxed);
        assert_eq!(adaptive.pong(now, Duration::ZERO), Some(0x7fff_ffff));
        received.fetch_add(1 << 50, Ordering::Relaxed);
        assert_eq!(adaptive.pong(now, Duration::MAX), None);
        let (mut adaptive, received, now) = sampled(1);
        received.fetch_add(1 << 20, Ordering::Relaxed);
        assert!(!adaptive.wants_ping(now), "a limit below the first window");
    }
}
