//! The first frame of an HTTP/2 peer: its SETTINGS, before which nothing is known of what it offers (RFC 9113, 3.4).

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connect::Stream;

/// Whether the peer's SETTINGS have come, and who waits for them.
#[derive(Default)]
pub(super) struct Settings {
    known: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

impl Settings {
    pub(super) fn are_known(&self) -> bool {
        self.known.load(Ordering::Acquire)
    }

    /// They came, or never will.
    pub(super) fn announce(&self) {
        if !self.known.swap(true, Ordering::AcqRel) {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.drain(..).for_each(Waker::wake);
        }
    }

    pub(super) fn poll_known(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if self.are_known() {
            return Poll::Ready(());
        }
        if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

/// A stream that notes when the first frame was read.
pub(super) struct Noting {
    stream: Stream,
    /// The length of the first frame's payload: the first three bytes (RFC 9113, 4.1).
    length: [u8; 3],
    seen: usize,
    read: Arc<AtomicBool>,
}

/// Bytes of the head of a frame.
const HEAD: usize = 9;

impl Noting {
    /// `read` is set once the first frame was read as a whole.
    pub(super) fn new(stream: Stream, read: &Arc<AtomicBool>) -> Noting {
        Noting {
            stream,
            length: [0; 3],
            seen: 0,
            read: Arc::clone(read),
        }
    }

    fn note(&mut self, bytes: &[u8]) {
        for (place, byte) in self.length.iter_mut().enumerate().skip(self.seen) {
            if let Some(came) = bytes.get(place - self.seen) {
                *byte = *came;
            }
        }
        self.seen += bytes.len();
        let [high, middle, low] = self.length;
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        if self.seen >= HEAD + length {
            self.read.store(true, Ordering::Release);
        }
    }
}

impl AsyncRead for Noting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if !self.read.load(Ordering::Relaxed) {
            self.note(&buf.filled()[before..]);
        }
        polled
    }
}

impl AsyncWrite for Noting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
