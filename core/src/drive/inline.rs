//! The `inline` drive: the reactor runs on the threads of its callers, one of them at a time.
//!
//! Whoever finds the core free leads and runs it for all; the others follow: they sleep until the leader has something
//! for them or leaves (the leader and followers pattern).

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Instant;

use super::core::{Core, Reactor};
use crate::delivery::InlineDriver;
use crate::error::{Error, ErrorCode, Result};

/// Turns that are taken after the deadline while there still is something to do.
const LATE_TURNS: usize = 64;

struct Seat {
    core: Option<Core>,
    leader: Option<ThreadId>,
    followers: usize,
    /// Asked for by the leader itself, from inside a callback: done when it leaves.
    ending: Option<Box<dyn FnOnce() + Send>>,
}

/// A reactor that is run by its callers.
pub(crate) struct Inline {
    reactor: Arc<Reactor>,
    seat: Mutex<Seat>,
    changed: Condvar,
}

impl Inline {
    pub(crate) fn new(reactor: Arc<Reactor>, mut core: Core) -> Inline {
        core.look_before_sleeping();
        let seat = Seat {
            core: Some(core),
            leader: None,
            followers: 0,
            ending: None,
        };
        Inline {
            reactor,
            seat: Mutex::new(seat),
            changed: Condvar::new(),
        }
    }

    fn seat(&self) -> MutexGuard<'_, Seat> {
        self.seat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the core until `ready` holds, or `deadline` has passed and nothing is left to do.
    fn lead(&self, core: &mut Core, ready: &dyn Fn() -> bool, deadline: Option<Instant>) -> bool {
        let mut expired = deadline.is_some_and(|deadline| deadline <= Instant::now());
        let mut turns = LATE_TURNS;
        loop {
            let more = core.run(&self.reactor);
            if ready() {
                return true;
            }
            if self.seat().followers > 0 {
                self.changed.notify_all();
            }
            let happened = if more || expired {
                core.park(&self.reactor, Some(Instant::now()))
            } else {
                core.park(&self.reactor, deadline)
            };
            if expired {
                turns -= 1;
                if turns == 0 || (!happened && !more) {
                    return ready();
                }
            } else {
                expired = deadline.is_some_and(|deadline| deadline <= Instant::now());
            }
        }
    }

    /// Does what wakes tasks of this reactor without a word to who watches or runs it; the caller is to run it next.
    pub(crate) fn quietly<T>(&self, action: impl FnOnce() -> T) -> T {
        self.reactor.quietly(action)
    }

    /// Runs the tasks that are ready and asks the system for nothing. Where the reactor runs already, who runs it does.
    pub(crate) fn run_ready(&self) {
        self.with_core(|core| {
            core.run(&self.reactor);
        });
    }

    /// Whether it is of use to look before the host sleeps. To be asked once for each time that it would. Not where the
    /// reactor runs already.
    pub(crate) fn may_look(&self) -> bool {
        let mut seat = self.seat();
        let core = seat.core.as_mut();
        core.is_some_and(|core| core.may_look(&self.reactor))
    }

    /// Looks for a moment for what makes `ready` hold; whether it does hold.
    pub(crate) fn look(&self, ready: &dyn Fn() -> bool, busy: &dyn Fn() -> bool) -> bool {
        self.with_core(|core| core.look(&self.reactor, ready, busy))
            .unwrap_or(false)
    }

    /// Leads for one action; where another leads it is told of what is ready instead.
    fn with_core<T>(&self, action: impl FnOnce(&mut Core) -> T) -> Option<T> {
        let mut seat = self.seat();
        if let Some(leader) = seat.leader {
            drop(seat);
            if leader != thread::current().id() {
                self.reactor.interrupt_for_ready();
            }
            return None;
        }
        let core = seat.core.take()?;
        seat.leader = Some(thread::current().id());
        drop(seat);
        let mut leading = Leading {
            inline: self,
            core: Some(core),
        };
        leading.core.as_mut().map(action)
    }

    /// Gives the core up for good: every task is dropped. From inside a callback this happens when the reactor's run
    /// that called it ends.
    pub(crate) fn end(&self, at_end: impl FnOnce() + Send + 'static) {
        let mut seat = self.seat();
        if seat.leader == Some(thread::current().id()) {
            seat.ending = Some(Box::new(at_end));
            return;
        }
        while seat.leader.is_some() {
            self.reactor.interrupt();
            // Counted among those whom the leader tells that it leaves.
            seat.followers += 1;
            seat = self
                .changed
                .wait(seat)
                .unwrap_or_else(PoisonError::into_inner);
            seat.followers -= 1;
        }
        let Some(core) = seat.core.take() else { return };
        drop(seat);
        self.wind_up(core, at_end);
    }

    fn wind_up(&self, mut core: Core, at_end: impl FnOnce()) {
        while core.run(&self.reactor) {}
        at_end();
        // Connections that were told to close do so.
        while core.run(&self.reactor) {}
        self.reactor.abandon();
        drop(core);
        self.changed.notify_all();
    }

    /// Whether the calling thread runs the reactor right now.
    pub(crate) fn is_current(&self) -> bool {
        self.seat().leader == Some(thread::current().id())
    }
}

/// Puts the core back, also when a callback panics.
struct Leading<'a> {
    inline: &'a Inline,
    core: Option<Core>,
}

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        if let Some(mut core) = self.core.take() {
            core.leave(&self.inline.reactor);
            let mut seat = self.inline.seat();
            seat.leader = None;
            if let Some(at_end) = seat.ending.take() {
                drop(seat);
                self.inline.wind_up(core, at_end);
                return;
            }
            seat.core = Some(core);
            let wake = seat.followers > 0;
            drop(seat);
            if wake {
                self.inline.changed.notify_all();
            }
        }
    }
}

impl InlineDriver for Inline {
    fn drive(&self, ready: &dyn Fn() -> bool, deadline: Option<Instant>) -> Result<bool> {
        let this = thread::current().id();
        let mut seat = self.seat();
        if seat.leader == Some(this) {
            return Err(Error::new(
                ErrorCode::Busy,
                "the reactor runs on this thread already (inside a callback)",
            ));
        }
        loop {
            if let Some(core) = seat.core.take() {
                seat.leader = Some(this);
                drop(seat);
                let mut leading = Leading {
                    inline: self,
                    core: Some(core),
                };
                return Ok(match leading.core.as_mut() {
                    Some(core) => self.lead(core, ready, deadline),
                    None => false,
                });
            }
            if ready() {
                return Ok(true);
            }
            self.reactor.interrupt_for_ready();
            if seat.leader.is_none() {
                return Err(Error::new(
                    ErrorCode::Closed,
                    "the manager has been shut down",
                ));
            }
            seat.followers += 1;
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            seat = match left {
                None => self
                    .changed
                    .wait(seat)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => {
                    seat.followers -= 1;
                    return Ok(ready());
                }
                Some(left) => {
                    self.changed
                        .wait_timeout(seat, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
            seat.followers -= 1;
        }
    }
}
