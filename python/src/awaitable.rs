//! Hand-written awaitables. They are coroutines to asyncio (`send`, `throw`, `close`), so that `create_task`, `gather`,
//! `wait_for` and task groups take them, without the cost of a Python frame for each.

use pyo3::exceptions::{PyRuntimeError, PyStopIteration};
use pyo3::prelude::*;
use pyo3::types::PyType;
use std::sync::Mutex;

use crate::parts::lock;

/// Ends an awaitable with its result.
pub(crate) fn finished(value: Py<PyAny>) -> PyErr {
    PyStopIteration::new_err(value)
}

/// The exception that `throw(type, value, traceback)` was given, in either of its two forms.
pub(crate) fn thrown(kind: &Bound<'_, PyAny>, value: Option<&Bound<'_, PyAny>>) -> PyErr {
    match value {
        Some(value) if !value.is_none() && !value.is_instance_of::<PyType>() => {
            PyErr::from_value(value.clone())
        }
        _ => PyErr::from_value(kind.clone()),
    }
}

/// What awaiting an awaitable twice answers, as for a coroutine.
pub(crate) fn reused() -> PyErr {
    PyRuntimeError::new_err("cannot await twice what was awaited to its end")
}

/// An awaitable whose result is there already: awaiting it does not touch the event loop.
#[pyclass(frozen, freelist = 64, module = "trunkline._native")]
pub(crate) struct Ready(Mutex<Option<Py<PyAny>>>);

impl Ready {
    /// Ready with this value; without one, with None, as often as it is awaited.
    pub(crate) fn new(value: Option<Py<PyAny>>) -> Ready {
        Ready(Mutex::new(value))
    }

    fn end(&self) -> PyResult<Option<Py<PyAny>>> {
        let value = lock(&self.0).take();
        match value {
            Some(value) => Err(finished(value)),
            None => Ok(None),
        }
    }
}

#[pymethods]
impl Ready {
    fn __await__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__(&self) -> PyResult<Option<Py<PyAny>>> {
        self.end()
    }

    /// The next step, as for a coroutine.
    fn send(&self, _value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.end()?.ok_or_else(|| PyStopIteration::new_err(()))
    }

    /// Ends with an exception, as for a coroutine.
    #[expect(clippy::unused_self, reason = "a coroutine has this method")]
    #[pyo3(signature = (kind, value=None, traceback=None))]
    fn throw(
        &self,
        kind: &Bound<'_, PyAny>,
        value: Option<&Bound<'_, PyAny>>,
        traceback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let _ = traceback;
        Err(thrown(kind, value))
    }

    /// Ends without a result, as for a coroutine.
    fn close(&self) {
        let value = lock(&self.0).take();
        drop(value);
    }
}

/// Writes the coroutine protocol for a pyclass that has `step(&self, py) -> PyResult<Py<PyAny>>` (the future to wait
/// for, or `StopIteration` with the result) and `abandon(&self)`.
macro_rules! awaitable_class {
    ($class:ty) => {
        #[pymethods]
        impl $class {
            /// What asyncio calls it in its messages.
            #[classattr]
            fn __name__() -> &'static str {
                stringify!($class)
            }

            fn __await__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
                slf
            }

            fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
                slf
            }

            fn __next__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
                self.step(py)
            }

            /// The next step, as for a coroutine.
            fn send(&self, py: Python<'_>, _value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
                self.step(py)
            }

            /// Ends with an exception (a cancellation, for one), as for a coroutine.
            #[pyo3(signature = (kind, value=None, traceback=None))]
            fn throw(
                &self,
                kind: &Bound<'_, PyAny>,
                value: Option<&Bound<'_, PyAny>>,
                traceback: Option<&Bound<'_, PyAny>>,
            ) -> PyResult<Py<PyAny>> {
                let _ = traceback;
                self.abandon();
                Err($crate::awaitable::thrown(kind, value))
            }

            /// Gives up without a result, as for a coroutine.
            fn close(&self) {
                self.abandon();
            }
        }
    };
}
pub(crate) use awaitable_class;
