//! Credentials as Python gives them: None, the whole value of `authorization`, or a tuple of a kind and its fields.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use trunkline::{Auth, AwsPayload, AwsSigV4};

type Aws = (
    String,         // "aws_sigv4"
    String,         // access key
    String,         // secret key
    String,         // service
    String,         // region
    Option<String>, // session token
    Option<f64>,    // date, in seconds since 1970
    String,         // what of the body is signed
);

fn aws(fields: Aws) -> PyResult<Auth> {
    let (_, access_key, secret_key, service, region, session_token, date, payload) = fields;
    let mut aws = AwsSigV4::new(access_key, secret_key, service);
    aws.region = region;
    aws.session_token = session_token;
    if let Some(date) = date {
        let since = Duration::try_from_secs_f64(date)
            .map_err(|_| PyValueError::new_err("the date of a signature is from 1970 on"))?;
        aws.date = SystemTime::UNIX_EPOCH.checked_add(since);
    }
    aws.payload = match payload.as_str() {
        "unsigned" => AwsPayload::Unsigned,
        "streaming" => AwsPayload::Streaming,
        _ => AwsPayload::Signed,
    };
    Ok(Auth::AwsSigV4(aws))
}

/// The core's credentials.
pub(crate) fn auth(value: &Bound<'_, PyAny>) -> PyResult<Auth> {
    if value.is_none() {
        return Ok(Auth::None);
    }
    if let Ok(literal) = value.cast::<PyString>() {
        return Ok(Auth::Literal(literal.extract()?));
    }
    let fields = value.cast::<PyTuple>()?;
    let kind: String = fields.get_item(0)?.extract()?;
    match kind.as_str() {
        "basic" => {
            let (_, user, password): (String, String, String) = fields.extract()?;
            Ok(Auth::Basic { user, password })
        }
        "digest" => {
            let (_, user, password): (String, String, String) = fields.extract()?;
            Ok(Auth::Digest { user, password })
        }
        "bearer" => {
            let (_, token): (String, String) = fields.extract()?;
            Ok(Auth::Bearer(token))
        }
        "netrc" => {
            let (_, path): (String, Option<PathBuf>) = fields.extract()?;
            Ok(Auth::Netrc(path))
        }
        "aws_sigv4" => aws(fields.extract()?),
        _ => Err(PyTypeError::new_err(format!(
            "there are no credentials of the kind {kind:?}"
        ))),
    }
}
