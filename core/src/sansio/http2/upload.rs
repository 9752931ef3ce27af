//! The body of a request on its way into h2: as much as the peer's window takes, the rest waits here.

use std::task::{Context, Poll};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http::HeaderMap;

use crate::sansio::exchange::Pieces;

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
    pub(super) pieces: Pieces,
    end: Option<End>,
}

impl Upload {
    /// `complete` where the head of the request was all.
    pub(super) fn new(stream: SendStream<Bytes>, complete: bool) -> Upload {
        Upload {
            stream,
            pieces: Pieces::default(),
            end: complete.then_some(End::Sent),
        }
    }

    /// Whether the caller has said that nothing follows.
    pub(super) fn is_ending(&self) -> bool {
        self.end.is_some()
    }

    /// The end has gone into h2.
    pub(super) fn is_done(&self) -> bool {
        self.pieces.is_empty() && matches!(self.end, Some(End::Sent))
    }

    pub(super) fn finish(&mut self, trailers: Option<HeaderMap>) {
        self.end = Some(trailers.map_or(End::Plain, End::Trailers));
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
        while !self.pieces.is_empty() {
            if self.stream.capacity() == 0 {
                self.stream.reserve_capacity(self.pieces.queued());
                match self.stream.poll_capacity(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Some(Ok(_))) => continue,
                    Poll::Ready(Some(Err(cause))) => return Poll::Ready(Err(cause)),
                    Poll::Ready(None) => return Poll::Ready(Err(Reason::STREAM_CLOSED.into())),
                }
            }
            let Some(piece) = self.pieces.take(self.stream.capacity()) else {
                break;
            };
            let last = self.pieces.is_empty() && matches!(self.end, Some(End::Plain));
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
