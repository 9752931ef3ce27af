//! Core errors as Python exceptions. The classes are Python's (`trunkline._errors`), found by the error's number.

use std::error::Error as _;
use std::fmt::Write as _;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use trunkline::{Error, ErrorCode};

static BY_CODE: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
static WEBSOCKET_CLOSED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The exception for a core error.
pub(crate) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    instance(py, error).map_or_else(|failure| failure, PyErr::from_value)
}

/// Turns the error of a core result into its exception.
pub(crate) fn checked<T>(py: Python<'_>, result: trunkline::Result<T>) -> PyResult<T> {
    result.map_err(|error| raise(py, &error))
}

/// The exception for a code, with a message.
pub(crate) fn with_code(py: Python<'_>, code: ErrorCode, message: &str) -> PyErr {
    raise(py, &Error::new(code, message))
}

fn instance<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    let classes = BY_CODE.get_or_try_init(py, || {
        let module = py.import("trunkline._errors")?;
        module
            .getattr("BY_CODE")?
            .cast_into::<PyDict>()
            .map(Bound::unbind)
            .map_err(PyErr::from)
    })?;
    let number = error.code() as u16;
    let class = match classes.bind(py).get_item(number)? {
        Some(class) => class,
        None => py.import("trunkline._errors")?.getattr("Error")?,
    };
    let phase = error.phase().map(trunkline::Phase::name);
    class.call1((
        message(error),
        number,
        error.code().name(),
        phase,
        error.peer_code(),
    ))
}

/// The message with what caused it, as far as the message does not say it already.
fn message(error: &Error) -> String {
    let mut text = error.message().to_owned();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            let _ = write!(text, ": {words}");
        }
        cause = inner.source();
    }
    text
}

/// The exception of a WebSocket that is closed.
pub(crate) fn websocket_closed(py: Python<'_>, code: Option<u16>, reason: &[u8]) -> PyErr {
    let make = || {
        let class = WEBSOCKET_CLOSED.get_or_try_init(py, || {
            py.import("trunkline._errors")?
                .getattr(intern!(py, "WebSocketClosed"))
                .map(Bound::unbind)
        })?;
        class
            .bind(py)
            .call1((code, String::from_utf8_lossy(reason)))
    };
    make().map_or_else(|failure| failure, PyErr::from_value)
}

/// Every error code: number, name and one sentence that says what it means.
#[pyfunction]
pub(crate) fn error_table() -> Vec<(u16, &'static str, &'static str)> {
    ErrorCode::ALL
        .iter()
        .map(|code| (*code as u16, code.name(), code.description()))
        .collect()
}
