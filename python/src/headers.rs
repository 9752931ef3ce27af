//! Header fields as a read-only mapping that keeps repeated names.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::HeaderValue;
use http::{HeaderMap, HeaderName};
use pyo3::exceptions::{PyKeyError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

use crate::errors::checked;

/// Takes a field: its name and value, or None for one that is to be left out.
type TakeField<'a> = dyn FnMut(&str, Option<&[u8]>) -> PyResult<()> + 'a;

/// Header fields: a case-insensitive, read-only mapping that keeps repeated names.
///
/// `headers["name"]` joins repeated values by a comma; `get_list` and `multi_items` keep them apart.
#[pyclass(frozen, mapping, module = "trunkline")]
#[derive(Clone)]
pub(crate) struct Headers(pub(crate) Arc<HeaderMap>);

/// A value as text: UTF-8 where it is, else Latin-1 (RFC 9110, 5.5).
pub(crate) fn text<'py>(py: Python<'py>, value: &HeaderValue) -> Bound<'py, PyString> {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => PyString::new(py, text),
        Err(_) => PyString::new(
            py,
            &value
                .as_bytes()
                .iter()
                .map(|byte| char::from(*byte))
                .collect::<String>(),
        ),
    }
}

/// Hands each field of a mapping or of an iterable of pairs to `take`, as name and bytes.
fn each(
    headers: &Bound<'_, PyAny>,
    take: &mut dyn FnMut(&str, &[u8]) -> PyResult<()>,
) -> PyResult<()> {
    each_or_none(headers, &mut |name, value| match value {
        Some(value) => take(name, value),
        None => Err(PyTypeError::new_err(format!(
            "the value of header {name:?} is None, which only headers of requests may be"
        ))),
    })
}

/// As `each`, with None for a field that is to be left out.
pub(crate) fn each_or_none(headers: &Bound<'_, PyAny>, take: &mut TakeField<'_>) -> PyResult<()> {
    if let Ok(headers) = headers.cast::<Headers>() {
        for (name, value) in headers.get().0.iter() {
            take(name.as_str(), Some(value.as_bytes()))?;
        }
        return Ok(());
    }
    if let Ok(dict) = headers.cast::<PyDict>() {
        for (name, value) in dict {
            pair(&name, &value, take)?;
        }
        return Ok(());
    }
    let items = if headers.hasattr("items")? {
        headers.call_method0("items")?
    } else {
        headers.clone()
    };
    for item in items.try_iter()? {
        let item = item?;
        let fields = if item.is_instance_of::<PyString>() {
            Vec::new()
        } else {
            item.try_iter()?.collect::<PyResult<Vec<_>>>()?
        };
        let [name, value] = fields.as_slice() else {
            return Err(PyTypeError::new_err(
                "headers are a mapping or a list of (name, value) pairs",
            ));
        };
        pair(name, value, take)?;
    }
    Ok(())
}

fn pair(
    name: &Bound<'_, PyAny>,
    value: &Bound<'_, PyAny>,
    take: &mut TakeField<'_>,
) -> PyResult<()> {
    let owned;
    let name = if let Ok(name) = name.cast::<PyString>() {
        owned = name.to_cow()?;
        &*owned
    } else if let Ok(name) = name.cast::<PyBytes>() {
        std::str::from_utf8(name.as_bytes())
            .map_err(|_| PyTypeError::new_err("a header name is ASCII"))?
    } else {
        return Err(PyTypeError::new_err("a header name is str or bytes"));
    };
    if let Ok(value) = value.cast::<PyString>() {
        take(name, Some(value.to_cow()?.as_bytes()))
    } else if let Ok(value) = value.cast::<PyBytes>() {
        take(name, Some(value.as_bytes()))
    } else if value.is_none() {
        take(name, None)
    } else if let Some(date) = date(value)? {
        take(name, Some(date.as_bytes()))
    } else {
        Err(PyTypeError::new_err(format!(
            "the value of header {name:?} is neither str nor bytes nor a datetime nor None"
        )))
    }
}

