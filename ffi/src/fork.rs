//! Fork detection: handles carry the number of the process that made them, and each process has its own table.

use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

use crate::cell::Cells;
use crate::handle::Table;

/// Bits of a process number inside a handle.
pub(crate) const PROCESS_BITS: u32 = 6;

static PROCESS: AtomicU8 = AtomicU8::new(0);
static CURRENT: AtomicPtr<Registry> = AtomicPtr::new(ptr::null_mut());
static INHERITED: AtomicPtr<Registry> = AtomicPtr::new(ptr::null_mut());
static HOOK: Once = Once::new();

/// Everything that handles of one process lead to.
pub(crate) struct Registry {
    /// The number of the process.
    pub(crate) process: u8,
    /// The objects behind the handles.
    pub(crate) objects: Table,
    /// The delivered parts.
    pub(crate) cells: Cells,
    /// That of the parent: kept, never touched, for another thread may have held one of its locks at the fork.
    _inherited: AtomicPtr<Registry>,
}

/// Runs in a forked child, where only atomics may be touched.
extern "C" fn in_child() {
    PROCESS.fetch_add(1, Ordering::Relaxed);
    INHERITED.store(
        CURRENT.swap(ptr::null_mut(), Ordering::Relaxed),
        Ordering::Relaxed,
    );
}

/// The number of this process: 0, and one more in each forked child.
pub(crate) fn process() -> u8 {
    PROCESS.load(Ordering::Relaxed) & ((1 << PROCESS_BITS) - 1)
}

/// The registry of this process, made at its first use.
pub(crate) fn registry() -> &'static Registry {
    let current = CURRENT.load(Ordering::Acquire);
    // SAFETY: what CURRENT points to was leaked from a box and is never freed.
    unsafe { current.as_ref() }.unwrap_or_else(make)
}

#[cold]
fn make() -> &'static Registry {
    HOOK.call_once(|| {
        // SAFETY: the hook touches atomics only, as is right in the forked child of a threaded process.
        unsafe {
            libc::pthread_atfork(None, None, Some(in_child));
        }
    });
    let made = Box::into_raw(Box::new(Registry {
        process: process(),
        objects: Table::default(),
        cells: Cells::default(),
        _inherited: AtomicPtr::new(INHERITED.load(Ordering::Relaxed)),
    }));
    match CURRENT.compare_exchange(ptr::null_mut(), made, Ordering::AcqRel, Ordering::Acquire) {
        // SAFETY: `made` comes from a box and is now leaked for good.
        Ok(_) => unsafe { &*made },
        Err(other) => {
            // SAFETY: another thread was first; nobody else has seen `made`, and `other` is leaked for good.
            unsafe {
                drop(Box::from_raw(made));
                &*other
            }
        }
    }
}
