//! An attempt whose outcome others wait for: whether their origin speaks HTTP/2.

use std::sync::Arc;

use super::{Inner, Pool, Shared};
use crate::error::Error;
use crate::protocol::http2::Http2;
use crate::request::Target;

/// The attempt that decides. Dropped without an outcome, another request may try: one that is cancelled or fails never
/// leaves others waiting.
pub(crate) struct Deciding {
    pool: Arc<Pool>,
    target: Arc<Target>,
    /// Others wait for it.
    active: bool,
    /// It is besides connections that stand and are full.
    further: bool,
    /// What those that wait end with.
    pub(super) failure: Option<Error>,
}

impl Deciding {
    pub(super) fn new(
        pool: &Arc<Pool>,
        target: &Arc<Target>,
        active: bool,
        further: bool,
    ) -> Deciding {
        Deciding {
            pool: Arc::clone(pool),
            target: Arc::clone(target),
            active,
            further,
            failure: None,
        }
    }

    /// Whether anything depends on its outcome.
    pub(crate) fn is_open(&self) -> bool {
        self.active || self.further
    }

    /// The outcome is a connection that can be shared; also after it was refused.
    pub(super) fn settle(&mut self, inner: &mut Inner, http2: &Arc<Http2>) {
        if let Some(origin) = inner.origins.get_mut(&self.target) {
            origin.shared.add(Arc::clone(http2));
            self.active = false;
            self.further = false;
            origin.waiters.wake_one();
        }
    }

    /// The outcome is that there is no HTTP/2, as far as those that wait are concerned.
    pub(crate) fn refuse(&mut self) {
        let mut inner = self.pool.lock();
        let Some(origin) = inner.origins.get_mut(&self.target) else {
            return;
        };
        if std::mem::take(&mut self.active) {
            origin.shared = Shared::Never;
            origin.waiters.wake_all();
        }
        if std::mem::take(&mut self.further) {
            origin.shared.end_further(true);
            origin.waiters.wake_one();
        }
    }
}

impl Drop for Deciding {
    fn drop(&mut self) {
        if self.further {
            let mut inner = self.pool.lock();
            if let Some(origin) = inner.origins.get_mut(&self.target) {
                origin.shared.end_further(self.failure.is_some());
                // The next may try, if this one was cancelled.
                origin.waiters.wake_one();
            }
        }
        if !self.active {
            return;
        }
        let mut inner = self.pool.lock();
        if let Some(origin) = inner.origins.get_mut(&self.target) {
            if matches!(origin.shared, Shared::Connecting) {
                origin.shared = Shared::None;
            }
            match self.failure.take() {
                // Whoever waited for this attempt shares its failure; a cancelled attempt is taken over by the next.
                Some(error) => origin.waiters.fail_all(&error),
                None => {
                    origin.waiters.wake_one();
                }
            }
        }
    }
}
