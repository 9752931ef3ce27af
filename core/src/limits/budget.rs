//! How many retries a manager may make.

use std::sync::atomic::{AtomicU64, Ordering};

use super::RETRY_BUDGET;

/// Retries that may be made: each request earns a fifth of one, so that a peer that fails for all is not
/// stormed by three times the load.
pub(crate) struct Budget {
    /// In fifths.
    left: AtomicU64,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            left: AtomicU64::new(RETRY_BUDGET * Budget::PRICE),
        }
    }
}

impl Budget {
    const PRICE: u64 = 5;

    /// A request was submitted.
    pub(crate) fn earn(&self) {
        let most = RETRY_BUDGET * Budget::PRICE;
        // Nothing is written while it is full, as it is where all goes well.
        if self.left.load(Ordering::Relaxed) < most {
            let _ = self
                .left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                    (left < most).then_some(left + 1)
                });
        }
    }

    /// Pays for a retry; false when it cannot be afforded.
    pub(crate) fn spend(&self) -> bool {
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(Budget::PRICE)
            })
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_earned() {
        let budget = Budget::default();
        let spent = (0..=RETRY_BUDGET).take_while(|_| budget.spend()).count() as u64;
        assert_eq!(spent, RETRY_BUDGET);
        (0..4).for_each(|_| budget.earn());
        assert!(!budget.spend());
        budget.earn();
        assert!(budget.spend());
        (0..10 * RETRY_BUDGET * Budget::PRICE).for_each(|_| budget.earn());
        assert_eq!(
            (0..=RETRY_BUDGET).take_while(|_| budget.spend()).count() as u64,
            RETRY_BUDGET
        );
    }
}
