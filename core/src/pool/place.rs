//! A connection's place among those that the limits allow.

use std::sync::{Arc, Weak};

use super::Pool;
use crate::request::Target;

/// Held by a connection from before it is opened; dropped, it lets another be opened.
pub(crate) struct Place {
    pool: Weak<Pool>,
    target: Arc<Target>,
}

impl Place {
    pub(super) fn new(pool: &Arc<Pool>, target: &Arc<Target>) -> Place {
        Place {
            pool: Arc::downgrade(pool),
            target: Arc::clone(target),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.free(&self.target);
        }
    }
}
