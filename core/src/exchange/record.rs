//! A leg as it goes into an HTTP archive.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;

use super::Leg;
use crate::error::Error;
use crate::insight::{HarEntry, HarLog, HarTimings};
use crate::part::{Head, Part, Timings};
use crate::request::Body;

/// What was seen of a leg so far. Made only where an archive is kept.
pub(super) struct Record {
    /// None once it is in the archive.
    entry: Mutex<Option<Box<HarEntry>>>,
    /// When the leg began, counted from the submission of the request.
    begun: Duration,
}

impl Record {
    fn with(&self, change: impl FnOnce(&mut HarEntry)) {
        let mut entry = self.entry.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entry.as_mut() {
            change(entry);
        }
    }
}

impl Leg<'_> {
    /// Begins to record, where the manager keeps an archive.
    pub(super) fn begin_record(&mut self) {
        if !self
            .options()
            .har
            .as_ref()
            .is_some_and(HarLog::is_recording)
        {
            return;
        }
        let request = self.request;
        let url = request.address.url.as_str();
        let mut entry = Box::new(HarEntry::begin(&request.method, url, &self.headers()));
        if let Body::Whole(body) = &request.body {
            entry.request_body.push(body);
        }
        self.record = Some(Record {
            entry: Mutex::new(Some(entry)),
            begun: self.watch.passed(),
        });
    }

    pub(super) fn record_head(&self, head: &Parts) {
        if let Some(record) = &self.record {
            record.with(|entry| {
                entry.response = Some(Head {
                    status: head.status,
                    version: head.version,
                    headers: head.headers.clone(),
                });
            });
        }
    }

    pub(super) fn record_failure(&self, error: &Error) {
        if let Some(record) = &self.record {
            record.with(|entry| entry.error = Some(error.to_string()));
        }
    }

    /// Delivers a piece of the body.
    pub(super) fn deliver_data(&self, data: Bytes) {
        if let Some(record) = &self.record {
            record.with(|entry| entry.response_body.push(&data));
        }
        self.state.deliver(Part::Data(data));
    }

    /// Puts what was seen into the archive, if it is not there yet: before the end is told, for whoever hears of it may
    /// look.
    pub(super) fn end_record(&self) {
        let (Some(record), Some(log)) = (&self.record, &self.options().har) else {
            return;
        };
        let mut entry = record.entry.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut entry) = entry.take() else {
            return;
        };
        entry.timings = HarTimings::from(&since(record.begun, self.watch.timings()));
        entry.connection = self.watch.connection();
        if entry.error.is_none()
            && let Some(stopped) = self.state.stopped()
        {
            entry.error = Some(stopped.to_string());
        }
        log.record(*entry);
    }
}

impl Drop for Leg<'_> {
    fn drop(&mut self) {
        self.end_record();
    }
}

/// The points of a leg, counted from its beginning.
fn since(begun: Duration, mut timings: Timings) -> Timings {
    for point in [
        &mut timings.resolved,
        &mut timings.connected,
        &mut timings.secured,
        &mut timings.acquired,
        &mut timings.first_byte,
        &mut timings.total,
    ] {
        *point = point.saturating_sub(begun);
    }
    timings
}
