//! Request bodies that are pulled from Python, and forms of several parts.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};
use trunkline::{BodyReader, BodySource, Error, ErrorCode, FileBody, Multipart, Request};

use crate::errors::checked;
use crate::prepare::shared;

/// A body that Python gives: an object whose `open()` answers an iterator of bytes, as often as the request is sent.
struct Source {
    object: Py<PyAny>,
    length: Option<u64>,
}

struct Reader(Py<PyAny>);

fn failed(py: Python<'_>, error: &PyErr) -> Error {
    let kind = error.get_type(py);
    let text = format!("{}: {}", kind, error.value(py));
    Error::new(ErrorCode::UploadFailed, text)
}

impl BodySource for Source {
    fn open(&self) -> trunkline::Result<Box<dyn BodyReader>> {
        Python::attach(|py| {
            let iterator = self.object.call_method0(py, intern!(py, "open"));
            let reader = iterator.map_err(|error| failed(py, &error))?;
            Ok(Box::new(Reader(reader)) as Box<dyn BodyReader>)
        })
    }

    fn length(&self) -> Option<u64> {
        self.length
    }
}

impl Reader {
    fn next(&self, py: Python<'_>) -> PyResult<Option<Bytes>> {
        // An empty piece is none, and not the end.
        for piece in self.0.bind(py).try_iter()? {
            let data = shared(&piece?)?;
            if !data.is_empty() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }
}

impl BodyReader for Reader {
    fn read(&mut self) -> trunkline::Result<Option<Bytes>> {
        Python::attach(|py| self.next(py).map_err(|error| failed(py, &error)))
    }
}

fn source(object: &Bound<'_, PyAny>) -> PyResult<Arc<dyn BodySource>> {
    Ok(Arc::new(Source {
        length: object.getattr("length")?.extract()?,
        object: object.clone().unbind(),
    }))
}

/// Sets a body that can be sent again: a path, or an object as [`Source`] takes it.
pub(crate) fn set(request: &mut Request, given: &Bound<'_, PyAny>) -> PyResult<()> {
    if let Ok(path) = given.extract::<PathBuf>() {
        request.body(checked(given.py(), FileBody::new(path))?);
    } else {
        request.body(source(given)?);
    }
    Ok(())
}

/// Sets a `multipart/form-data` body of parts: name, content, filename, content type.
pub(crate) fn multipart(request: &mut Request, parts: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = parts.py();
    let mut body = checked(py, Multipart::new())?;
    for part in parts.try_iter()? {
        let part = part?.cast_into::<PyTuple>()?;
        let (name, content, filename, kind): (
            String,
            Bound<'_, PyAny>,
            Option<String>,
            Option<String>,
        ) = part.extract()?;
        let (filename, kind) = (filename.as_deref(), kind.as_deref());
        let added = if content.is_instance_of::<PyString>() && filename.is_none() && kind.is_none()
        {
            body.text(&name, content.cast::<PyString>()?.to_cow()?.as_ref())
        } else if content.is_instance_of::<PyString>() || content.is_instance_of::<PyBytes>() {
            body.bytes(&name, shared(&content)?, filename, kind)
        } else if let Ok(path) = content.extract::<PathBuf>() {
            body.file(&name, checked(py, FileBody::new(path))?, filename, kind)
        } else {
            body.source(&name, source(&content)?, filename, kind)
        };
        checked(py, added)?;
    }
    checked(py, request.multipart(body)).map(|_| ())
}

fn strings(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    let borrowed = pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    borrowed.collect()
}

/// The URL that base, URL, path parameters and query parameters make.
#[pyfunction]
#[expect(
    clippy::needless_pass_by_value,
    reason = "PyO3 makes the lists for the call"
)]
pub(crate) fn build_url(
    py: Python<'_>,
    base: Option<&str>,
    url: &str,
    path_params: Vec<(String, String)>,
    colon: bool,
    params: Vec<(String, String)>,
) -> PyResult<String> {
    let path_style = match (path_params.is_empty(), colon) {
        (true, _) => trunkline::PathStyle::Literal,
        (false, true) => trunkline::PathStyle::Colon,
        (false, false) => trunkline::PathStyle::Curly,
    };
    let template = trunkline::UrlTemplate {
        base,
        url,
        path_params: &strings(&path_params),
        path_style,
        params: &strings(&params),
    };
    checked(py, template.build())
}

/// Pairs as `application/x-www-form-urlencoded`.
#[pyfunction]
#[expect(
    clippy::needless_pass_by_value,
    reason = "PyO3 makes the list for the call"
)]
pub(crate) fn form(py: Python<'_>, pairs: Vec<(String, String)>) -> Bound<'_, PyBytes> {
    PyBytes::new(py, &trunkline::form(strings(&pairs)).1)
}

/// Reads the options of a body. False: it is another option.
pub(crate) fn option(
    request: &mut Request,
    name: &str,
    value: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    match name {
        "source" => set(request, value)?,
        "multipart" => multipart(request, value)?,
        _ => return Ok(false),
    }
    Ok(true)
}
