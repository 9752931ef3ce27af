//! A whole answer as Python sees it. What is not asked for is not made.

use std::sync::Arc;

use http::HeaderMap;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::awaitable::Ready;
use crate::collect::Answer;
use crate::cookies;
use crate::headers::Headers;
use crate::info::{ConnectionInfo, Summary, Timings};
use crate::parts::{Head, Redirect, version_name};
use crate::text;

/// An answer with its whole body. Header fields, content and text are made when they are first asked for.
#[pyclass(frozen, module = "trunkline")]
pub(crate) struct Response {
    answer: Answer,
    method: String,
    url: Py<PyAny>,
    content: PyOnceLock<Py<PyBytes>>,
    headers: PyOnceLock<Headers>,
    text: PyOnceLock<Py<PyString>>,
}

impl Response {
    pub(crate) fn new(answer: Answer, method: String, url: Py<PyAny>) -> Response {
        Response {
            answer,
            method,
            url,
            content: PyOnceLock::new(),
            headers: PyOnceLock::new(),
            text: PyOnceLock::new(),
        }
    }

    fn map(&self) -> &HeaderMap {
        &self.answer.head.headers
    }

    fn status(&self) -> u16 {
        self.answer.head.status.as_u16()
    }

    fn summary(&self) -> Summary {
        Summary(Arc::clone(&self.answer.summary))
    }
}

