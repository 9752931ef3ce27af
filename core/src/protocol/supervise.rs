//! The task of a connection, and the means to end it at once.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use atomic_waker::AtomicWaker;

#[derive(Default)]
struct Inner {
    set: AtomicBool,
    waker: AtomicWaker,
}

/// Ends a connection's task when told so, which closes its socket.
#[derive(Clone, Default)]
pub(crate) struct Abort(Arc<Inner>);

impl Abort {
    pub(crate) fn abort(&self) {
        self.0.set.store(true, Ordering::Release);
        self.0.waker.wake();
    }

    /// Runs `connection` to its end or until aborted.
    pub(crate) async fn supervise<F: Future>(self, connection: F) -> Option<F::Output> {
        let mut connection = pin!(connection);
        std::future::poll_fn(move |cx| {
            self.0.waker.register(cx.waker());
            if self.0.set.load(Ordering::Acquire) {
                return Poll::Ready(None);
            }
            connection.as_mut().poll(cx).map(Some)
        })
        .await
    }
}
