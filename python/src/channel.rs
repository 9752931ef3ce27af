//! One request's parts on their way to asyncio code, and what it sends back.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use bytes::Bytes;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use trunkline::{Control, ErrorCode, Event, Frame, Part};

use crate::errors::with_code;
use crate::frames::{Binary, Ending};
use crate::listener::{Listener, Says};
use crate::parts::lock;
use crate::pings::{Answer, Pings};

/// Parts that were delivered and not taken. They hold the request's credit, so there are never too many.
#[derive(Default)]
struct Inner {
    events: VecDeque<Event>,
    reader: Option<Py<PyAny>>,
    /// Those who wait for room, for the answer to a ping, or for the end.
    others: Vec<Py<PyAny>>,
    ending: Ending,
    pings: Pings,
    /// What arrives is wanted by none but who waits for it already.
    unread: bool,
    listening: Option<Box<Listening>>,
}

/// A listener, and what it answered and could not be sent yet.
struct Listening {
    listener: Arc<Listener>,
    answers: VecDeque<Frame>,
    /// What they answer. Its credit is not given back before they are sent: so a peer that does not read is read no more.
    answered: VecDeque<Event>,
    /// It is being called.
    busy: bool,
    halted: bool,
}

/// Where a request's parts wait for the task that takes them.
#[derive(Default)]
pub(crate) struct Channel {
    inner: Mutex<Inner>,
    control: OnceLock<Control>,
    /// The URL that the request is at.
    asked: Mutex<String>,
    /// The messages of the WebSocket are handed over as views.
    views: AtomicBool,
}

/// A channel into which parts are put that came together.
pub(crate) struct Inbox<'a>(MutexGuard<'a, Inner>);

impl Inbox<'_> {
    /// Puts a part in; adds the futures of those who waited for it.
    pub(crate) fn put(&mut self, event: Event, ready: &mut Vec<Py<PyAny>>) {
        let inner = &mut *self.0;
        match event.part() {
            Part::Frame(Frame::Text(_) | Frame::Binary(_)) => {}
            part => {
                inner.ending.note(part);
                let word = matches!(part, Part::Writable | Part::Latency(_));
                if inner.pings.note(part) || word || event.is_terminal() {
                    ready.append(&mut inner.others);
                }
                if word {
                    return;
                }
            }
        }
        if inner.unread && inner.reader.is_none() && !event.is_terminal() {
            return;
        }
        ready.extend(inner.reader.take());
        inner.events.push_back(event);
    }

    /// Whether a listener is to be told.
    pub(crate) fn is_heard(&self) -> bool {
        self.0.listening.is_some()
    }
}

impl Channel {
    /// For a request of this URL.
    pub(crate) fn new(url: String) -> Channel {
        Channel {
            asked: Mutex::new(url),
            ..Channel::default()
        }
    }

    /// Has binary messages handed over as views.
    pub(crate) fn set_views(&self) {
        self.views.store(true, Ordering::Relaxed);
    }

    pub(crate) fn binary(&self) -> Binary {
        Binary::new(self.views.load(Ordering::Relaxed))
    }

    pub(crate) fn set_control(&self, control: Control) {
        let _ = self.control.set(control);
    }

