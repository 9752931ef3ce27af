//! A manager's place in an event loop: what the loop calls, and what is asked of it.

use std::os::fd::RawFd;
use std::sync::Arc;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::engine::Engine;
use crate::looking::Host;

/// The loop that an engine serves, with its methods at hand.
pub(crate) struct Binding {
    pub(crate) event_loop: Py<PyAny>,
    pub(crate) create_future: Py<PyAny>,
    call_soon: Py<PyAny>,
    turn: Py<PyAny>,
    look: Py<PyAny>,
    /// None where the loop cannot be asked.
    pub(crate) host: Option<Host>,
    descriptor: RawFd,
}

impl Binding {
    /// Has the loop watch the manager's descriptor.
    pub(crate) fn new(
        engine: &Arc<Engine>,
        event_loop: Bound<'_, PyAny>,
        descriptor: RawFd,
    ) -> PyResult<Binding> {
        let py = event_loop.py();
        let turn = |when| {
            Bound::new(py, Turn(Arc::clone(engine), when)).map(|turn| turn.into_any().unbind())
        };
        let reader = turn(When::Readable)?;
        event_loop.call_method1(intern!(py, "add_reader"), (descriptor, reader))?;
        Ok(Binding {
            create_future: event_loop.getattr(intern!(py, "create_future"))?.unbind(),
            call_soon: event_loop.getattr(intern!(py, "call_soon"))?.unbind(),
            turn: turn(When::Soon)?,
            look: turn(When::Idle)?,
            host: Host::of(&event_loop),
            event_loop: event_loop.unbind(),
            descriptor,
        })
    }

    /// Has the loop turn the reactor once it has run what is ready now.
    pub(crate) fn turn_soon(&self, py: Python<'_>) -> PyResult<()> {
        self.call_soon.bind(py).call1((&self.turn,)).map(|_| ())
    }

    /// Has the loop look once it has run what is ready now: the tasks that were given something just now among it.
    pub(crate) fn look_soon(&self, py: Python<'_>) -> PyResult<()> {
        self.call_soon.bind(py).call1((&self.look,)).map(|_| ())
    }

    /// A future of this loop, marked as one that a task may wait for.
    pub(crate) fn future<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let future = self.create_future.bind(py).call0()?;
        future.setattr(intern!(py, "_asyncio_future_blocking"), true)?;
        Ok(future)
    }

    /// Tells the loop of an exception that nobody waits for.
    pub(crate) fn complain(&self, py: Python<'_>, error: PyErr) -> PyResult<()> {
        let context = PyDict::new(py);
        context.set_item("message", "a listener of a WebSocket failed")?;
        context.set_item("exception", error.into_value(py))?;
        self.event_loop
            .bind(py)
            .call_method1(intern!(py, "call_exception_handler"), (context,))
            .map(|_| ())
    }

    pub(crate) fn is_closed(&self, py: Python<'_>) -> bool {
        let asked = self
            .event_loop
            .bind(py)
            .call_method0(intern!(py, "is_closed"));
        asked.and_then(|closed| closed.is_truthy()).unwrap_or(true)
    }

    pub(crate) fn detach(&self, py: Python<'_>) {
        if !self.is_closed(py) {
            let _ = self
                .event_loop
                .bind(py)
                .call_method1(intern!(py, "remove_reader"), (self.descriptor,));
        }
    }
}

/// When the loop runs a callback.
#[derive(Clone, Copy, PartialEq)]
enum When {
    /// The descriptor is readable.
    Readable,
    /// Something is to be sent, unless it was meanwhile.
    Soon,
    /// What was ready has run.
    Idle,
}

/// The callback that the loop runs.
#[pyclass(frozen, module = "trunkline._native")]
struct Turn(Arc<Engine>, When);

#[pymethods]
impl Turn {
    #[pyo3(signature = (*_args))]
    fn __call__(&self, py: Python<'_>, _args: &Bound<'_, PyTuple>) -> PyResult<()> {
        match self.1 {
            When::Soon => self.0.turn_if_due(py),
            When::Idle => self.0.look(py),
            When::Readable => self.0.turn(py, None),
        }
    }
}
