//! What was written of a request's body and not sent yet, in order, and whoever waits for it to go.

use std::collections::VecDeque;

use bytes::Bytes;

use super::{FlushHandler, RoomHandler};
use crate::limits::UPLOAD_BUFFER;

/// The pieces of one body.
#[derive(Default)]
pub(in crate::sansio) struct Pieces {
    queue: VecDeque<Bytes>,
    queued: usize,
    written: u64,
    /// Who is told when what was written up to there has gone out.
    flushes: VecDeque<(u64, FlushHandler)>,
    room: Option<RoomHandler>,
}

impl Pieces {
    pub(in crate::sansio) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Bytes that wait.
    pub(in crate::sansio) fn queued(&self) -> usize {
        self.queued
    }

    pub(in crate::sansio) fn write(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.queued += bytes.len();
            self.written += bytes.len() as u64;
            self.queue.push_back(bytes);
        }
    }

    /// The next piece, or as much of it.
    pub(in crate::sansio) fn take(&mut self, most: usize) -> Option<Bytes> {
        let front = self.queue.front_mut()?;
        let piece = if front.len() > most {
            front.split_to(most)
        } else {
            self.queue.pop_front()?
        };
        self.queued -= piece.len();
        Some(piece)
    }

    /// The one before, if any, is to be dropped with nothing locked.
    pub(in crate::sansio) fn on_room(&mut self, handler: RoomHandler) -> Option<RoomHandler> {
        self.room.replace(handler)
    }

    pub(in crate::sansio) fn on_flush(&mut self, handler: FlushHandler) {
        self.flushes.push_back((self.written, handler));
    }

    /// Whoever waits for room, where there is some.
    pub(in crate::sansio) fn take_room(&mut self) -> Option<RoomHandler> {
        if self.queued < UPLOAD_BUFFER {
            self.room.take()
        } else {
            None
        }
    }

    /// The next whose bytes were all taken.
    pub(in crate::sansio) fn take_flushed(&mut self) -> Option<FlushHandler> {
        let gone = self.written - self.queued as u64;
        if self.flushes.front().is_some_and(|(mark, _)| *mark <= gone) {
            self.flushes.pop_front().map(|(_, handler)| handler)
        } else {
            None
        }
    }

    /// Drops what waits. Whoever is to be told that their bytes will not go out is left.
    pub(in crate::sansio) fn clear(&mut self) {
        self.queue.clear();
        self.queued = 0;
    }

    /// Whoever is told that their bytes will not go out.
    pub(in crate::sansio) fn take_unflushed(&mut self) -> impl Iterator<Item = FlushHandler> {
        self.flushes.drain(..).map(|(_, handler)| handler)
    }

    /// Whoever waits for room that there will not be.
    pub(in crate::sansio) fn take_waiting(&mut self) -> Option<RoomHandler> {
        self.room.take()
    }
}
