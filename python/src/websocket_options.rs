//! Options of a WebSocket, by name.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use trunkline::{PolicyOverrides, Request, ResumeFunction, WebSocketDeflate, WebSocketReconnect};

use crate::connection::seconds;
use crate::errors::checked;
use crate::frames;
use crate::parts::Head;
use crate::policy::ask;

fn unknown(kind: &str, name: &str) -> PyErr {
    PyTypeError::new_err(format!("{kind} has no option {name:?}"))
}

/// Compression from a dict of its options; None is none.
pub(crate) fn deflate(value: &Bound<'_, PyAny>) -> PyResult<Option<WebSocketDeflate>> {
    if value.is_none() {
        return Ok(None);
    }
    let mut deflate = WebSocketDeflate::default();
    for (name, value) in value.cast::<PyDict>()?.iter() {
        match &*name.extract::<Cow<'_, str>>()? {
            "level" => deflate.level = value.extract()?,
            "threshold" => deflate.threshold = value.extract()?,
            "server_max_window_bits" => deflate.server_max_window_bits = value.extract()?,
            "client_max_window_bits" => deflate.client_max_window_bits = value.extract()?,
            "server_no_context_takeover" => deflate.server_no_context_takeover = value.extract()?,
            "client_no_context_takeover" => deflate.client_no_context_takeover = value.extract()?,
            other => return Err(unknown("compression", other)),
        }
    }
    Ok(Some(deflate))
}

/// A function of Python's that is given the answer, and gives messages; what it raises is shown, and nothing is sent.
fn resume(value: &Bound<'_, PyAny>) -> Option<ResumeFunction> {
    if value.is_none() {
        return None;
    }
    let function = value.clone().unbind();
    Some(Arc::new(move |head: &trunkline::Head| {
        ask(&function, Vec::new(), |function| {
            let answer = function.call1((Head::new(head.clone(), false),))?;
            if answer.is_none() {
                return Ok(Vec::new());
            }
            frames::several(&answer).map(Vec::from)
        })
    }))
}

fn reconnect(value: &Bound<'_, PyAny>) -> PyResult<Option<WebSocketReconnect>> {
    if value.is_none() {
        return Ok(None);
    }
    let mut how = WebSocketReconnect::default();
    for (name, value) in value.cast::<PyDict>()?.iter() {
        match &*name.extract::<Cow<'_, str>>()? {
            name @ "delay" => how.delay = seconds(name, &value)?,
            name @ "max_delay" => how.max_delay = seconds(name, &value)?,
            "max_attempts" => how.max_attempts = value.extract()?,
            "queue" => how.queue = value.extract()?,
            "close_codes" => how.close_codes = value.extract()?,
            "resume" => how.resume = resume(&value),
            other => return Err(unknown("reconnect", other)),
        }
    }
    Ok(Some(how))
}

fn optional_seconds(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<Duration>> {
    if value.is_none() {
        return Ok(None);
    }
    seconds(name, value).map(Some)
}

/// Notes an option that managers and requests have. False: there is none of that name.
pub(crate) fn set(
    policy: &mut PolicyOverrides,
    name: &str,
    value: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    match name {
        "websocket_deflate" => policy.websocket_deflate = Some(deflate(value)?),
        "websocket_frames" => policy.websocket_frames = Some(value.extract()?),
        "websocket_ping_interval" => {
            policy.websocket_ping_interval = Some(optional_seconds(name, value)?);
        }
        "websocket_ping_timeout" => {
            policy.websocket_ping_timeout = Some(optional_seconds(name, value)?);
        }
        "websocket_close_timeout" => {
            let limit = optional_seconds(name, value)?.unwrap_or(Duration::MAX);
            policy.websocket_close_timeout = Some(limit);
        }
        "websocket_reconnect" => policy.websocket_reconnect = Some(reconnect(value)?),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Notes an option that only requests have. False: there is none of that name.
pub(crate) fn option(
    request: &mut Request,
    name: &str,
    value: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    match name {
        "subprotocols" => {
            let names: Vec<String> = value.extract()?;
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            checked(value.py(), request.websocket_protocols(&names))?;
        }
        "max_size" => {
            let most: Option<usize> = value.extract()?;
            request.websocket_max_message_bytes(most.unwrap_or(usize::MAX));
        }
        _ => return Ok(false),
    }
    Ok(true)
}
