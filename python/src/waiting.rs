//! Waiting for something else than the next part of a request: for room, for the answer to a ping, for the end.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use trunkline::{Control, ErrorCode, Frame};

use crate::awaitable::{Ready, awaitable_class, finished, reused};
use crate::binding::Binding;
use crate::channel::Channel;
use crate::errors::{raise, with_code};
use crate::parts::lock;
use crate::pings::Answer;
use crate::receive::Link;

/// What is to happen before the awaitable ends.
pub(crate) enum Goal {
    /// A piece of a body is taken.
    Body(Bytes),
    /// A frame of a request that is used part by part is taken.
    Frame(Frame),
    /// Messages of a WebSocket are taken: once that has ended, sending them tells how.
    Messages(VecDeque<Frame>),
    /// A ping is answered; the payload, where it is the caller's, then the key by which its answer is found.
    Ping(Option<Bytes>, Option<u64>),
    /// The request ends; where this is true nobody wants what still arrives.
    End(bool),
}

impl Goal {
    /// Tries it; none while it cannot be.
    fn attempt(&mut self, py: Python<'_>, channel: &Channel) -> PyResult<Option<Py<PyAny>>> {
        let control = channel.control(py)?;
        let outcome = match self {
            Goal::Body(data) => control.write(data.clone()),
            Goal::Frame(frame) => control.send(frame.clone()),
            Goal::Messages(frames) => send_all(control, frames),
            Goal::Ping(payload, None) => channel.ask(control, payload.as_ref()).map(|key| {
                *self = Goal::Ping(None, Some(key));
            }),
            Goal::Ping(_, Some(key)) => return answer(py, channel, *key),
            Goal::End(unread) => {
                let ended = channel.is_over(*unread);
                return Ok(ended.then(|| py.None()));
            }
        };
        match outcome {
            Ok(()) if matches!(self, Goal::Ping(..)) => Ok(None),
            Ok(()) => Ok(Some(py.None())),
            Err(error) if error.code() == ErrorCode::Again => Ok(None),
            Err(error) if matches!(self, Goal::Messages(_) | Goal::Ping(..)) => {
                Err(refused(py, channel, &error))
            }
            Err(error) => Err(raise(py, &error)),
        }
    }
}

/// Sends what there is room for; `again` where something is left.
fn send_all(control: &Control, frames: &mut VecDeque<Frame>) -> trunkline::Result<()> {
    while !frames.is_empty() {
        control.send_many(frames)?;
    }
    Ok(())
}

/// The exception for a message that was refused for good.
fn refused(py: Python<'_>, channel: &Channel, error: &trunkline::Error) -> PyErr {
    let closed = channel.with_ending(|ending| ending.ended || ending.close().is_some());
    if error.code() == ErrorCode::InvalidState && closed {
        return channel.with_ending(|ending| ending.raise(py));
    }
    raise(py, error)
}

fn answer(py: Python<'_>, channel: &Channel, key: u64) -> PyResult<Option<Py<PyAny>>> {
    match channel.answer(key) {
        Some(Answer::Took(time)) => time.as_secs_f64().into_py_any(py).map(Some),
        Some(Answer::Lost) => Err(with_code(
            py,
            ErrorCode::ConnectionClosed,
            "the connection was lost before the ping was answered",
        )),
        None if channel.with_ending(|ending| ending.ended) => {
            Err(channel.with_ending(|ending| ending.raise(py)))
        }
        None => Ok(None),
    }
}

enum State {
    New,
    Waiting(Arc<Binding>, Py<PyAny>),
    Ended,
}

/// Waits until its goal is reached.
#[pyclass(frozen, module = "trunkline._native")]
pub(crate) struct Wait {
    link: Link,
    inner: Mutex<(Goal, State)>,
}

impl Wait {
    fn step(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let mut inner = lock(&self.inner);
        let binding = match std::mem::replace(&mut inner.1, State::Ended) {
            State::New => self.link.0.bind(py)?,
            State::Waiting(binding, _) => binding,
            State::Ended => return Err(reused()),
        };
        let reached = self
            .link
            .0
            .manager
            .quietly(|| inner.0.attempt(py, &self.link.1));
        if let Some(value) = reached? {
            self.link.0.nudge(py)?;
            return Err(finished(value));
        }
        let future = binding.future(py)?.unbind();
        // Parts are handed out on this thread, so none can have come since the attempt.
        self.link.1.wait(future.clone_ref(py));
        self.link.0.flush(py, &binding)?;
        inner.1 = State::Waiting(binding, future.clone_ref(py));
        Ok(future)
    }

    fn abandon(&self) {
        let mut inner = lock(&self.inner);
        if let Goal::Ping(_, Some(key)) = &inner.0 {
            self.link.1.forget_ping(*key);
        }
        let state = std::mem::replace(&mut inner.1, State::Ended);
        drop(inner);
        if let State::Waiting(_, future) = &state {
            self.link.1.leave(future);
        }
    }
}

awaitable_class!(Wait);

/// Does it now, or makes what waits for it.
pub(crate) fn wait<'py>(
    py: Python<'py>,
    link: &Link,
    mut goal: Goal,
) -> PyResult<Bound<'py, PyAny>> {
    // The loop is to turn the reactor soon, so nobody has to be interrupted.
    let reached = link.0.manager.quietly(|| goal.attempt(py, &link.1))?;
    link.0.nudge(py)?;
    if let Some(value) = reached {
        let value = (!value.is_none(py)).then_some(value);
        return Ok(Bound::new(py, Ready::new(value))?.into_any());
    }
    let wait = Wait {
        link: link.clone(),
        inner: Mutex::new((goal, State::New)),
    };
    Ok(Bound::new(py, wait)?.into_any())
}

/// Sends messages of a WebSocket unless the queue is full; whether they were taken.
pub(crate) fn try_send(py: Python<'_>, link: &Link, frame: Frame) -> PyResult<bool> {
    let control = link.1.control(py)?;
    match link.0.manager.quietly(|| control.send(frame)) {
        Ok(()) => link.0.nudge(py).map(|()| true),
        Err(error) if error.code() == ErrorCode::Again => Ok(false),
        Err(error) => Err(refused(py, &link.1, &error)),
    }
}
