//! What is done with answers, by name: redirects, retries and the like, as a client's defaults and as a request's own.

use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;
use trunkline::{
    DelayOption, Policy, PolicyOverrides, Retry, RetryDecision, RetryDelay, RetryFunction,
};

use crate::auth::auth;
use crate::connection::seconds;
use crate::errors::raise;
use crate::headers::Headers;
use crate::websocket_options;

/// An attempt that ended, as the function given as `retry` sees it.
#[pyclass(frozen, module = "trunkline")]
pub(crate) struct Attempt {
    /// 1 for the first attempt.
    #[pyo3(get)]
    number: u32,
    /// The method.
    #[pyo3(get)]
    method: String,
    /// The absolute URL.
    #[pyo3(get)]
    url: String,
    /// The status code of the answer; None where none came.
    #[pyo3(get)]
    status: Option<u16>,
    /// The header fields of the answer; None where none came.
    #[pyo3(get)]
    headers: Option<Headers>,
    /// Why no answer came; None where one did.
    #[pyo3(get)]
    error: Option<Py<PyAny>>,
}

impl Attempt {
    fn new(py: Python<'_>, attempt: &trunkline::Attempt<'_>) -> Attempt {
        Attempt {
            number: attempt.number,
            method: attempt.method.to_string(),
            url: attempt.url.to_owned(),
            status: attempt.status.map(|status| status.as_u16()),
            headers: attempt
                .headers
                .map(|headers| Headers(Arc::new(headers.clone()))),
            error: attempt
                .error
                .map(|error| raise(py, error).into_value(py).into_any()),
        }
    }
}

#[pymethods]
impl Attempt {
    fn __repr__(&self) -> String {
        let status = self
            .status
            .map_or_else(|| "None".to_owned(), |status| status.to_string());
        format!(
            "Attempt(number={}, method={:?}, url={:?}, status={status})",
            self.number, self.method, self.url
        )
    }
}

/// Asks a Python function; what it raises is shown, and counts as `otherwise`: nobody waits for it there.
pub(crate) fn ask<T>(
    function: &Py<PyAny>,
    otherwise: T,
    call: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>,
) -> T {
    Python::attach(|py| {
        let function = function.bind(py);
        call(function).unwrap_or_else(|error| {
            error.write_unraisable(py, Some(function));
            otherwise
        })
    })
}

fn pause(value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    seconds("a delay", value)
}

fn decision(answer: &Bound<'_, PyAny>) -> PyResult<RetryDecision> {
    // A bool is a number to Python, so it is asked first.
    if answer.is_none() {
        return Ok(RetryDecision::Stop);
    }
    match answer.extract::<bool>() {
        Ok(true) => Ok(RetryDecision::Again),
        Ok(false) => Ok(RetryDecision::Stop),
        Err(_) => pause(answer).map(RetryDecision::After),
    }
}

fn retry(value: &Bound<'_, PyAny>) -> PyResult<Retry> {
    if value.is_none() {
        return Ok(Retry::Off);
    }
    if let Ok(name) = value.cast::<PyString>() {
        return match &*name.to_cow()? {
            "off" => Ok(Retry::Off),
            "safe_transient" => Ok(Retry::SafeTransient),
            "transient" => Ok(Retry::Transient),
            other => Err(PyValueError::new_err(format!(
                "retry is 'safe_transient', 'transient', a function or None, not {other:?}"
            ))),
        };
    }
    if !value.is_callable() {
        return Err(PyTypeError::new_err(
            "retry is 'safe_transient', 'transient', a function or None",
        ));
    }
    let function = value.clone().unbind();
    let decide: RetryFunction = Arc::new(move |attempt| {
        ask(&function, RetryDecision::Stop, |function| {
            decision(&function.call1((Attempt::new(function.py(), attempt),))?)
        })
    });
    Ok(Retry::Callback(decide))
}

fn retry_delay(value: &Bound<'_, PyAny>) -> PyResult<DelayOption> {
    if value.is_none() {
        return Ok(DelayOption(None));
    }
    if !value.is_callable() {
        let same = pause(value).map_err(|error| {
            if error.is_instance_of::<PyTypeError>(value.py()) {
                PyTypeError::new_err("retry_delay is a function of the retry's number, or seconds")
            } else {
                error
            }
        })?;
        return Ok(DelayOption(Some(Arc::new(move |_| same))));
    }
    let function = value.clone().unbind();
    let delay: RetryDelay = Arc::new(move |number| {
        ask(&function, trunkline::limits::RETRY_PAUSE, |function| {
            pause(&function.call1((number,))?)
        })
    });
    Ok(DelayOption(Some(delay)))
}

/// Notes an option. False: there is none of that name.
pub(crate) fn set(
    policy: &mut PolicyOverrides,
    name: &str,
    value: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    match name {
        "follow_redirects" => policy.follow_redirects = Some(value.extract()?),
        "max_redirects" => policy.max_redirects = Some(value.extract()?),
        "redirect_trusted" => policy.redirect_trusted = Some(value.extract()?),
        "redirect_downgrade" => policy.redirect_downgrade = Some(value.extract()?),
        "retry" => policy.retry = Some(retry(value)?),
        "max_retries" => policy.max_retries = Some(value.extract()?),
        "retry_delay" => policy.retry_delay = Some(retry_delay(value)?),
        "status_errors" => policy.status_errors = Some(value.extract()?),
        "expect_continue" => {
            policy.expect_continue = Some(if value.is_none() {
                None
            } else {
                Some(seconds(name, value)?)
            });
        }
        "auth" => policy.auth = Some(auth(value)?),
        "cookies" => policy.cookies = Some(value.extract()?),
        "decode" => policy.decode = Some(value.extract()?),
        "max_decoded_bytes" => policy.max_decoded_bytes = Some(value.extract()?),
        "max_decode_ratio" => policy.max_decode_ratio = Some(value.extract()?),
        _ => return websocket_options::set(policy, name, value),
    }
    Ok(true)
}

macro_rules! apply {
    ($given:ident, $policy:ident, $($name:ident)+) => {
        $( if let Some(value) = $given.$name { $policy.$name = value; } )+
    };
}

/// Writes what was noted into a manager's defaults.
pub(crate) fn apply(given: PolicyOverrides, policy: &mut Policy) {
    apply!(given, policy,
        follow_redirects max_redirects redirect_trusted redirect_downgrade
        retry max_retries retry_delay
        auth status_errors
        decode max_decoded_bytes max_decode_ratio
        cookies expect_continue
        websocket_deflate websocket_frames websocket_ping_interval websocket_ping_timeout
        websocket_close_timeout websocket_reconnect
    );
}
