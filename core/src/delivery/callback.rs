//! Delivery by callback.

use std::sync::{Mutex, PoisonError};

use super::Event;

/// A function that takes a request's parts. It is dropped after the terminal part.
pub type Callback = Box<dyn FnMut(Event) + Send>;

/// Holds the callback while the request lives. Only the request's own task calls it, so calls never overlap.
pub(crate) struct CallbackSink(Mutex<Option<Callback>>);

impl CallbackSink {
    pub(crate) fn new(callback: Callback) -> CallbackSink {
        CallbackSink(Mutex::new(Some(callback)))
    }

    pub(crate) fn deliver(&self, event: Event) {
        // Taken out for the call: no lock is held while the callback runs.
        let taken = self.lock().take();
        if let Some(mut callback) = taken {
            let last = event.is_terminal();
            callback(event);
            if !last {
                *self.lock() = Some(callback);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Callback>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
