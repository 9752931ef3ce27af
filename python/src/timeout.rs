//! The deadlines of a request as Python gives them.

use std::fmt::Write as _;
use std::time::Duration;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use trunkline::{TimeoutOverrides, Timeouts};

/// Deadlines by phase, in seconds; `None` sets no limit, what is not given keeps the client's.
///
/// `Timeout(5.0)` sets every phase (`pool`, `resolve`, `connect`, `tls`, `write`, `first_byte`, `idle`) to five seconds,
/// as httpx does; `total`, from submission to the end, is only ever set by name. `Timeout(5.0, connect=1.0)` sets one
/// phase apart.
#[pyclass(frozen, eq, module = "trunkline")]
#[derive(Clone, PartialEq)]
pub(crate) struct Timeout(TimeoutOverrides);

const NAMES: [&str; 8] = [
    "pool",
    "resolve",
    "connect",
    "tls",
    "write",
    "first_byte",
    "idle",
    "total",
];

#[expect(
    clippy::option_option,
    reason = "the core says so: not given, or given as no limit"
)]
fn field<'a>(of: &'a mut TimeoutOverrides, name: &str) -> Option<&'a mut Option<Option<Duration>>> {
    Some(match name {
        "pool" => &mut of.pool,
        "resolve" => &mut of.resolve,
        "connect" => &mut of.connect,
        "tls" => &mut of.tls,
        "write" => &mut of.write,
        "first_byte" => &mut of.first_byte,
        "idle" => &mut of.idle,
        "total" => &mut of.total,
        _ => return None,
    })
}

fn seconds(value: &Bound<'_, PyAny>) -> PyResult<Option<Duration>> {
    if value.is_none() {
        return Ok(None);
    }
    Duration::try_from_secs_f64(value.extract()?)
        .map(Some)
        .map_err(|_| {
            PyValueError::new_err(format!(
                "a timeout is a number of seconds from 0 on, or None, not {value}"
            ))
        })
}

/// A point in time that many seconds from now.
pub(crate) fn deadline(value: Option<f64>) -> PyResult<Option<std::time::Instant>> {
    let Some(value) = value else { return Ok(None) };
    let wrong = |_| {
        PyValueError::new_err(format!(
            "a timeout is a number of seconds from 0 on, or None, not {value}"
        ))
    };
    let duration = Duration::try_from_secs_f64(value).map_err(wrong)?;
    Ok(std::time::Instant::now().checked_add(duration))
}

#[pymethods]
impl Timeout {
    #[new]
    #[pyo3(signature = (*args, **phases))]
    fn new(
        args: &Bound<'_, pyo3::types::PyTuple>,
        phases: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Timeout> {
        let mut overrides = TimeoutOverrides::default();
        match args.len() {
            0 => {}
            1 => {
                let every = seconds(&args.get_item(0)?)?;
                for name in &NAMES[..7] {
                    if let Some(place) = field(&mut overrides, name) {
                        *place = Some(every);
                    }
                }
            }
            _ => {
                return Err(PyTypeError::new_err(
                    "Timeout takes one number for every phase, the rest by name",
                ));
            }
        }
        for (name, value) in phases.into_iter().flat_map(PyDictMethods::iter) {
            let name: String = name.extract()?;
            let value = seconds(&value)?;
            *field(&mut overrides, &name).ok_or_else(|| {
                PyTypeError::new_err(format!("Timeout has no phase {name:?}; it has {NAMES:?}"))
            })? = Some(value);
        }
        Ok(Timeout(overrides))
    }

    /// The phases that this object sets, by name, in seconds.
    fn as_dict(&self) -> Vec<(&'static str, Option<f64>)> {
        let mut copy = self.0;
        let mut set = Vec::new();
        for name in NAMES {
            if let Some(Some(value)) = field(&mut copy, name).map(|place| *place) {
                set.push((name, value.map(|duration| duration.as_secs_f64())));
            }
        }
        set
    }

    fn __repr__(&self) -> String {
        let mut text = String::from("Timeout(");
        for (index, (name, value)) in self.as_dict().into_iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let _ = match value {
                Some(value) => write!(text, "{comma}{name}={value}"),
                None => write!(text, "{comma}{name}=None"),
            };
        }
        text + ")"
    }
}

/// What Python gave as a timeout: nothing, a `Timeout`, or a number for every phase.
pub(crate) fn overrides(value: Option<&Bound<'_, PyAny>>) -> PyResult<TimeoutOverrides> {
    let Some(value) = value else {
        return Ok(TimeoutOverrides::default());
    };
    if let Ok(timeout) = value.cast::<Timeout>() {
        return Ok(timeout.get().0);
    }
    let every = seconds(value).map_err(|error| {
        if error.is_instance_of::<PyTypeError>(value.py()) {
            PyTypeError::new_err("timeout is a number of seconds, a Timeout, or None")
        } else {
            error
        }
    })?;
    Ok(TimeoutOverrides {
        pool: Some(every),
        resolve: Some(every),
        connect: Some(every),
        tls: Some(every),
        write: Some(every),
        first_byte: Some(every),
        idle: Some(every),
        total: None,
    })
}

/// Writes what is overridden into the manager's own deadlines.
pub(crate) fn apply(overrides: &TimeoutOverrides, to: &mut Timeouts) {
    let places = [
        (overrides.pool, &mut to.pool),
        (overrides.resolve, &mut to.resolve),
        (overrides.connect, &mut to.connect),
        (overrides.tls, &mut to.tls),
        (overrides.write, &mut to.write),
        (overrides.first_byte, &mut to.first_byte),
        (overrides.idle, &mut to.idle),
        (overrides.total, &mut to.total),
    ];
    for (value, place) in places {
        if let Some(value) = value {
            *place = value;
        }
    }
}
