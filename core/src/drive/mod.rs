//! The drive: tasks, sockets and timers on one reactor, and who runs it.
//!
//! A [`Reactor`] is shared by everyone; its [`Core`] is held by whoever runs it: a background thread
//! ([`threads`]) or, with the inline drive, the caller that came first ([`inline`]).

mod clock;
mod core;
mod inline;
mod io;
mod spin;
mod task;
mod threads;
mod timer;

pub(crate) use self::core::Reactor;
pub use clock::ManualClock;
pub(crate) use inline::Inline;
pub(crate) use io::Io;
pub(crate) use threads::Background;
pub(crate) use timer::Timer;
