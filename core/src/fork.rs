//! Fork detection: in a child process every handle of the parent must be left alone.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{Error, ErrorCode};

static GENERATION: AtomicU32 = AtomicU32::new(0);
static HOOK: Once = Once::new();

extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// The generation of this process; grows by one in each forked child.
#[allow(unsafe_code)]
pub(crate) fn generation() -> u32 {
    HOOK.call_once(|| {
        // SAFETY: the hook only touches an atomic, which is allowed in a forked child of a threaded process.
        unsafe {
            libc::pthread_atfork(None, None, Some(in_child));
        }
    });
    GENERATION.load(Ordering::Relaxed)
}

/// Whether something made in `generation` belongs to a parent of this process.
pub(crate) fn is_forked(generation: u32) -> bool {
    GENERATION.load(Ordering::Relaxed) != generation
}

pub(crate) fn error() -> Error {
    Error::new(
        ErrorCode::Forked,
        "the handle belongs to the process that this one was forked from",
    )
}
