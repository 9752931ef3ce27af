//! The body of a request on its way into h2: as much as the peer's window takes, the rest waits here.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http::HeaderMap;

use crate::limits::UPLOAD_BUFFER;
use crate::sansio::exchange::{FlushHandler, RoomHandler};

/// How a body ends.
enum End {
    Plain,
    Trailers(HeaderMap),
    /// It has gone into h2.
    Sent,
}

/// The sending side of a stream.
pub(super) struct Upload {
    stream: SendStream<Bytes>,
    queue: VecDeque<Bytes>,
    queued: usize,
    end: Option<End>,
    written: u64,
    /// Who is told when what was written up to there has gone out.
    flushes: VecDeque<(u64, FlushHandler)>,
    room: Option<RoomHandler>,
}

impl Upload {
    /// `complete` where the head of the request was all.
    pub(super) fn new(stream: SendStream<Bytes>, complete: bool) -> Upload {
        Upload {
            stream,
            queue: VecDeque::new(),
            queued: 0,
            end: complete.then_some(End::Sent),
            written: 0,
            flushes: VecDeque::new(),
            room: None,
        }
    }

    /// Whether the caller has said that nothing follows.
    pub(super) fn is_ending(&self) -> bool {
        self.end.is_some()
    }

    /// The end has gone into h2.
    pub(super) fn is_done(&self) -> bool {
        self.queue.is_empty() && matches!(self.end, Some(End::Sent))
    }

    pub(super) fn write(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.queued += bytes.len();
            self.written += bytes.len() as u64;
            self.queue.push_back(bytes);
        }
    }

    pub(super) fn finish(&mut self, trailers: Option<HeaderMap>) {
        self.end = Some(trailers.map_or(End::Plain, End::Trailers));
    }

    pub(super) fn queued(&self) -> usize {
        self.queued
    }

    pub(super) fn on_flush(&mut self, handler: FlushHandler) {
        self.flushes.push_back((self.written, handler));
    }

    /// The one before, if any, is to be dropped with nothing locked.
    pub(super) fn on_room(&mut self, handler: RoomHandler) -> Option<RoomHandler> {
        self.room.replace(handler)
    }

    /// Whoever waits for room, where there is some.
    pub(super) fn take_room(&mut self) -> Option<RoomHandler> {
        if self.queued < UPLOAD_BUFFER {
            self.room.take()
        } else {
            None
        }
    }

    /// The next whose bytes all went into h2.
    pub(super) fn take_flushed(&mut self) -> Option<FlushHandler> {
        let gone = self.written - self.queued as u64;
        if self.flushes.front().is_some_and(|(mark, _)| *mark <= gone) {
            self.flushes.pop_front().map(|(_, handler)| handler)
        } else {
            None
        }
    }

    /// Whoever is told that their bytes will not go out.
    pub(super) fn take_unflushed(&mut self) -> impl Iterator<Item = FlushHandler> {
        self.flushes.drain(..).map(|(_, handler)| handler)
    }

    pub(super) fn reset(&mut self, reason: Reason) {
        self.stream.send_reset(reason);
    }

    /// The peer's `RST_STREAM`, when there is nothing else to hear of it by.
    pub(super) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<Result<Reason, h2::Error>> {
        self.stream.poll_reset(cx)
    }

    /// Gives h2 what the window takes; ready once the end has gone in too.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        while let Some(front) = self.queue.front_mut() {
            if self.stream.capacity() == 0 {
                self.stream.reserve_capacity(self.queued);
                match self.stream.poll_capacity(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Some(Ok(_))) => continue,
                    Poll::Ready(Some(Err(cause))) => return Poll::Ready(Err(cause)),
                    Poll::Ready(None) => return Poll::Ready(Err(Reason::STREAM_CLOSED.into())),
                }
            }
            let count = self.stream.capacity().min(front.len());
            let piece = front.split_to(count);
            if front.is_empty() {
                self.queue.pop_front();
            }
            self.queued -= count;
            let last = self.queue.is_empty() && matches!(self.end, Some(End::Plain));
            self.stream.send_data(piece, last)?;
            if last {
                self.end = Some(End::Sent);
            }
        }
        if self.end.is_none() {
            return Poll::Pending;
        }
        Poll::Ready(match self.end.replace(End::Sent) {
            Some(End::Plain) => self.stream.send_data(Bytes::new(), true),
            Some(End::Trailers(trailers)) => self.stream.send_trailers(trailers),
            Some(End::Sent) | None => Ok(()),
        })
    }
}
