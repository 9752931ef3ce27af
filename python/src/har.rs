//! A record of exchanges as Python sees it.

use std::path::PathBuf;

use pyo3::prelude::*;

use crate::errors::checked;

/// A record of exchanges, to be given to clients as `har`; several may share one. As an HTTP archive (HAR 1.2) the
/// developer tools of browsers open it.
///
/// It keeps the last 1000 exchanges, 64 KiB of each body and 64 MiB in all. Credentials are masked unless it is made
/// with `credentials=True`; bodies and queries are as they were.
#[pyclass(frozen, module = "trunkline")]
pub(crate) struct HarLog(pub(crate) trunkline::HarLog);

#[pymethods]
impl HarLog {
    #[new]
    #[pyo3(signature = (*, credentials=false))]
    fn new(credentials: bool) -> HarLog {
        HarLog(if credentials {
            trunkline::HarLog::with_credentials()
        } else {
            trunkline::HarLog::new()
        })
    }

    /// The archive as JSON text, in the order in which the exchanges ended.
    fn to_json(&self, py: Python<'_>) -> String {
        py.detach(|| self.0.to_json())
    }

    /// Writes the archive to a file. One that is new only its owner may read.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        checked(py, py.detach(move || self.0.save(&path)))
    }

    /// Forgets every exchange.
    fn clear(&self) {
        self.0.clear();
    }
}
