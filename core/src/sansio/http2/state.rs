//! What a connection holds, and one step of it: poll what is ready, and name the call that is due.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::Reason;
use h2::client::{Connection, PushedResponseFuture, SendRequest};
use http::Request;
use slab::Slab;

use super::error;
use super::stream::{Receive, Step, Stream};
use super::upload::Upload;
use super::waker::Ready;
use super::{BodyPart, Handlers, HttpError, PingHandler, PushHandler};
use crate::sansio::exchange::{Call, Calls, ErrorHandler, Key};
use crate::sansio::frames::{Came, Frames};
use crate::sansio::memory::{Pipe, Wire};

/// A call that only HTTP/2 makes.
pub(super) enum Own {
    Answered(PingHandler),
    Promise(PushHandler, Box<Request<()>>, PushedResponseFuture),
}

pub(super) struct State {
    pub(super) pipe: Pipe,
    pub(super) ready: Arc<Ready>,
    waker: Waker,
    /// None once it has ended.
    pub(super) connection: Option<Connection<Pipe, Bytes>>,
    /// None once nothing more is to be asked.
    pub(super) sender: Option<SendRequest<Bytes>>,
    streams: Slab<Stream>,
    serial: u64,
    pub(super) push: Option<PushHandler>,
    pub(super) takes_promises: bool,
    pub(super) pings: VecDeque<([u8; 8], PingHandler)>,
    pub(super) calls: Calls<Own, Stream>,
    due: VecDeque<usize>,
    /// GOAWAY follows what was asked.
    pub(super) leaving: bool,
}

impl State {
    pub(super) fn new(
        pipe: Pipe,
        (ready, waker): (Arc<Ready>, Waker),
        (sender, connection): (SendRequest<Bytes>, Connection<Pipe, Bytes>),
        push: Option<PushHandler>,
        on_error: ErrorHandler,
    ) -> State {
        ready.wake_connection();
        State {
            pipe,
            ready,
            waker,
            connection: Some(connection),
            sender: Some(sender),
            streams: Slab::new(),
            serial: 0,
            takes_promises: push.is_some(),
            push,
            pings: VecDeque::new(),
            calls: Calls::new(on_error),
            due: VecDeque::new(),
            leaving: false,
        }
    }

    /// Takes up a stream.
    pub(super) fn insert(
        &mut self,
        handlers: Handlers,
        receive: Receive,
        upload: Option<Upload>,
    ) -> Key {
        self.serial += 1;
        let entry = self.streams.vacant_entry();
        let key = Key {
            place: entry.key(),
            serial: self.serial,
        };
        let stream = entry.insert(Stream::new(
            (key.serial, key.place),
            &self.ready,
            handlers,
            receive,
            upload,
            self.takes_promises,
        ));
        if let Some(frames) = &mut self.pipe.lock().frames {
            frames.note(stream.id);
        }
        key
    }

    pub(super) fn stream(&mut self, key: Key) -> Option<&mut Stream> {
        let stream = self.streams.get_mut(key.place)?;
        (stream.serial == key.serial).then_some(stream)
    }

    /// Lets go of a stream; whoever waits for its bytes to go out is told that they will not. It is dropped later; who was
    /// to be told of its errors.
    pub(super) fn remove(&mut self, key: Key) -> Option<ErrorHandler> {
        self.stream(key)?;
        let mut stream = self.streams.remove(key.place);
        if let Some(frames) = &mut self.pipe.lock().frames {
            frames.forget(stream.id);
        }
        if let Some(upload) = &mut stream.upload {
            let lost = upload.pieces.take_unflushed();
            self.calls
                .extend(lost.map(|handler| Call::Flushed(handler, false)));
        }
        let handler = stream.handlers.error.take();
        self.calls.let_go(stream);
        handler
    }

    /// Works until there is a call to make. None when nothing is left to do.
    pub(super) fn step(&mut self) -> Option<Call<Own>> {
        loop {
            if let Some(call) = self.calls.next() {
                return Some(call);
            }
            if self.ready.take_connection() {
                self.poll_connection();
                continue;
            }
            self.ready.take_streams(&mut self.due);
            if let Some(place) = self.due.pop_front() {
                if let Some(call) = self.poll_stream(place) {
                    return Some(call);
                }
                continue;
            }
            // Whoever is to be asked about promises was asked.
            let mut wire = self.pipe.lock();
            match &mut wire.frames {
                Some(frames) if frames.paused => {
                    frames.paused = false;
                    self.ready.wake_connection();
                }
                _ => return None,
            }
        }
    }

