//! What an HTTP/2 connection is made with: settings by name, and who is asked about promises.

use std::borrow::Cow;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use trunkline::sansio::exchange::HttpError;
use trunkline::sansio::http2::{Http2Settings, PushHandler};

use super::events::{Event, Promised};
use super::exchanges::Exchanges;
use crate::policy::ask;

/// Settings, handlers, and the exchanges that these note.
#[derive(Default)]
pub(super) struct Made {
    pub(super) settings: Http2Settings,
    pub(super) push: Option<PushHandler>,
    pub(super) exchanges: Exchanges,
}

impl Made {
    pub(super) fn with(given: Option<&Bound<'_, PyDict>>) -> PyResult<Made> {
        let mut made = Made::default();
        let settings = &mut made.settings;
        for (name, value) in given.into_iter().flatten() {
            let name = name.extract::<Cow<'_, str>>()?;
            if &*name == "push" {
                made.push = push_handler(&value, &made.exchanges);
                continue;
            }
            // None leaves the default, as everywhere.
            if value.is_none() {
                continue;
            }
            match &*name {
                "stream_window" => settings.stream_window = value.extract()?,
                "connection_window" => settings.connection_window = value.extract()?,
                "max_frame_size" => settings.max_frame_size = value.extract()?,
                "header_table_size" => settings.header_table_size = value.extract()?,
                "max_header_bytes" => settings.max_header_bytes = value.extract()?,
                "max_pushed_streams" => settings.max_pushed_streams = value.extract()?,
                "upload_buffer" => settings.upload_buffer = value.extract()?,
                other => {
                    let text = format!("Http2Client has no setting {other:?}");
                    return Err(PyTypeError::new_err(text));
                }
            }
        }
        Ok(made)
    }

    /// The handler of the connection's error.
    pub(super) fn failed(&self) -> impl FnOnce(HttpError) + Send + 'static {
        let events = self.exchanges.events.clone();
        move |cause| events.push(Event::ConnectionFailed(cause))
    }
}

/// True takes every promise up; a function is asked about each. What it raises is shown, and refuses.
fn push_handler(given: &Bound<'_, PyAny>, exchanges: &Exchanges) -> Option<PushHandler> {
    let exchanges = exchanges.clone();
    if !given.is_callable() {
        return given.is_truthy().unwrap_or(false).then(|| {
            Box::new(move |request| {
                let number = exchanges.next();
                exchanges.events.push(Event::Promised(number, request));
                Some(exchanges.handlers(number))
            }) as PushHandler
        });
    }
    let function = given.clone().unbind();
    Some(Box::new(move |request| {
        let number = exchanges.next();
        let wanted = ask(&function, false, |function| {
            let promised = Promised::new(number, request.clone());
            function.call1((promised,))?.is_truthy()
        });
        wanted.then(|| {
            exchanges.events.push(Event::Promised(number, request));
            exchanges.handlers(number)
        })
    }))
}
