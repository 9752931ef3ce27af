//! One exchange as it is recorded, before it is written.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method};

use crate::limits;
use crate::part::{ConnectionInfo, Head, Timings};

/// One exchange. It is filled while the request lives and recorded when it has ended.
#[derive(Debug, Clone)]
pub(crate) struct HarEntry {
    /// When it was submitted.
    pub(crate) started: SystemTime,
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) request_headers: HeaderMap,
    pub(crate) request_body: HarBody,
    /// The head of the final answer; none where it did not come to one.
    pub(crate) response: Option<Head>,
    /// What the caller was given of the body, decoded where it was decoded.
    pub(crate) response_body: HarBody,
    /// Bytes of the body as they came over the wire, where that is known.
    pub(crate) received: Option<u64>,
    pub(crate) timings: HarTimings,
    /// The connection that served it, where one was reached.
    pub(crate) connection: Option<Arc<ConnectionInfo>>,
    /// The error that it ended with.
    pub(crate) error: Option<String>,
}

impl HarEntry {
    /// An exchange that begins now.
    pub(crate) fn begin(method: &Method, url: &str, headers: &HeaderMap) -> HarEntry {
        HarEntry {
            started: SystemTime::now(),
            method: method.clone(),
            url: url.to_owned(),
            request_headers: headers.clone(),
            request_body: HarBody::default(),
            response: None,
            response_body: HarBody::default(),
            received: None,
            timings: HarTimings::default(),
            connection: None,
            error: None,
        }
    }

    /// About how many bytes it takes.
    pub(super) fn weight(&self) -> usize {
        let fields = |headers: &HeaderMap| -> usize {
            headers
                .iter()
                .map(|(name, value)| name.as_str().len() + value.len() + 64)
                .sum()
        };
        size_of::<HarEntry>()
            + self.url.len()
            + fields(&self.request_headers)
            + self.request_body.kept.len()
            + self
                .response
                .as_ref()
                .map_or(0, |head| fields(&head.headers))
            + self.response_body.kept.len()
            + self.error.as_ref().map_or(0, String::len)
    }
}

/// The beginning of a body, and how long it was in all.
#[derive(Debug, Clone, Default)]
pub(crate) struct HarBody {
    kept: Vec<u8>,
    size: u64,
}

impl HarBody {
    /// Adds a piece: what is past the limit of a body is counted only.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        let room = limits::HAR_BODY_BYTES - self.kept.len();
        self.kept.extend_from_slice(&piece[..piece.len().min(room)]);
        self.size += piece.len() as u64;
    }

    /// What was kept of it.
    pub(super) fn kept(&self) -> &[u8] {
        &self.kept
    }

    /// How long it was.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Whether more came than was kept.
    pub(super) fn is_cut(&self) -> bool {
        self.size > self.kept.len() as u64
    }
}

/// Where the time went. None where a phase did not take place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct HarTimings {
    /// Waiting for a connection.
    pub(crate) blocked: Option<Duration>,
    pub(crate) dns: Option<Duration>,
    /// With the time of TLS, as the format wants it.
    pub(crate) connect: Option<Duration>,
    pub(crate) ssl: Option<Duration>,
    /// The archive has a number in any case: 0 where it is not known.
    pub(crate) send: Duration,
    pub(crate) wait: Duration,
    pub(crate) receive: Duration,
}

impl From<&Timings> for HarTimings {
    /// Takes points in time apart into phases. A wait for a connection that then was opened counts as `dns`, for no
    /// point tells the two apart, and sending counts as waiting.
    fn from(timings: &Timings) -> HarTimings {
        let points = [
            timings.resolved,
            timings.connected,
            timings.secured,
            timings.acquired,
            timings.first_byte,
            timings.total,
        ];
        // How long it took to get to a point from the last one before it that was passed.
        let until = |index: usize| {
            let before = points[..index].iter().max().copied().unwrap_or_default();
            (!points[index].is_zero()).then(|| points[index].saturating_sub(before))
        };
        let (dns, transport, ssl) = (until(0), until(1), until(2));
        let answered = !timings.first_byte.is_zero();
        let rest = until(5).unwrap_or_default();
        HarTimings {
            blocked: if timings.resolved.is_zero() && timings.connected.is_zero() {
                until(3)
            } else {
                None
            },
            dns,
            connect: transport.map(|transport| transport + ssl.unwrap_or_default()),
            ssl,
            send: Duration::ZERO,
            wait: until(4).unwrap_or(if answered { Duration::ZERO } else { rest }),
            receive: if answered { rest } else { Duration::ZERO },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn a_new_connection_has_all_phases() {
        let timings = Timings {
            resolved: millis(10),
            connected: millis(30),
            secured: millis(70),
            acquired: millis(71),
            first_byte: millis(150),
            total: millis(310),
        };
        assert_eq!(
            HarTimings::from(&timings),
            HarTimings {
                blocked: None,
                dns: Some(millis(10)),
                connect: Some(millis(60)),
                ssl: Some(millis(40)),
                send: millis(0),
                wait: millis(79),
                receive: millis(160),
            }
        );
    }

    #[test]
    fn a_used_connection_has_no_connecting() {
        let timings = Timings {
            acquired: millis(5),
            first_byte: millis(25),
            total: millis(35),
            ..Timings::default()
        };
        assert_eq!(
            HarTimings::from(&timings),
            HarTimings {
                blocked: Some(millis(5)),
                wait: millis(20),
                receive: millis(10),
                ..HarTimings::default()
            }
        );
    }

    #[test]
    fn what_failed_on_the_way_has_waited_for_the_rest() {
        let timings = Timings {
            resolved: millis(10),
            total: millis(50),
            ..Timings::default()
        };
        assert_eq!(
            HarTimings::from(&timings),
            HarTimings {
                dns: Some(millis(10)),
                wait: millis(40),
                ..HarTimings::default()
            }
        );
        assert_eq!(HarTimings::from(&Timings::default()), HarTimings::default());
    }

    #[test]
    fn a_body_is_kept_up_to_its_limit_and_counted_beyond() {
        let mut body = HarBody::default();
        body.push(&vec![b'a'; limits::HAR_BODY_BYTES - 1]);
        assert!(!body.is_cut());
        body.push(b"bcd");
        body.push(b"e");
        assert_eq!(body.kept().len(), limits::HAR_BODY_BYTES);
        assert!(body.kept().ends_with(b"ab"));
        assert_eq!(body.size(), limits::HAR_BODY_BYTES as u64 + 3);
        assert!(body.is_cut());
    }
}