fn content_type(map: &HeaderMap) -> &str {
    map.get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// Raises `trunkline.HTTPStatusError` unless the status is 2xx.
pub(crate) fn raise_for_status(response: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = response.py();
    let class = py.import("trunkline._errors")?.getattr("HTTPStatusError")?;
    Err(PyErr::from_value(class.call1((response,))?))
}

#[pymethods]
impl Response {
    /// A whole answer from its parts.
    #[staticmethod]
    #[expect(
        clippy::needless_pass_by_value,
        clippy::too_many_arguments,
        reason = "PyO3 makes the lists for the call, and Python hands over all that there is"
    )]
    fn assemble(
        method: String,
        url: Py<PyAny>,
        head: &Bound<'_, Head>,
        informational: Vec<Bound<'_, Head>>,
        history: Vec<Bound<'_, Redirect>>,
        content: &Bound<'_, PyBytes>,
        trailers: &Bound<'_, Headers>,
        summary: Option<&Bound<'_, Summary>>,
    ) -> Response {
        // Of an answer that was given up before its end there is none.
        let summary = summary.map_or_else(
            || {
                Arc::new(trunkline::Summary {
                    connection: None,
                    reused: false,
                    attempts: 1,
                    received: 0,
                    sent: 0,
                    timings: trunkline::Timings::default(),
                })
            },
            |summary| Arc::clone(&summary.get().0),
        );
        let answer = Answer {
            head: Box::new(head.get().to_core()),
            informational: informational
                .iter()
                .map(|head| head.get().to_core())
                .collect(),
            redirects: history
                .iter()
                .map(|redirect| redirect.get().to_core())
                .collect(),
            body: bytes::Bytes::copy_from_slice(content.as_bytes()),
            trailers: Some(Box::new((*trailers.get().0).clone())),
            summary,
        };
        Response::new(answer, method, url)
    }

    /// The status code.
    #[getter]
    fn status_code(&self) -> u16 {
        self.status()
    }

    /// The usual words for the status code; empty for an unknown one.
    #[getter]
    fn reason_phrase(&self) -> &'static str {
        self.answer.head.status.canonical_reason().unwrap_or("")
    }

    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`.
    #[getter]
    fn http_version(&self) -> &'static str {
        version_name(self.answer.head.version)
    }

    /// The method that was asked for; a redirect may have made it GET.
    #[getter]
    fn method(&self) -> &str {
        &self.method
    }

    /// The URL of this answer: the one that was asked for, or the one that the last redirect led to.
    #[getter]
    fn url<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        match self.answer.redirects.last() {
            Some(redirect) => PyString::new(py, &redirect.url).into_any(),
            None => self.url.bind(py).clone(),
        }
    }

    /// The redirects that were followed, the first one first.
    #[getter]
    fn history(&self, py: Python<'_>) -> PyResult<Vec<Redirect>> {
        let mut url: String = self.url.bind(py).extract()?;
        let redirects = self.answer.redirects.iter().map(|redirect| {
            let url = std::mem::replace(&mut url, redirect.url.clone());
            Redirect::new(redirect.clone(), url)
        });
        Ok(redirects.collect())
    }

    /// The header fields.
    #[getter]
    fn headers(&self, py: Python<'_>) -> Headers {
        self.headers
            .get_or_init(py, || Headers(Arc::new(self.map().clone())))
            .clone()
    }

    /// The cookies that this answer set, value by name.
    #[getter]
    fn cookies<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let url: String = self.url(py).extract()?;
        cookies::set_by(py, &url, self.map())
    }

    /// The header fields that came after the body; empty where none did.
    #[getter]
    fn trailers(&self) -> Headers {
        Headers(Arc::new(
            self.answer.trailers.as_deref().cloned().unwrap_or_default(),
        ))
    }

    /// The informational (1xx) answers that came before this one.
    #[getter]
    fn informational(&self) -> Vec<Head> {
        self.answer
            .informational
            .iter()
            .map(|head| Head::new(head.clone(), true))
            .collect()
    }

    /// The body.
    #[getter]
    fn content<'py>(&self, py: Python<'py>) -> &Bound<'py, PyBytes> {
        self.content
            .get_or_init(py, || PyBytes::new(py, &self.answer.body).unbind())
            .bind(py)
    }

    /// The name of the encoding that `text` uses: the content-type's charset as the WHATWG names it, else `utf-8`. A
    /// byte order mark in the body goes before it.
    #[getter]
    fn encoding(&self) -> String {
        text::encoding_of(content_type(self.map()))
    }

    /// The body as text. Bytes that the encoding does not allow become U+FFFD.
    #[getter]
    fn text<'py>(&self, py: Python<'py>) -> &Bound<'py, PyString> {
        let make = || text::text(py, content_type(self.map()), &self.answer.body).unbind();
        self.text.get_or_init(py, make).bind(py)
    }

    /// The body parsed as JSON; keyword arguments go to `json.loads`.
    #[pyo3(signature = (**kwargs))]
    fn json<'py>(
        &self,
        py: Python<'py>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        LOADS
            .import(py, "json", "loads")?
            .call((self.content(py),), kwargs)
    }

    /// Whether the status is 1xx.
    #[getter]
    fn is_informational(&self) -> bool {
        self.answer.head.status.is_informational()
    }

    /// Whether the status is 2xx.
    #[getter]
    fn is_success(&self) -> bool {
        self.answer.head.status.is_success()
    }

    /// Whether the status is 3xx.
    #[getter]
    fn is_redirect(&self) -> bool {
        self.answer.head.status.is_redirection()
    }

    /// Whether the status is 4xx.
    #[getter]
    fn is_client_error(&self) -> bool {
        self.answer.head.status.is_client_error()
    }

    /// Whether the status is 5xx.
    #[getter]
    fn is_server_error(&self) -> bool {
        self.answer.head.status.is_server_error()
    }

    /// Whether the status is 4xx or 5xx.
    #[getter]
    fn is_error(&self) -> bool {
        self.is_client_error() || self.is_server_error()
    }

    /// Raises `HTTPStatusError` unless the status is 2xx; returns the response itself.
    fn raise_for_status<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        if !slf.get().is_success() {
            raise_for_status(slf.as_any())?;
        }
        Ok(slf.clone())
    }

    /// Seconds from submission to the end.
    #[getter]
    fn elapsed(&self) -> f64 {
        self.answer.summary.timings.total.as_secs_f64()
    }

    /// When the request passed each point of its life.
    #[getter]
    fn timings(&self) -> Timings {
        self.summary().timings()
    }

    /// The connection that served the request.
    #[getter]
    fn connection(&self) -> Option<ConnectionInfo> {
        self.summary().connection()
    }

    /// How often the request was sent: 1, and one more for each redirect, retry and safe replay.
    #[getter]
    fn attempts(&self) -> u32 {
        self.answer.summary.attempts
    }

    /// The whole body, for symmetry with a streamed answer.
    fn read<'py>(&self, py: Python<'py>) -> &Bound<'py, PyBytes> {
        self.content(py)
    }

    /// The whole body, for symmetry with a streamed answer.
    fn aread(&self, py: Python<'_>) -> Ready {
        Ready::new(Some(self.content(py).clone().into_any().unbind()))
    }

    /// The body in one piece, or in pieces of `chunk_size` bytes.
    #[pyo3(signature = (chunk_size=None))]
    fn iter_bytes<'py>(
        &self,
        py: Python<'py>,
        chunk_size: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let size = chunk_size.unwrap_or(usize::MAX).max(1);
        let chunks: Vec<_> = self
            .answer
            .body
            .chunks(size)
            .map(|chunk| PyBytes::new(py, chunk))
            .collect();
        Ok(pyo3::types::PyTuple::new(py, chunks)?
            .try_iter()?
            .into_any())
    }

    /// Writes the body to a file; answers how many bytes.
    fn to_file(&self, py: Python<'_>, path: std::path::PathBuf) -> PyResult<usize> {
        py.detach(|| std::fs::write(path, &self.answer.body))?;
        Ok(self.answer.body.len())
    }

    /// As `iter_bytes`, for `async for`.
    #[pyo3(signature = (chunk_size=None))]
    fn aiter_bytes<'py>(
        &self,
        py: Python<'py>,
        chunk_size: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        py.import("trunkline._loop")?
            .call_method1("aiter_of", (self.iter_bytes(py, chunk_size)?,))
    }

    /// Nothing is left to close: the answer is whole.
    #[expect(
        clippy::unused_self,
        reason = "the method is part of what every answer offers"
    )]
    fn close(&self) {}

    /// Nothing is left to close: the answer is whole.
    #[expect(
        clippy::unused_self,
        reason = "the method is part of what every answer offers"
    )]
    fn aclose(&self) -> Ready {
        Ready::new(None)
    }

    fn __repr__(&self) -> String {
        format!("<Response [{} {}]>", self.status(), self.reason_phrase()).replace(" ]", "]")
    }
}
