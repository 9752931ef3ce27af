//! What the handles of a connection that carries exchanges share: how it is driven, and how its calls are made. What a
//! protocol does by itself is its [`Machine`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::HeaderMap;

use super::calls::{Call, Calls};
use super::pieces::Pieces;
use super::{
    Carrier, ErrorHandler, Flow, FlushHandler, HttpError, InformationalHandler, Key, PartHandler,
    ResponseBody, RoomHandler,
};
use crate::sansio::memory::Pipe;

/// The state of a connection that speaks one protocol. Exchanges that have ended are let pass.
pub(in crate::sansio) trait Machine: Sized + Send + 'static {
    /// Calls that this protocol alone makes.
    type Own: Send;
    /// What is left of an exchange that is over.
    type Gone: Send;

    fn calls(&mut self) -> &mut Calls<Self::Own, Self::Gone>;
    /// Has the connection polled.
    fn wake(&self);
    /// Works until there is a call to make. None when nothing is left to do.
    fn next_call(&mut self) -> Option<Call<Self::Own>>;
    /// Makes a call of its own.
    fn make(shared: &Arc<Shared<Self>>, call: Self::Own);
    /// Changes a body that takes more.
    fn change<R>(&mut self, key: Key, change: impl FnOnce(&mut Pieces) -> R) -> Option<R>;
    /// As [`Carrier::queued`].
    fn queued(&mut self, key: Key) -> Option<usize>;
    /// Ends a body that takes more.
    fn finish(&mut self, key: Key, trailers: Option<HeaderMap>);
    /// The handler is back.
    fn put_back_informational(&mut self, key: Key, handler: InformationalHandler);
    /// As [`Machine::put_back_informational`]; one that is not needed any more is given back.
    fn put_back(&mut self, key: Key, handler: PartHandler, flow: Flow) -> Option<PartHandler>;
    /// Has an answer's body given to a handler; the one that is not needed any more.
    fn read(&mut self, key: Key, handler: PartHandler) -> Option<PartHandler>;
    fn resume(&mut self, key: Key);
    /// Gives an exchange up; the handler that is not needed any more.
    fn cancel(&mut self, key: Key, code: u32) -> Option<ErrorHandler>;
    /// The program has failed: all hear of it, unless the connection has ended.
    fn fail(&mut self, cause: &HttpError);
}

/// What the handles of a connection share.
pub(in crate::sansio) struct Shared<M> {
    state: Mutex<M>,
    pub(in crate::sansio) pipe: Pipe,
}

impl<M: Machine> Shared<M> {
    pub(in crate::sansio) fn new(state: M, pipe: Pipe) -> Arc<Shared<M>> {
        Arc::new(Shared {
            state: Mutex::new(state),
            pipe,
        })
    }

    pub(in crate::sansio) fn lock(&self) -> MutexGuard<'_, M> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something may be there to be written: whoever waits for that is told; else it is found when it is asked for.
    pub(in crate::sansio) fn touch(self: &Arc<Shared<M>>) {
        if self.lock().calls().waiting.writer.is_some() {
            self.drive();
        }
    }

    /// Does what there is to do, and makes the calls that are due, unless that is being done already.
    pub(in crate::sansio) fn drive(self: &Arc<Shared<M>>) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.calls().driving, true) {
            return;
        }
        drop(state);
        let _end = AtEnd(self);
        loop {
            let mut state = self.lock();
            let call = state.next_call().or_else(|| {
                let due = state.calls().waiting.due(&self.pipe.lock());
                due.map(Call::Wake)
            });
            let gone = state.calls().take_gone();
            if call.is_none() && gone.is_none() {
                state.calls().driving = false;
                return;
            }
            drop(state);
            drop(gone);
            if let Some(call) = call {
                self.call(call);
            }
        }
    }

    fn call(self: &Arc<Shared<M>>, call: Call<M::Own>) {
        match call {
            Call::Response(handler, response, key) => {
                handler(response, ResponseBody::new(Arc::<Self>::clone(self), key));
            }
            Call::Informational(mut handler, response, key) => {
                handler(response);
                self.lock().put_back_informational(key, handler);
            }
            Call::Part(mut handler, part, key) => {
                let flow = handler(part);
                let unused = self.lock().put_back(key, handler, flow);
                drop(unused);
            }
            Call::Trailers(handler, trailers) => handler(trailers),
            Call::Error(handler, cause) => handler(cause),
            Call::Room(handler) | Call::Wake(handler) => handler(),
            Call::Flushed(handler, gone) => handler(gone),
            Call::Drop(unused) => drop(unused),
            Call::Own(own) => M::make(self, own),
        }
    }

    /// Changes a body that takes more.
    fn change<R>(
        self: &Arc<Shared<M>>,
        key: Key,
        change: impl FnOnce(&mut Pieces) -> R,
    ) -> Option<R> {
        let changed = self.lock().change(key, change)?;
        self.touch();
        Some(changed)
    }
}

impl<M: Machine> Carrier for Shared<M> {
    fn write(self: Arc<Self>, key: Key, bytes: Bytes) -> bool {
        self.change(key, |pieces| pieces.write(bytes)).is_some()
    }

    fn queued(&self, key: Key) -> Option<usize> {
        self.lock().queued(key)
    }

    fn on_room(self: Arc<Self>, key: Key, handler: RoomHandler) -> bool {
        // The one before, if any, is dropped here, with nothing locked.
        self.change(key, |pieces| pieces.on_room(handler)).is_some()
    }

    fn on_flush(self: Arc<Self>, key: Key, handler: FlushHandler) -> bool {
        self.change(key, |pieces| pieces.on_flush(handler))
            .is_some()
    }

    fn finish(self: Arc<Self>, key: Key, trailers: Option<HeaderMap>) {
        self.lock().finish(key, trailers);
        self.touch();
    }

    fn read(self: Arc<Self>, key: Key, handler: PartHandler) {
        let unused = self.lock().read(key, handler);
        drop(unused);
        self.drive();
    }

    fn resume(self: Arc<Self>, key: Key) {
        self.lock().resume(key);
        self.drive();
    }

    fn cancel(self: Arc<Self>, key: Key, code: u32) {
        let unused = self.lock().cancel(key, code);
        drop(unused);
        // Where that has ended the connection, all hear of it now.
        let finished = self.pipe.lock().finished;
        if finished {
            self.drive();
        } else {
            self.touch();
        }
    }
}

/// Lets others drive, after a handler that panicked too.
struct AtEnd<'a, M: Machine>(&'a Shared<M>);

impl<M: Machine> Drop for AtEnd<'_, M> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().calls().driving = false;
        }
    }
}
