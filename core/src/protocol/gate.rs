//! A body that waits for the peer's word: `expect: 100-continue` (RFC 9110, 10.1.1).

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use atomic_waker::AtomicWaker;

/// Held shut until the peer says `100 Continue`, or until it was waited for long enough.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    open: AtomicBool,
    waker: AtomicWaker,
}

impl Gate {
    /// Shut again, for another attempt.
    pub(crate) fn shut(&self) {
        self.open.store(false, Ordering::Release);
    }

    /// Lets the body go.
    pub(crate) fn open(&self) {
        if !self.open.swap(true, Ordering::AcqRel) {
            self.waker.wake();
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Ready when the body may go.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        if self.is_open() {
            return Poll::Ready(());
        }
        self.waker.register(cx.waker());
        if self.is_open() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}
