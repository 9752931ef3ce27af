//! A request whose whole answer is awaited.

use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use trunkline::Request;

use crate::awaitable::{awaitable_class, finished, reused};
use crate::binding::Binding;
use crate::engine::Engine;
use crate::errors::raise;
use crate::parts::lock;
use crate::response::Response;

enum State {
    New(Box<(Request, usize)>),
    Waiting(usize, Arc<Binding>),
    Ended,
}

/// A request that is sent when it is first awaited; awaiting it gives the `Response`. Cancelling the task that awaits it
/// cancels the request.
#[pyclass(frozen, module = "trunkline._native")]
pub(crate) struct Fetch {
    engine: Arc<Engine>,
    state: Mutex<State>,
    method: Mutex<String>,
    url: Py<PyAny>,
}

impl Fetch {
    pub(crate) fn new(
        engine: Arc<Engine>,
        request: Request,
        max: usize,
        method: String,
        url: Py<PyAny>,
    ) -> Fetch {
        Fetch {
            engine,
            state: Mutex::new(State::New(Box::new((request, max)))),
            method: Mutex::new(method),
            url,
        }
    }

    fn step(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let state = std::mem::replace(&mut *lock(&self.state), State::Ended);
        match state {
            State::New(prepared) => {
                let binding = self.engine.bind(py)?;
                let future = binding.future(py)?;
                let waiter = future.clone().unbind();
                let token = self
                    .engine
                    .submit_whole(py, prepared.0, prepared.1, waiter)?;
                *lock(&self.state) = State::Waiting(token, Arc::clone(&binding));
                self.engine.turn_soon(py, &binding)?;
                Ok(future.unbind())
            }
            State::Waiting(token, binding) => match self.engine.outcome(token) {
                Some(Ok(answer)) => {
                    let method = std::mem::take(&mut *lock(&self.method));
                    let response = Response::new(answer, method, self.url.clone_ref(py));
                    Err(finished(Py::new(py, response)?.into_any()))
                }
                Some(Err(error)) => Err(raise(py, &error)),
                None => {
                    let future = binding.future(py)?;
                    self.engine.wait(token, future.clone().unbind());
                    *lock(&self.state) = State::Waiting(token, binding);
                    Ok(future.unbind())
                }
            },
            State::Ended => Err(reused()),
        }
    }

    fn abandon(&self) {
        let state = std::mem::replace(&mut *lock(&self.state), State::Ended);
        if let State::Waiting(token, _) = state {
            self.engine.abandon(token);
        }
    }
}

awaitable_class!(Fetch);

impl Drop for Fetch {
    fn drop(&mut self) {
        self.abandon();
    }
}
