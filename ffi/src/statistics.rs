//! Snapshots of a manager's counters.

use std::sync::{Arc, OnceLock};

use engine::{Error, ErrorCode, Result, Statistics};

use crate::boundary::{Out, call};
use crate::handle::{self, trunk_statistics};
use crate::status::trunk_status;
use crate::view::trunk_view;

/// Which counter: one of `TRUNK_STATISTIC_*`.
pub type trunk_statistic = i32;

/// Connections established.
pub const TRUNK_STATISTIC_CONNECTIONS_OPENED: trunk_statistic = 1;
/// Connections closed again.
pub const TRUNK_STATISTIC_CONNECTIONS_CLOSED: trunk_statistic = 2;
/// Connections that stand now.
pub const TRUNK_STATISTIC_CONNECTIONS_ACTIVE: trunk_statistic = 3;
/// Connections that stand unused in the pool.
pub const TRUNK_STATISTIC_CONNECTIONS_IDLE: trunk_statistic = 4;
/// HTTP/2 streams opened.
pub const TRUNK_STATISTIC_STREAMS_OPENED: trunk_statistic = 5;
/// HTTP/2 streams open now.
pub const TRUNK_STATISTIC_STREAMS_ACTIVE: trunk_statistic = 6;
/// Requests accepted.
pub const TRUNK_STATISTIC_REQUESTS_SUBMITTED: trunk_statistic = 7;
/// Requests that ended with done.
pub const TRUNK_STATISTIC_REQUESTS_COMPLETED: trunk_statistic = 8;
/// Requests that ended with an error, cancelled ones among them.
pub const TRUNK_STATISTIC_REQUESTS_FAILED: trunk_statistic = 9;
/// Requests under way.
pub const TRUNK_STATISTIC_REQUESTS_ACTIVE: trunk_statistic = 10;
/// Bytes received from sockets.
pub const TRUNK_STATISTIC_BYTES_RECEIVED: trunk_statistic = 11;
/// Bytes written to sockets.
pub const TRUNK_STATISTIC_BYTES_SENT: trunk_statistic = 12;
/// Requests sent again because the peer surely had not processed them.
pub const TRUNK_STATISTIC_REPLAYS: trunk_statistic = 13;
/// Round-trip time of the last HTTP/2 PING in nanoseconds; 0 before the first.
pub const TRUNK_STATISTIC_PING_ROUND_TRIP: trunk_statistic = 14;
/// Redirects that were followed.
pub const TRUNK_STATISTIC_REDIRECTS: trunk_statistic = 15;
/// Requests tried again after a pause.
pub const TRUNK_STATISTIC_RETRIES: trunk_statistic = 16;

/// A snapshot, and its text once that was asked for.
#[derive(Default)]
pub(crate) struct StatisticsObject {
    counters: Statistics,
    text: OnceLock<String>,
}

impl StatisticsObject {
    pub(crate) fn new(counters: Statistics) -> StatisticsObject {
        StatisticsObject {
            counters,
            text: OnceLock::new(),
        }
    }
}

fn counter(statistics: &Statistics, which: trunk_statistic) -> Option<u64> {
    Some(match which {
        TRUNK_STATISTIC_CONNECTIONS_OPENED => statistics.connections_opened,
        TRUNK_STATISTIC_CONNECTIONS_CLOSED => statistics.connections_closed,
        TRUNK_STATISTIC_CONNECTIONS_ACTIVE => statistics.connections_active,
        TRUNK_STATISTIC_CONNECTIONS_IDLE => statistics.connections_idle,
        TRUNK_STATISTIC_STREAMS_OPENED => statistics.streams_opened,
        TRUNK_STATISTIC_STREAMS_ACTIVE => statistics.streams_active,
        TRUNK_STATISTIC_REQUESTS_SUBMITTED => statistics.requests_submitted,
        TRUNK_STATISTIC_REQUESTS_COMPLETED => statistics.requests_completed,
        TRUNK_STATISTIC_REQUESTS_FAILED => statistics.requests_failed,
        TRUNK_STATISTIC_REQUESTS_ACTIVE => statistics.requests_active,
        TRUNK_STATISTIC_BYTES_RECEIVED => statistics.bytes_received,
        TRUNK_STATISTIC_BYTES_SENT => statistics.bytes_sent,
        TRUNK_STATISTIC_REPLAYS => statistics.replays,
        TRUNK_STATISTIC_PING_ROUND_TRIP => statistics
            .ping_round_trip
            .map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)),
        TRUNK_STATISTIC_REDIRECTS => statistics.redirects,
        TRUNK_STATISTIC_RETRIES => statistics.retries,
        _ => return None,
    })
}

fn get(statistics: *const trunk_statistics) -> Result<Arc<StatisticsObject>> {
    handle::get(statistics.addr())
}

/// Reads a counter of a snapshot.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for a counter that there is not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_statistics_get(
    statistics: *const trunk_statistics,
    which: trunk_statistic,
    value: *mut u64,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(value, "value") };
        let statistics = get(statistics)?;
        let value = counter(&statistics.counters, which).ok_or_else(|| {
            Error::new(
                ErrorCode::InvalidArgument,
                format!("there is no statistic {which}"),
            )
        })?;
        out?.set(value);
        Ok(())
    })
}

/// How often requests had ended with this error when the snapshot was taken.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for a number that is no error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_statistics_errors(
    statistics: *const trunk_statistics,
    error: trunk_status,
    count: *mut u64,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(count, "count") };
        let statistics = get(statistics)?;
        let code = u16::try_from(error)
            .ok()
            .and_then(ErrorCode::from_number)
            .ok_or_else(|| {
                Error::new(
                    ErrorCode::InvalidArgument,
                    format!("there is no error {error}"),
                )
            })?;
        let count = statistics
            .counters
            .errors
            .iter()
            .find(|(other, _)| *other == code)
            .map_or(0, |(_, count)| *count);
        out?.set(count);
        Ok(())
    })
}

/// The snapshot as text of `OpenMetrics` 1.0, which Prometheus and its kin read, to be served as
/// `application/openmetrics-text; version=1.0.0; charset=utf-8`.
///
/// Valid until: the view lives as long as the snapshot.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_statistics_openmetrics(
    statistics: *const trunk_statistics,
    text: *mut trunk_view,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(text, "text") };
        let statistics = get(statistics)?;
        let text = statistics
            .text
            .get_or_init(|| statistics.counters.openmetrics());
        out?.set(trunk_view::of_text(text));
        Ok(())
    })
}

/// Gives a snapshot back. NULL is let pass.
///
/// Errors: `TRUNK_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_statistics_free(statistics: *mut trunk_statistics) -> trunk_status {
    call(|| handle::free::<StatisticsObject>(statistics.addr()).map(drop))
}
