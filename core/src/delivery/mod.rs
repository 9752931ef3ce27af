//! Delivery: how parts reach the caller, how much may be under way, and what the caller sends back.

mod buffer;
mod callback;
mod event;
mod frames;
mod handle;
mod into;
mod mail;
mod messages;
mod outgoing;
mod queue;
mod state;
mod websocket;

use std::time::Instant;

pub use callback::Callback;
pub use event::Event;
pub use frames::Frames;
pub use handle::RequestHandle;
pub use into::FrameAnswer;
pub use mail::Mail;
pub(crate) use messages::{Outgoing, check};
pub(crate) use outgoing::{Upload, UploadPiece};
pub(crate) use queue::Queue;
pub use state::Control;
pub(crate) use state::{RequestState, Setup, Sink};

pub(crate) use websocket::{ping_number, ping_payload};

/// How the parts of a request reach the caller.
pub enum Delivery {
    /// They are kept until `recv` on the request takes them.
    Recv,
    /// They go to the manager's queue, where `poll` takes them; `token` comes with each.
    Queue {
        /// A number of the caller's choice.
        token: u64,
    },
    /// They are handed to this function on the thread that runs the reactor. It must not block.
    Callback(Callback),
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Delivery::Recv => "Recv",
            Delivery::Queue { .. } => "Queue",
            Delivery::Callback(_) => "Callback",
        })
    }
}

thread_local! {
    static ON_REACTOR: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Says that this thread belongs to a reactor: callbacks run on it, and must not wait.
pub(crate) fn mark_reactor_thread() {
    ON_REACTOR.set(true);
}

/// What runs the reactor on the caller's thread while a blocking call waits. Absent where background threads do.
pub(crate) trait InlineDriver: Send + Sync {
    /// Runs the reactor until `ready` holds or `deadline` has passed; false at the deadline.
    ///
    /// # Errors
    /// `busy` when this thread runs the reactor already.
    fn drive(
        &self,
        ready: &dyn Fn() -> bool,
        deadline: Option<Instant>,
    ) -> crate::error::Result<bool>;
}