/// A datetime as HTTP writes it (RFC 9110, 5.6.7). One without a time zone is in local time, as Python has it.
fn date(value: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let py = value.py();
    let class = py.import("datetime")?.getattr("datetime")?;
    if !value.is_instance(&class)? {
        return Ok(None);
    }
    let seconds: f64 = value.call_method0("timestamp")?.extract()?;
    let time = Duration::try_from_secs_f64(seconds)
        .ok()
        .and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since))
        .ok_or_else(|| PyValueError::new_err(format!("{value} is before 1970")))?;
    checked(py, trunkline::http_date(time)).map(Some)
}

/// Header fields from Python, checked.
pub(crate) fn map(py: Python<'_>, headers: Option<&Bound<'_, PyAny>>) -> PyResult<HeaderMap> {
    let mut map = HeaderMap::new();
    if let Some(headers) = headers {
        each(headers, &mut |name, value| {
            let (name, value) = checked(py, trunkline::header_field(name, value))?;
            map.append(name, value);
            Ok(())
        })?;
    }
    Ok(map)
}

impl Headers {
    fn joined<'py>(&self, py: Python<'py>, name: &str) -> Option<Bound<'py, PyString>> {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let mut values = self.0.get_all(name).iter();
        let first = values.next()?;
        let Some(second) = values.next() else {
            return Some(text(py, first));
        };
        let mut all = first.as_bytes().to_vec();
        for value in std::iter::once(second).chain(values) {
            all.extend_from_slice(b", ");
            all.extend_from_slice(value.as_bytes());
        }
        HeaderValue::from_bytes(&all)
            .ok()
            .map(|value| text(py, &value))
    }
}

#[pymethods]
impl Headers {
    #[new]
    #[pyo3(signature = (headers=None, /))]
    fn new(py: Python<'_>, headers: Option<&Bound<'_, PyAny>>) -> PyResult<Headers> {
        Ok(Headers(Arc::new(map(py, headers)?)))
    }

    fn __getitem__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyString>> {
        self.joined(py, name)
            .ok_or_else(|| PyKeyError::new_err(name.to_owned()))
    }

    /// The value of a field, repeated ones joined by a comma; `default` when there is none.
    #[pyo3(signature = (name, default=None, /))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        default: Option<Bound<'py, PyAny>>,
    ) -> Option<Bound<'py, PyAny>> {
        self.joined(py, name).map(Bound::into_any).or(default)
    }

    /// Every value of a field, in order.
    fn get_list<'py>(&self, py: Python<'py>, name: &str) -> Vec<Bound<'py, PyString>> {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            return Vec::new();
        };
        self.0
            .get_all(name)
            .iter()
            .map(|value| text(py, value))
            .collect()
    }

    /// Every field as (name, value), repeated names one by one.
    fn multi_items<'py>(&self, py: Python<'py>) -> Vec<(&str, Bound<'py, PyString>)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), text(py, value)))
            .collect()
    }

    /// Every field as (name, value) in bytes, as it came; names are in lower case.
    #[getter]
    fn raw<'py>(&self, py: Python<'py>) -> Vec<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
        self.0
            .iter()
            .map(|(name, value)| {
                let name = PyBytes::new(py, name.as_str().as_bytes());
                (name, PyBytes::new(py, value.as_bytes()))
            })
            .collect()
    }

    /// The names, each once.
    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }

    /// The values, repeated ones joined by a comma.
    fn values<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyString>> {
        self.0
            .keys()
            .filter_map(|name| self.joined(py, name.as_str()))
            .collect()
    }

    /// (name, value), each name once, repeated values joined by a comma.
    fn items<'py>(&self, py: Python<'py>) -> Vec<(&str, Bound<'py, PyString>)> {
        self.0
            .keys()
            .filter_map(|name| Some((name.as_str(), self.joined(py, name.as_str())?)))
            .collect()
    }

    fn __contains__(&self, name: &Bound<'_, PyAny>) -> bool {
        name.extract::<std::borrow::Cow<'_, str>>()
            .is_ok_and(|name| self.0.contains_key(&*name))
    }

    fn __len__(&self) -> usize {
        self.0.keys_len()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(PyTuple::new(py, self.keys())?.try_iter()?.into_any())
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> bool {
        if let Ok(other) = other.cast::<Headers>() {
            return self.0 == other.get().0;
        }
        map(py, Some(other)).is_ok_and(|other| *self.0 == other)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!(
            "Headers({})",
            PyList::new(py, self.multi_items(py))?.repr()?
        ))
    }
}