    fn poll_connection(&mut self) {
        let mut wire = self.pipe.lock();
        wire.blocked = false;
        drop(wire);
        let cx = &mut Context::from_waker(&self.waker);
        let mut ended = None;
        if let Some(connection) = &mut self.connection
            && let Poll::Ready(outcome) = Pin::new(connection).poll(cx)
        {
            ended = Some(outcome.err().map(error::of_connection));
        }
        let goes_on = self.connection.is_some() && ended.is_none();
        let mut guard = self.pipe.lock();
        let wire = &mut *guard;
        let lacks_preface = |frames: &Frames| frames.lacks_preface;
        if wire.frames.as_ref().is_some_and(lacks_preface) && goes_on {
            drop(guard);
            self.break_off(Reason::PROTOCOL_ERROR, &error::no_preface());
            return;
        }
        if let Some(frames) = &mut wire.frames {
            // Some servers take no request after it: those that wait for their turn go first.
            let opened = frames.last_opened;
            let waits = |stream: &Stream| stream.id % 2 == 1 && stream.id > opened;
            if self.leaving && goes_on && !self.streams.iter().any(|(_, stream)| waits(stream)) {
                self.leaving = false;
                frames.go_away(Reason::NO_ERROR.into());
            }
            frames.put_own(&mut wire.output);
            while let Some(payload) = frames.answered.pop_front() {
                let place = self.pings.iter().position(|(sent, _)| *sent == payload);
                let ping = place.and_then(|place| self.pings.remove(place));
                self.calls
                    .extend(ping.map(|(_, handler)| Call::Own(Own::Answered(handler))));
            }
        }
        self.calls.polled(wire);
        drop(guard);
        // Whatever came before the end was told of.
        if let Some(cause) = ended {
            self.finish(cause);
        }
    }

    /// The connection is at its end: all hear of it. What has come before can still be taken.
    pub(super) fn finish(&mut self, cause: Option<HttpError>) {
        self.connection = None;
        self.sender = None;
        self.pipe.lock().finished = true;
        self.calls.end(cause);
        let unanswered = (self.push.take(), std::mem::take(&mut self.pings));
        self.calls.push(Call::Drop(Box::new(unanswered)));
        for (_, stream) in &self.streams {
            stream.wake.ready();
        }
    }

    /// Ends the connection, with a GOAWAY where one can still be sent. All hear of it.
    pub(super) fn break_off(&mut self, reason: Reason, cause: &HttpError) {
        let mut wire = self.pipe.lock();
        let Wire { frames, output, .. } = &mut *wire;
        if let Some(frames) = frames {
            frames.go_away(reason.into());
            frames.put_own(output);
        }
        drop(wire);
        self.finish(Some(cause.clone()));
        self.fail_streams(cause);
    }

    /// All streams end with this.
    fn fail_streams(&mut self, cause: &HttpError) {
        let keys: Vec<Key> = self
            .streams
            .iter()
            .map(|(place, stream)| Key {
                place,
                serial: stream.serial,
            })
            .collect();
        for key in keys {
            self.fail(key, cause.clone());
        }
    }

    /// A stream ends with this. Where the end of its answer was told, that was the last.
    fn fail(&mut self, key: Key, cause: HttpError) {
        let ended = |stream: &mut Stream| matches!(stream.receive, Receive::Ended);
        let told = self.stream(key).is_some_and(ended);
        let handler = self.remove(key);
        self.calls.extend(handler.map(|handler| {
            if told {
                Call::Drop(Box::new(handler))
            } else {
                Call::Error(handler, cause)
            }
        }));
    }

    fn poll_stream(&mut self, place: usize) -> Option<Call<Own>> {
        let stream = self.streams.get_mut(place)?;
        let key = Key {
            place,
            serial: stream.serial,
        };
        let came = match &self.pipe.lock().frames {
            Some(frames) => frames.came(stream.id),
            None => Came::default(),
        };
        let step = stream.poll(came);
        if !matches!(step, Step::Pending) {
            self.due.push_back(place);
        }
        let call = match step {
            Step::Pending => {
                // Nothing wakes it any more, but the owner of a body that it has paused.
                if self.connection.is_none() && !matches!(stream.receive, Receive::Body(_)) {
                    self.fail(key, HttpError::ended());
                }
                return None;
            }
            Step::Done => {
                let unused = self.remove(key)?;
                return Some(Call::Drop(Box::new(unused)));
            }
            Step::Failed(cause) => {
                stream.reset(Reason::CANCEL);
                self.fail(key, cause);
                return None;
            }
            Step::Promise(request, response) => match self.push.take() {
                Some(handler) => Call::Own(Own::Promise(handler, Box::new(request), response)),
                // Dropping the answer refuses it.
                None => return None,
            },
            Step::Informational(response) => match stream.handlers.informational.take() {
                Some(handler) => Call::Informational(handler, response, key),
                None => return None,
            },
            Step::Head(response) => match stream.handlers.response.take() {
                Some(handler) => Call::Response(handler, response, key),
                None => return None,
            },
            Step::Part(handler, part) => {
                if part == BodyPart::End {
                    stream.end_receiving();
                }
                Call::Part(handler, part, key)
            }
            Step::Trailers(trailers) => match stream.handlers.trailers.take() {
                Some(handler) => Call::Trailers(handler, trailers),
                None => return None,
            },
            Step::Room(handler) => Call::Room(handler),
            Step::Flushed(handler) => {
                // It is in h2, and goes out with the next poll of the connection that finds room.
                self.calls.flush(handler);
                self.ready.wake_connection();
                return None;
            }
        };
        Some(call)
    }
}
