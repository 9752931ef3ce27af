//! Looking a little longer before sleeping: a peer on the same machine often answers sooner than a processor is put to
//! sleep and woken again.

/// Answers that came in time, up to which trust grows.
const TRUST: u8 = 8;
/// What one that did not come costs.
const LOSS: u8 = 4;
/// Waits without a look, after which one is made to see whether that has become worth it.
const PROBE: u16 = 512;

/// Whether to look before sleeping: as long as that was of use the last times.
pub(super) struct Spin {
    allowed: bool,
    trust: u8,
    waits: u16,
}

impl Spin {
    /// One that never looks.
    pub(super) fn never() -> Spin {
        Spin {
            allowed: false,
            trust: 0,
            waits: 0,
        }
    }

    /// One that finds out whether it is of use: with a single processor, say, the peer cannot run meanwhile.
    pub(super) fn adaptive() -> Spin {
        Spin {
            allowed: true,
            trust: LOSS,
            waits: 0,
        }
    }

    /// Asked before each wait.
    pub(super) fn is_worth_it(&mut self) -> bool {
        if !self.allowed {
            return false;
        }
        self.waits = (self.waits + 1) % PROBE;
        self.trust > 0 || self.waits == 0
    }

    /// What came of a look.
    pub(super) fn came(&mut self, in_time: bool) {
        self.trust = if in_time {
            (self.trust + 1).min(TRUST)
        } else {
            self.trust.saturating_sub(LOSS)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_no_use_stops_soon_and_is_tried_now_and_then() {
        let mut spin = Spin::adaptive();
        let mut looked = 0;
        for _ in 0..10 * u32::from(PROBE) {
            if spin.is_worth_it() {
                looked += 1;
                spin.came(false);
            }
        }
        assert!((10..=11).contains(&looked), "{looked}");
    }

    #[test]
    fn what_is_of_use_goes_on_in_spite_of_a_late_answer() {
        let mut spin = Spin::adaptive();
        for wait in 1..1000 {
            assert!(spin.is_worth_it(), "{wait}");
            spin.came(wait % 20 != 0);
        }
        spin.came(false);
        spin.came(false);
        assert!(!spin.is_worth_it());
        while !spin.is_worth_it() {}
        spin.came(true);
        assert!(spin.is_worth_it());
    }

    #[test]
    fn never_is_never() {
        let mut spin = Spin::never();
        assert!((0..2 * PROBE).all(|_| !spin.is_worth_it()));
    }
}
