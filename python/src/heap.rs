//! What malloc does with the space of large messages.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Shorter messages leave too little to be given back to the system.
const LARGE: usize = 16 * 1024;
/// The block that malloc is taught with: what a credit's worth of messages leaves, and as much again.
const BLOCK: usize = 2 * 1024 * 1024;

/// Called before a message of this length is made: has malloc keep what large messages leave, for the next.
///
/// glibc gives the end of its heap back to the system as soon as 128 KiB of it are free. So every batch of messages that was
/// dropped is given back, and taken anew for the next one, page by page. Once a large block was freed the bound is twice that
/// block (mallopt(3), `M_MMAP_THRESHOLD`): one is made and freed here, of which no page is touched.
pub(crate) fn expect(py: Python<'_>, length: usize) {
    static TAUGHT: AtomicBool = AtomicBool::new(false);
    if length >= LARGE && !TAUGHT.swap(true, Ordering::Relaxed) {
        // Without the block all goes on as before.
        let _ = py.get_type::<PyBytes>().call1((BLOCK,));
    }
}
