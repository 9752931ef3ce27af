//! The cookie jar as a Python object.

use std::path::PathBuf;
use std::time::SystemTime;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use trunkline::SameSite;

use crate::errors::checked;
use crate::headers::Headers;
use crate::parts::utf8;

/// A cookie of a jar.
#[pyclass(frozen, module = "trunkline")]
pub(crate) struct Cookie(trunkline::Cookie);

#[pymethods]
impl Cookie {
    /// The name; empty for a cookie without one.
    #[getter]
    fn name<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        utf8(py, &self.0.name)
    }

    /// The value, as it was sent.
    #[getter]
    fn value<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        utf8(py, &self.0.value)
    }

    /// The host or domain that it belongs to, without a leading dot.
    #[getter]
    fn domain(&self) -> &str {
        &self.0.domain
    }

    /// Whether it goes to that host only, and not to those below it.
    #[getter]
    fn host_only(&self) -> bool {
        self.0.host_only
    }

    /// It goes to this path and those below it.
    #[getter]
    fn path(&self) -> &str {
        &self.0.path
    }

    /// Whether it goes over TLS, or to this machine, only.
    #[getter]
    fn secure(&self) -> bool {
        self.0.secure
    }

    /// Whether scripts of a page were not to see it.
    #[getter]
    fn http_only(&self) -> bool {
        self.0.http_only
    }

    /// When it ends, in seconds since 1970; None at the end of the session.
    #[getter]
    fn expires(&self) -> Option<f64> {
        let since = self.0.expires?.duration_since(SystemTime::UNIX_EPOCH);
        Some(since.map_or(0.0, |since| since.as_secs_f64()))
    }

    /// `none`, `lax` or `strict`; None where nothing known was said.
    #[getter]
    fn same_site(&self) -> Option<&'static str> {
        match self.0.same_site {
            SameSite::Default => None,
            SameSite::None => Some("none"),
            SameSite::Lax => Some("lax"),
            SameSite::Strict => Some("strict"),
        }
    }

    /// Without the value, which may be a credential.
    fn __repr__(&self) -> String {
        format!(
            "<Cookie {} for {}{}>",
            String::from_utf8_lossy(&self.0.name),
            self.0.domain,
            self.0.path
        )
    }
}

/// The cookies of a user (RFC 6265bis). Clients and threads may share a jar. Iterating gives each `Cookie`, the oldest
/// first.
#[pyclass(frozen, module = "trunkline")]
#[derive(Default)]
pub(crate) struct CookieJar(pub(crate) trunkline::CookieJar);

#[pymethods]
impl CookieJar {
    #[new]
    fn new() -> CookieJar {
        CookieJar::default()
    }

    /// Adds the cookies of a file in the format of Netscape, curl and browsers; answers how many were taken.
    fn load(&self, py: Python<'_>, path: PathBuf) -> PyResult<usize> {
        checked(py, py.detach(move || self.0.load(&path)))
    }

    /// Writes all cookies to a file in the format of Netscape, curl and browsers. The file is replaced as a whole, and
    /// only its owner may read it.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        checked(py, py.detach(move || self.0.save(&path)))
    }

    /// Takes one cookie as if `url` had sent it: `jar.set("https://host/", "theme=dark; Max-Age=3600")`.
    fn set(&self, py: Python<'_>, url: &str, set_cookie: &str) -> PyResult<()> {
        checked(py, self.0.set(url, set_cookie))
    }

    /// Removes the cookies of this domain, path and name; says whether there were any.
    fn remove(&self, domain: &str, path: &str, name: &str) -> bool {
        self.0.remove(domain, path, name)
    }

    /// Removes all.
    fn clear(&self) {
        self.0.clear();
    }

    fn __len__(&self) -> usize {
        self.0.cookies().len()
    }

    /// A jar is one also while it is empty.
    #[expect(clippy::unused_self, reason = "Python asks the object")]
    fn __bool__(&self) -> bool {
        true
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let cookies: Vec<_> = self.0.cookies().into_iter().map(Cookie).collect();
        let list = PyList::empty(py);
        for cookie in cookies {
            list.append(Bound::new(py, cookie)?)?;
        }
        Ok(list.try_iter()?.into_any())
    }

    fn __repr__(&self) -> String {
        format!("<CookieJar of {}>", self.0.cookies().len())
    }
}

/// What `url` set with these header fields.
#[pyfunction]
pub(crate) fn cookies_of<'py>(
    py: Python<'py>,
    url: &str,
    headers: &Bound<'py, Headers>,
) -> PyResult<Bound<'py, PyDict>> {
    set_by(py, url, &headers.get().0)
}

/// The `cookie` field of a request.
pub(crate) fn field(given: &Bound<'_, PyDict>) -> PyResult<Vec<u8>> {
    let mut pairs = Vec::new();
    for (name, value) in given {
        let (name, value): (String, String) = (name.extract()?, value.extract()?);
        if name.contains([';', '=']) || value.contains(';') {
            return Err(PyValueError::new_err(format!(
                "cookie {name:?}: a name holds no ';' and no '=', a value no ';'"
            )));
        }
        pairs.push(format!("{name}={value}"));
    }
    Ok(pairs.join("; ").into_bytes())
}

/// What an answer from `url` set, value by name, as a jar takes it.
pub(crate) fn set_by<'py>(
    py: Python<'py>,
    url: &str,
    headers: &http::HeaderMap,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    let Ok(url) = url::Url::parse(url) else {
        return Ok(dict);
    };
    let jar = trunkline::CookieJar::new();
    jar.store(&url, headers);
    for cookie in jar.cookies() {
        dict.set_item(utf8(py, &cookie.name), utf8(py, &cookie.value))?;
    }
    Ok(dict)
}
