//! One request's parts on their way to asyncio code, and what it sends back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use bytes::Bytes;
use pyo3::exceptions::{PyRuntimeError, PyStopAsyncIteration};
use pyo3::prelude::*;
use pyo3::types::PyList;
use trunkline::{Control, ErrorCode, Event, Frame, Part};

use crate::awaitable::{Ready, awaitable_class, finished, reused};
use crate::engine::{Binding, Engine};
use crate::errors::{checked, with_code};
use crate::frames::{self, Ending};
use crate::listener::{Listener, Says};
use crate::parts::{self, lock};
use crate::pings::{Answer, Pings};
use crate::waiting::{Goal, wait};
use crate::{headers, prepare};

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

    /// Takes up to `limit` parts into an empty `events`.
    fn pop_many(&self, events: &mut VecDeque<Event>, limit: usize) {
        let mut inner = lock(&self.inner);
        if inner.events.len() <= limit {
            std::mem::swap(&mut inner.events, events);
        } else {
            events.extend(inner.events.drain(..limit));
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
        events.clear();
        let mut inner = lock(&self.inner);
        // The space is used again.
        if inner.events.capacity() == 0 {
            std::mem::swap(&mut inner.events, &mut events);
        }
        drop(inner);
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

/// The two ends that every awaitable here needs.
pub(crate) type Link = (Arc<Engine>, Arc<Channel>);

/// What a receiver wants of the parts.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Wanted {
    /// Each part as it is.
    Part,
    /// WebSocket messages; a closed WebSocket raises.
    Message,
    /// WebSocket messages; a clean close ends the iteration.
    Iteration,
    /// So many WebSocket messages at most, in a list.
    Messages(usize),
}

/// Takes what is wanted from the parts that are there: its value, its exception, or nothing yet.
pub(crate) fn take(
    py: Python<'_>,
    channel: &Channel,
    wanted: Wanted,
) -> Option<PyResult<Py<PyAny>>> {
    if let Wanted::Messages(limit) = wanted
        && let Some(list) = take_many(py, channel, limit)
    {
        return Some(list);
    }
    while let Some(event) = channel.pop() {
        if wanted == Wanted::Part {
            return Some(parts::part(py, event, &channel.asked).map(Bound::unbind));
        }
        if let Some(message) = frames::message(py, &event) {
            return Some(Ok(message));
        }
    }
    let ended = channel.with_ending(|ending| ending.ended);
    if !ended {
        return None;
    }
    Some(Err(match wanted {
        Wanted::Part => with_code(
            py,
            ErrorCode::EndOfParts,
            "the request has delivered its last part",
        ),
        Wanted::Iteration if channel.with_ending(Ending::is_clean) => {
            PyStopAsyncIteration::new_err(())
        }
        _ => channel.with_ending(|ending| ending.raise(py)),
    }))
}

/// Takes the messages that are there, if there are any.
fn take_many(py: Python<'_>, channel: &Channel, limit: usize) -> Option<PyResult<Py<PyAny>>> {
    let mut events = VecDeque::new();
    loop {
        channel.pop_many(&mut events, limit);
        if events.is_empty() {
            return None;
        }
        let messages: Vec<_> = events
            .iter()
            .filter_map(|event| frames::message(py, event))
            .collect();
        events.clear();
        if messages.is_empty() {
            continue;
        }
        let mut inner = lock(&channel.inner);
        // The space is used again.
        if inner.events.capacity() == 0 {
            std::mem::swap(&mut inner.events, &mut events);
        }
        drop(inner);
        return Some(PyList::new(py, messages).map(|list| list.into_any().unbind()));
    }
}

/// Takes what is wanted now, or makes what waits for it.
pub(crate) fn receive<'py>(
    py: Python<'py>,
    link: &Link,
    wanted: Wanted,
) -> PyResult<Bound<'py, PyAny>> {
    match take(py, &link.1, wanted) {
        Some(Ok(value)) => Ok(Bound::new(py, Ready::new(Some(value)))?.into_any()),
        Some(Err(error)) if wanted != Wanted::Iteration => Err(error),
        Some(Err(error)) => {
            let receive = Receive {
                link: link.clone(),
                wanted,
                state: Mutex::new(State::Failed(error)),
            };
            Ok(Bound::new(py, receive)?.into_any())
        }
        None => {
            let receive = Receive {
                link: link.clone(),
                wanted,
                state: Mutex::new(State::New),
            };
            Ok(Bound::new(py, receive)?.into_any())
        }
    }
}