    pub(crate) fn open(&self) -> Inbox<'_> {
        Inbox(lock(&self.inner))
    }

    /// Forgets who waits: their loop is gone.
    pub(crate) fn forget(&self, waiters: &mut Vec<Py<PyAny>>) {
        let mut inner = lock(&self.inner);
        waiters.extend(inner.reader.take());
        waiters.append(&mut inner.others);
    }

    pub(crate) fn pop(&self) -> Option<Event> {
        lock(&self.inner).events.pop_front()
    }

    /// The URL that the request is at, which a redirect changes.
    pub(crate) fn asked(&self) -> &Mutex<String> {
        &self.asked
    }

    /// Has `future` resolved by the next part.
    ///
    /// # Errors
    /// `RuntimeError` where somebody else takes the parts.
    pub(crate) fn read(&self, future: Py<PyAny>) -> PyResult<()> {
        let mut inner = lock(&self.inner);
        let taken = if inner.listening.is_some() {
            "a listener takes the messages of this WebSocket"
        } else if inner.reader.is_some() {
            "another task waits for the next part of this request already"
        } else {
            inner.reader = Some(future);
            return Ok(());
        };
        drop(inner);
        drop(future);
        Err(PyRuntimeError::new_err(taken))
    }

    /// The same one waits no more.
    pub(crate) fn stop_reading(&self, future: &Py<PyAny>) {
        let mut inner = lock(&self.inner);
        let own = inner.reader.take_if(|reader| reader.is(future));
        drop(inner);
        drop(own);
    }

    /// Takes up to `limit` parts into an empty `events`.
    pub(crate) fn pop_many(&self, events: &mut VecDeque<Event>, limit: usize) {
        let mut inner = lock(&self.inner);
        if inner.events.len() <= limit {
            std::mem::swap(&mut inner.events, events);
        } else {
            events.extend(inner.events.drain(..limit));
        }
    }

    /// Takes space back that held parts, for those that come next.
    pub(crate) fn reuse(&self, mut events: VecDeque<Event>) {
        events.clear();
        let mut inner = lock(&self.inner);
        if inner.events.capacity() == 0 {
            inner.events = events;
        }
    }

    pub(crate) fn with_ending<T>(&self, look: impl FnOnce(&Ending) -> T) -> T {
        look(&lock(&self.inner).ending)
    }

    pub(crate) fn control(&self, py: Python<'_>) -> PyResult<&Control> {
        self.control
            .get()
            .ok_or_else(|| with_code(py, ErrorCode::InvalidState, "the request was not submitted"))
    }

    pub(crate) fn cancel(&self) {
        if let Some(control) = self.control.get() {
            control.cancel();
        }
    }

    /// Adds one who waits for something else than the next part.
    pub(crate) fn wait(&self, future: Py<PyAny>) {
        lock(&self.inner).others.push(future);
    }

    /// The same one leaves.
    pub(crate) fn leave(&self, future: &Py<PyAny>) {
        let mut inner = lock(&self.inner);
        let place = inner.others.iter().position(|other| other.is(future));
        let left = place.map(|place| inner.others.swap_remove(place));
        drop(inner);
        drop(left);
    }

    /// Sends a ping; the key finds its answer.
    pub(crate) fn ask(&self, control: &Control, payload: Option<&Bytes>) -> trunkline::Result<u64> {
        lock(&self.inner).pings.ask(control, payload)
    }

    pub(crate) fn answer(&self, key: u64) -> Option<Answer> {
        lock(&self.inner).pings.answer(key)
    }

    pub(crate) fn forget_ping(&self, key: u64) {
        lock(&self.inner).pings.forget(key);
    }

    /// Whether the last part has come; with `unread` nobody wants what is there and what still comes.
    pub(crate) fn is_over(&self, unread: bool) -> bool {
        let mut inner = lock(&self.inner);
        let ended = inner.ending.ended;
        let mut dropped = VecDeque::new();
        if unread && !ended && inner.listening.is_none() {
            inner.unread = true;
            std::mem::swap(&mut inner.events, &mut dropped);
        }
        drop(inner);
        drop(dropped);
        ended
    }

    /// Has this listener take what comes, and what is there already.
    pub(crate) fn listen(&self, listener: Listener) {
        lock(&self.inner).listening = Some(Box::new(Listening {
            listener: Arc::new(listener),
            answers: VecDeque::new(),
            answered: VecDeque::new(),
            busy: false,
            halted: false,
        }));
    }

    /// Hands what has come to the listener, unless it is being called or what it answered before cannot be sent yet.
    ///
    /// # Errors
    /// What the listener raises. The WebSocket is closed for it with 1011.
    pub(crate) fn hand_over(&self, py: Python<'_>) -> PyResult<()> {
        let Some(control) = self.control.get() else {
            return Ok(());
        };
        let mut says = Says::default();
        let (listener, mut events) = {
            let mut inner = lock(&self.inner);
            let inner = &mut *inner;
            let Some(listening) = &mut inner.listening else {
                return Ok(());
            };
            if listening.busy || !listening.send(control, inner.ending.ended) {
                return Ok(());
            }
            if inner.events.is_empty() {
                return Ok(());
            }
            listening.busy = true;
            says.halt = listening.halted;
            (
                Arc::clone(&listening.listener),
                std::mem::take(&mut inner.events),
            )
        };
        let over = events.back().is_some_and(|event| event.is_terminal());
        let outcome = listener.hand_over(py, events.iter(), &mut says, || {
            self.with_ending(|ending| ending.failure(py))
        });
        let mut inner = lock(&self.inner);
        let inner_ref = &mut *inner;
        let mut left = None;
        if let Some(listening) = &mut inner_ref.listening {
            listening.busy = false;
            listening.answers.append(&mut says.frames);
            let code = match outcome {
                Err(_) => Some(1011),
                Ok(()) if says.halt => Some(1000),
                Ok(()) => None,
            };
            if let Some(code) = code.filter(|_| !listening.halted) {
                listening.halted = true;
                listening
                    .answers
                    .push_back(Frame::Close(Some(code), Bytes::new()));
            }
            if !listening.send(control, over) {
                std::mem::swap(&mut listening.answered, &mut events);
            }
        }
        if over {
            left = inner_ref.listening.take();
        }
        drop(inner);
        self.reuse(events);
        drop((left, listener));
        outcome
    }
}

impl Listening {
    /// Sends what was answered; false where something has to wait for room.
    fn send(&mut self, control: &Control, over: bool) -> bool {
        while !self.answers.is_empty() {
            match control.send_many(&mut self.answers) {
                Ok(_) => {}
                Err(error) if error.code() == ErrorCode::Again && !over => return false,
                // It is closed, or about to be: there is nobody to answer.
                Err(_) => self.answers.clear(),
            }
        }
        self.answered.clear();
        true
    }
}
