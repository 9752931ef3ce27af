//! Calls of handlers that are due: they are queued while a connection is locked, and made when it is not.

use std::collections::VecDeque;

use http::{HeaderMap, Response};

use super::{
    BodyPart, ErrorHandler, FlushHandler, HttpError, InformationalHandler, Key, PartHandler,
    ResponseHandler, RoomHandler, TrailersHandler,
};
use crate::sansio::WakeHandler;
use crate::sansio::memory::Wire;
use crate::sansio::pump::Waiting;

/// A call that is to be made with nothing locked.
pub(in crate::sansio) enum Call<Own> {
    Response(ResponseHandler, Response<()>, Key),
    Informational(InformationalHandler, Response<()>, Key),
    Part(PartHandler, BodyPart, Key),
    Trailers(TrailersHandler, HeaderMap),
    Error(ErrorHandler, HttpError),
    Room(RoomHandler),
    Flushed(FlushHandler, bool),
    Wake(WakeHandler),
    /// Nothing: what a handler holds may call the connection when it is dropped.
    Drop(Box<dyn Send>),
    /// One that only this protocol knows.
    Own(Own),
}

/// Someone who waits for bytes to go out: up to where, once that is known.
struct Flush {
    mark: Option<u64>,
    handler: FlushHandler,
}

/// The calls of a connection, and whoever waits for one.
pub(in crate::sansio) struct Calls<Own, Gone> {
    due: VecDeque<Call<Own>>,
    /// Exchanges that are over, to be dropped with nothing locked.
    gone: Vec<Gone>,
    flushes: VecDeque<Flush>,
    on_error: Option<ErrorHandler>,
    pub(in crate::sansio) waiting: Waiting,
    /// Someone makes the calls that are due.
    pub(super) driving: bool,
}

impl<Own, Gone> Calls<Own, Gone> {
    /// `on_error` is told once if the connection fails.
    pub(in crate::sansio) fn new(on_error: ErrorHandler) -> Calls<Own, Gone> {
        Calls {
            due: VecDeque::new(),
            gone: Vec::new(),
            flushes: VecDeque::new(),
            on_error: Some(on_error),
            waiting: Waiting::default(),
            driving: false,
        }
    }

    pub(in crate::sansio) fn push(&mut self, call: Call<Own>) {
        self.due.push_back(call);
    }

    pub(in crate::sansio) fn extend(&mut self, calls: impl IntoIterator<Item = Call<Own>>) {
        self.due.extend(calls);
    }

    pub(in crate::sansio) fn next(&mut self) -> Option<Call<Own>> {
        self.due.pop_front()
    }

    /// Has what is left of an exchange dropped.
    pub(in crate::sansio) fn let_go(&mut self, gone: Gone) {
        self.gone.push(gone);
    }

    pub(super) fn take_gone(&mut self) -> Option<Gone> {
        self.gone.pop()
    }

    /// Tells `handler` when all that the protocol has by now is written; that is in the output after its next poll.
    pub(in crate::sansio) fn flush(&mut self, handler: FlushHandler) {
        self.flushes.push_back(Flush {
            mark: None,
            handler,
        });
    }

    /// The protocol was polled: what it had is in the output, unless that was full.
    pub(in crate::sansio) fn polled(&mut self, wire: &Wire) {
        if !wire.blocked {
            let accepted = wire.output.accepted();
            for flush in &mut self.flushes {
                flush.mark.get_or_insert(accepted);
            }
        }
        self.flushed(wire.output.written());
    }

    /// Tells whoever waited for what was written by now.
    pub(in crate::sansio) fn flushed(&mut self, written: u64) {
        while let Some(flush) = self.flushes.front()
            && flush.mark.is_some_and(|mark| mark <= written)
            && let Some(flush) = self.flushes.pop_front()
        {
            self.due.push_back(Call::Flushed(flush.handler, true));
        }
    }

    /// The transport takes nothing more.
    pub(in crate::sansio) fn unflushed(&mut self) {
        self.unflush(self.flushes.len());
    }

    /// What has not come to the output by now never will.
    pub(in crate::sansio) fn unflushed_later(&mut self) {
        let unmarked = self.flushes.iter().rev();
        self.unflush(unmarked.take_while(|flush| flush.mark.is_none()).count());
    }

    /// Tells so many of the last that they wait in vain.
    fn unflush(&mut self, count: usize) {
        let lost = self.flushes.drain(self.flushes.len() - count..);
        self.due
            .extend(lost.map(|flush| Call::Flushed(flush.handler, false)));
    }

    /// The connection has ended; where something went wrong its handler is told.
    pub(in crate::sansio) fn end(&mut self, cause: Option<HttpError>) {
        self.due.extend(match (cause, self.on_error.take()) {
            (Some(cause), Some(handler)) => Some(Call::Error(handler, cause)),
            (None, Some(handler)) => Some(Call::Drop(Box::new(handler))),
            (_, None) => None,
        });
    }
}
