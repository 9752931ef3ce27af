//! Functions of the caller's that an engine keeps.

use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::Result;

use crate::callback::{UserData, trunk_destroy_callback};

/// Functions with their user data, which is disposed of when this is dropped.
pub(super) struct Hooks<F> {
    pub(super) functions: F,
    user_data: UserData,
    destroy: trunk_destroy_callback,
    /// The user data is ours.
    taken_over: AtomicBool,
}

impl<F> Hooks<F> {
    pub(super) fn new(
        functions: F,
        user_data: *mut c_void,
        destroy: trunk_destroy_callback,
    ) -> Arc<Hooks<F>> {
        Arc::new(Hooks {
            functions,
            user_data: UserData(user_data),
            destroy,
            taken_over: AtomicBool::new(true),
        })
    }

    pub(super) fn user_data(&self) -> *mut c_void {
        self.user_data.0
    }

    /// Hands them to something that may refuse: then the user data stays the caller's.
    ///
    /// # Errors
    /// Those of `take`.
    pub(super) fn hand_over<R>(
        self: Arc<Hooks<F>>,
        take: impl FnOnce(Arc<Hooks<F>>) -> Result<R>,
    ) -> Result<R> {
        let taken = take(Arc::clone(&self));
        if taken.is_err() {
            self.taken_over.store(false, Ordering::Release);
        }
        taken
    }
}

impl<F> Drop for Hooks<F> {
    fn drop(&mut self) {
        if *self.taken_over.get_mut() {
            self.user_data.destroy(self.destroy);
        }
    }
}