enum State {
    New,
    Waiting(Arc<Binding>, Py<PyAny>),
    Failed(PyErr),
    Ended,
}

/// Waits for the next part of a request.
#[pyclass(frozen, module = "trunkline._native")]
pub(crate) struct Receive {
    link: Link,
    wanted: Wanted,
    state: Mutex<State>,
}

impl Receive {
    fn step(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let state = std::mem::replace(&mut *lock(&self.state), State::Ended);
        let binding = match state {
            State::New => self.link.0.bind(py)?,
            State::Waiting(binding, _) => binding,
            State::Failed(error) => return Err(error),
            State::Ended => return Err(reused()),
        };
        if let Some(result) = take(py, &self.link.1, self.wanted) {
            return Err(finished(result?));
        }
        let future = binding.future(py)?.unbind();
        let mut reader = Some(future.clone_ref(py));
        {
            let mut inner = lock(&self.link.1.inner);
            if inner.listening.is_some() {
                return Err(PyRuntimeError::new_err(
                    "a listener takes the messages of this WebSocket",
                ));
            }
            if inner.reader.is_none() {
                inner.reader = reader.take();
            }
        }
        if reader.is_some() {
            return Err(PyRuntimeError::new_err(
                "another task waits for the next part of this request already",
            ));
        }
        // What was sent goes out now; parts that were taken gave back credit, which is also something to do.
        self.link.0.flush(py, &binding)?;
        *lock(&self.state) = State::Waiting(binding, future.clone_ref(py));
        Ok(future)
    }

    fn abandon(&self) {
        let state = std::mem::replace(&mut *lock(&self.state), State::Ended);
        if let State::Waiting(_, future) = state {
            let mut inner = lock(&self.link.1.inner);
            let own = inner.reader.take_if(|reader| reader.is(&future));
            drop(inner);
            drop(own);
        }
    }
}

awaitable_class!(Receive);

/// A submitted request whose parts are awaited one by one. When it is dropped before its end, it is cancelled.
#[pyclass(frozen, module = "trunkline")]
pub(crate) struct AsyncExchange {
    pub(crate) link: Link,
}

#[pymethods]
impl AsyncExchange {
    /// The next part: `Head`, `Data`, `Trailers`, `Frame`, and `Done` at the end. A failed request raises its error.
    fn recv<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        receive(py, &self.link, Wanted::Part)
    }

    /// Writes a piece of a streamed body; waits while the queue is full.
    fn write<'py>(&self, py: Python<'py>, data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        wait(py, &self.link, Goal::Body(prepare::shared(data)?))
    }

    /// Ends a streamed body, with trailers where given.
    #[pyo3(signature = (trailers=None))]
    fn finish(&self, py: Python<'_>, trailers: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let trailers = trailers
            .map(|fields| headers::map(py, Some(fields)))
            .transpose()?;
        checked(py, self.link.1.control(py)?.finish(trailers))?;
        self.link.0.nudge(py)
    }

    /// Gives a streamed body up: the request ends with `UploadFailed`.
    fn fail(&self, py: Python<'_>, why: &str) -> PyResult<()> {
        checked(py, self.link.1.control(py)?.fail(why))?;
        self.link.0.nudge(py)
    }

    /// Sends a WebSocket frame of a kind (`text`, `binary`, `continuation`, `ping`, `pong`, `close`); waits while the queue is
    /// full. `last` makes a piece of a message of it.
    #[pyo3(signature = (kind, payload, code=None, last=None))]
    fn send_frame<'py>(
        &self,
        py: Python<'py>,
        kind: &str,
        payload: &Bound<'py, PyAny>,
        code: Option<u16>,
        last: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let frame = frames::by_kind(kind, payload, code, last)?;
        wait(py, &self.link, Goal::Frame(frame))
    }

    /// Cancels the request: its last part raises `Cancelled`. Nothing happens when it has ended already.
    fn cancel(&self, py: Python<'_>) -> PyResult<()> {
        self.link.1.cancel();
        self.link.0.nudge(py)
    }

    /// Whether the last part was delivered; it may still wait to be taken.
    #[getter]
    fn is_ended(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.link.1.control(py)?.is_ended())
    }
}

impl Drop for AsyncExchange {
    fn drop(&mut self) {
        // A WebSocket made of it goes on: it shares the channel.
        if Arc::strong_count(&self.link.1) <= 2 {
            self.link.1.cancel();
        }
    }
}
