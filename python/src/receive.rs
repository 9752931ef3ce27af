//! Awaiting the parts of a request.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use pyo3::exceptions::PyStopAsyncIteration;
use pyo3::prelude::*;
use pyo3::types::PyList;
use trunkline::ErrorCode;

use crate::awaitable::{Ready, awaitable_class, finished, reused};
use crate::binding::Binding;
use crate::channel::Channel;
use crate::engine::Engine;
use crate::errors::{checked, with_code};
use crate::frames::{self, Ending};
use crate::parts::{self, lock};
use crate::waiting::{Goal, wait};
use crate::{headers, prepare};

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
            return Some(parts::part(py, event, channel.asked()).map(Bound::unbind));
        }
        if let Some(message) = frames::message(py, &event, channel.binary()) {
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
            .filter_map(|event| frames::message(py, event, channel.binary()))
            .collect();
        events.clear();
        if messages.is_empty() {
            continue;
        }
        channel.reuse(events);
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
        self.link.1.read(future.clone_ref(py))?;
        // What was sent goes out now; parts that were taken gave back credit, which is also something to do.
        self.link.0.flush(py, &binding)?;
        *lock(&self.state) = State::Waiting(binding, future.clone_ref(py));
        Ok(future)
    }

    fn abandon(&self) {
        let state = std::mem::replace(&mut *lock(&self.state), State::Ended);
        if let State::Waiting(_, future) = state {
            self.link.1.stop_reading(&future);
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
