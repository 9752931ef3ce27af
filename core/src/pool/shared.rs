//! The HTTP/2 connections of an origin: one, or several where that is allowed and they are full.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::protocol::http2::Http2;

/// The HTTP/2 connections of an origin.
#[derive(Default)]
pub(super) enum Shared {
    /// None, and not known whether there will be one.
    #[default]
    None,
    /// A request is connecting; the outcome decides for the others.
    Connecting,
    Open(Open),
    /// The origin speaks HTTP/1.1 only.
    Never,
}

/// At least one connection that stands.
pub(super) struct Open {
    connections: Vec<Arc<Http2>>,
    pub(super) further: Further,
}

/// Whether one more may be opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Further {
    /// If the option allows it.
    Allowed,
    /// A request is opening one.
    Opening,
    /// It failed. Those that stand will do.
    Failed,
}

impl Shared {
    /// One more connection stands.
    pub(super) fn add(&mut self, http2: Arc<Http2>) {
        if let Shared::Open(open) = self {
            open.connections.push(http2);
            open.further = Further::Allowed;
        } else {
            *self = Shared::Open(Open {
                connections: vec![http2],
                further: Further::Allowed,
            });
        }
    }

    /// Forgets those that take no more streams. True when none is left of some.
    pub(super) fn forget_closed(&mut self) -> bool {
        let Shared::Open(open) = self else {
            return false;
        };
        open.connections.retain(|http2| http2.is_open());
        let ended = open.connections.is_empty();
        if ended {
            *self = Shared::None;
        }
        ended
    }

    /// Retires one without a stream, if there is one.
    pub(super) fn retire_unused(&mut self) -> bool {
        let Shared::Open(open) = self else {
            return false;
        };
        let Some(place) = open.connections.iter().position(|one| one.is_unused()) else {
            return false;
        };
        open.connections.swap_remove(place).retire();
        self.forget_closed();
        true
    }

    /// Retires those that were unused for so long. When the next may be, if there are others.
    pub(super) fn sweep(&mut self, now: Instant, idle_for: Duration) -> Option<Instant> {
        if let Shared::Open(open) = self {
            for http2 in &open.connections {
                if http2.carried.active.load(Ordering::Acquire) > 0 {
                    http2.touch(now);
                } else if http2.unused_since() + idle_for <= now {
                    http2.retire();
                }
            }
        }
        self.forget_closed();
        let Shared::Open(open) = self else {
            return None;
        };
        let since = open.connections.iter().map(|http2| http2.unused_since());
        since.min().map(|since| since + idle_for)
    }

    /// The attempt to open a further one has ended.
    pub(super) fn end_further(&mut self, failed: bool) {
        if let Shared::Open(open) = self
            && open.further == Further::Opening
        {
            open.further = if failed {
                Further::Failed
            } else {
                Further::Allowed
            };
        }
    }
}

impl Open {
    /// A place for a stream on the first that has one.
    pub(super) fn try_take(&self) -> Option<Arc<Http2>> {
        let found = self.connections.iter().find(|http2| http2.try_take());
        found.map(Arc::clone)
    }

    pub(super) fn forget(&mut self, http2: &Arc<Http2>) {
        self.connections.retain(|one| !Arc::ptr_eq(one, http2));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// Whether one more may be opened, of so many.
    pub(super) fn may_grow(&self, limit: usize) -> bool {
        self.connections.len() < limit && self.further == Further::Allowed
    }
}
