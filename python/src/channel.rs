//! One request's parts on their way to asyncio code, and what it sends back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use pyo3::exceptions::{PyRuntimeError, PyStopAsyncIteration};
use pyo3::prelude::*;
use trunkline::{Control, ErrorCode, Event, Frame, Part};

use crate::awaitable::{Ready, awaitable_class, finished, reused};
use crate::engine::{Binding, Engine};
use crate::errors::{checked, raise, with_code};
use crate::frames::{self, Ending};
use crate::parts::{self, lock};
use crate::{headers, prepare};

/// Parts that were delivered and not taken. They hold the request's credit, so there are never too many.
#[derive(Default)]
struct Inner {
    events: VecDeque<Event>,
    reader: Option<Py<PyAny>>,
    writers: Vec<Py<PyAny>>,
    ending: Ending,
}

/// Where a request's parts wait for the task that takes them.
#[derive(Default)]
pub(crate) struct Channel {
    inner: Mutex<Inner>,
    control: OnceLock<Control>,
    /// The URL that the request is at.
    asked: Mutex<String>,
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

    /// Puts a part in; adds the futures of those who waited for it.
    pub(crate) fn deliver(&self, event: Event, ready: &mut Vec<Py<PyAny>>) {
        let mut inner = lock(&self.inner);
        if matches!(event.part(), Part::Writable) || event.is_terminal() {
            ready.append(&mut inner.writers);
        }
        if matches!(event.part(), Part::Writable) {
            return;
        }
        inner.ending.note(event.part());
        ready.extend(inner.reader.take());
        inner.events.push_back(event);
    }

    /// Forgets who waits: their loop is gone.
    pub(crate) fn forget(&self, waiters: &mut Vec<Py<PyAny>>) {
        let mut inner = lock(&self.inner);
        waiters.extend(inner.reader.take());
        waiters.append(&mut inner.writers);
    }

    pub(crate) fn pop(&self) -> Option<Event> {
        lock(&self.inner).events.pop_front()
    }

    pub(crate) fn with_ending<T>(&self, look: impl FnOnce(&Ending) -> T) -> T {
        look(&lock(&self.inner).ending)
    }

    fn control(&self, py: Python<'_>) -> PyResult<&Control> {
        self.control
            .get()
            .ok_or_else(|| with_code(py, ErrorCode::InvalidState, "the request was not submitted"))
    }

    pub(crate) fn cancel(&self) {
        if let Some(control) = self.control.get() {
            control.cancel();
        }
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
}

/// Takes what is wanted from the parts that are there: its value, its exception, or nothing yet.
pub(crate) fn take(
    py: Python<'_>,
    channel: &Channel,
    wanted: Wanted,
) -> Option<PyResult<Py<PyAny>>> {
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

/// What is to be sent once there is room.
enum Cargo {
    /// A piece of a body.
    Body(Bytes),
    /// A frame of a request that is used part by part.
    Frame(Frame),
    /// A message or frame of a WebSocket: once that has ended, sending it tells how.
    Message(Frame),
}

impl Cargo {
    fn offer(&self, control: &Control) -> trunkline::Result<()> {
        match self {
            Cargo::Body(data) => control.write(data.clone()),
            Cargo::Frame(frame) | Cargo::Message(frame) => control.send(frame.clone()),
        }
    }
}

/// Waits until a piece of a body or a WebSocket message was taken.
#[pyclass(frozen, module = "trunkline._native")]
pub(crate) struct Send {
    link: Link,
    cargo: Cargo,
    state: Mutex<State>,
}

impl Send {
    fn step(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let state = std::mem::replace(&mut *lock(&self.state), State::Ended);
        let binding = match state {
            State::New => self.link.0.bind(py)?,
            State::Waiting(binding, _) => binding,
            State::Failed(error) => return Err(error),
            State::Ended => return Err(reused()),
        };
        let future = binding.future(py)?.unbind();
        // The writer is on the list before it asks: `Writable` comes only for a refusal, and only to this thread.
        match self.cargo.offer(self.link.1.control(py)?) {
            Ok(()) => {
                self.link.0.nudge(py)?;
                Err(finished(py.None()))
            }
            Err(error) if error.code() == ErrorCode::Again => {
                lock(&self.link.1.inner).writers.push(future.clone_ref(py));
                self.link.0.nudge(py)?;
                *lock(&self.state) = State::Waiting(binding, future.clone_ref(py));
                Ok(future)
            }
            Err(error) => Err(refused(py, &self.link.1, &self.cargo, &error)),
        }
    }

    fn abandon(&self) {
        *lock(&self.state) = State::Ended;
    }
}

awaitable_class!(Send);

/// The exception for a message or piece that was refused for good.
fn refused(py: Python<'_>, channel: &Channel, cargo: &Cargo, error: &trunkline::Error) -> PyErr {
    if !matches!(cargo, Cargo::Message(_)) {
        return raise(py, error);
    }
    let closed = channel.with_ending(|ending| ending.ended || ending.close().is_some());
    if error.code() == ErrorCode::InvalidState && closed {
        return channel.with_ending(|ending| ending.raise(py));
    }
    raise(py, error)
}

/// Sends a WebSocket frame now, or makes what waits for room.
pub(crate) fn send<'py>(py: Python<'py>, link: &Link, frame: Frame) -> PyResult<Bound<'py, PyAny>> {
    offer(py, link, Cargo::Message(frame))
}

fn offer<'py>(py: Python<'py>, link: &Link, cargo: Cargo) -> PyResult<Bound<'py, PyAny>> {
    match cargo.offer(link.1.control(py)?) {
        Ok(()) => {
            link.0.nudge(py)?;
            Ok(Bound::new(py, Ready::new(None))?.into_any())
        }
        Err(error) if error.code() == ErrorCode::Again => Ok(Bound::new(
            py,
            Send {
                link: link.clone(),
                cargo,
                state: Mutex::new(State::New),
            },
        )?
        .into_any()),
        Err(error) => Err(refused(py, &link.1, &cargo, &error)),
    }
}

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
        offer(py, &self.link, Cargo::Body(prepare::shared(data)?))
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

    /// Sends a WebSocket frame of a kind (`text`, `binary`, `ping`, `pong`, `close`); waits while the queue is full.
    #[pyo3(signature = (kind, payload, code=None))]
    fn send_frame<'py>(
        &self,
        py: Python<'py>,
        kind: &str,
        payload: &Bound<'py, PyAny>,
        code: Option<u16>,
    ) -> PyResult<Bound<'py, PyAny>> {
        offer(
            py,
            &self.link,
            Cargo::Frame(frames::by_kind(kind, payload, code)?),
        )
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
