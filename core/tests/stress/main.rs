//! Much at once, and for long: what must hold whatever happens in between.
//!
//! One test at a time: some count what the whole process holds, and each uses all the processors there are.

#[path = "../kit/mod.rs"]
mod kit;

mod cancels;
mod crowd;
mod goaway;
mod keep_alive;
mod numbered;
#[path = "../websocket/peer.rs"]
#[allow(dead_code, reason = "shared with the tests of WebSockets")]
mod peer;
mod sharing;
mod streams;
mod websockets;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Held by a test for as long as it runs.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
