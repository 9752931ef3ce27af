//! Retries: which failures are tried again, after how long, and how many a manager may afford.

use std::time::{Duration, SystemTime};

use http::header::RETRY_AFTER;
use http::{HeaderMap, Method, StatusCode};

use crate::error::{Error, ErrorCode};
use crate::limits;
use crate::options::{Attempt, Policy, Retry, RetryDecision, WebSocketReconnect};

/// How an attempt ended.
pub(super) enum Outcome<'a> {
    Answer(StatusCode, &'a HeaderMap),
    Failure(&'a Error),
}

/// The pause before the request is sent again; `None`: it is not. `number` counts the attempts that were made.
pub(super) fn pause(
    policy: &Policy,
    number: u32,
    method: &Method,
    url: &str,
    outcome: &Outcome<'_>,
) -> Option<Duration> {
    if number > policy.max_retries {
        return None;
    }
    let asked = match &policy.retry {
        Retry::Off => return None,
        Retry::SafeTransient if !matches!(*method, Method::GET | Method::HEAD) => return None,
        Retry::SafeTransient | Retry::Transient => {
            if !is_transient(outcome) {
                return None;
            }
            None
        }
        Retry::Callback(decide) => {
            let (status, headers, error) = match *outcome {
                Outcome::Answer(status, headers) => (Some(status), Some(headers), None),
                Outcome::Failure(error) => (None, None, Some(error)),
            };
            let attempt = Attempt {
                number,
                method,
                url,
                status,
                headers,
                error,
            };
            match decide(&attempt) {
                RetryDecision::Stop => return None,
                RetryDecision::Again => None,
                RetryDecision::After(pause) => Some(pause),
            }
        }
    };
    let pause = asked
        .or_else(|| named(outcome))
        .unwrap_or_else(|| back_off(policy, number));
    Some(pause.min(limits::FOREVER))
}

/// The pause before the next attempt, after so many, where nobody says otherwise.
pub(super) fn back_off(policy: &Policy, number: u32) -> Duration {
    let pause = match &policy.retry_delay.0 {
        Some(delay) => delay(number),
        None => usual(number, random()),
    };
    pause.min(limits::FOREVER)
}

fn is_transient(outcome: &Outcome<'_>) -> bool {
    match outcome {
        Outcome::Answer(status, _) => {
            matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
        }
        Outcome::Failure(error) => {
            error.is_unprocessed()
                || matches!(
                    error.code(),
                    ErrorCode::ResolveTimeout
                        | ErrorCode::ConnectTimeout
                        | ErrorCode::TlsTimeout
                        | ErrorCode::WriteTimeout
                        | ErrorCode::FirstByteTimeout
                        | ErrorCode::IdleTimeout
                        | ErrorCode::ConnectFailed
                        | ErrorCode::ConnectionClosed
                        | ErrorCode::ConnectionReset
                        | ErrorCode::Http2Goaway
                )
        }
    }
}

/// RFC 9110, 10.2.3: how long the peer asks to be left alone, as seconds or as a date.
fn named(outcome: &Outcome<'_>) -> Option<Duration> {
    let Outcome::Answer(status, headers) = outcome else {
        return None;
    };
    if !matches!(status.as_u16(), 429 | 503) {
        return None;
    }
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(
        date.duration_since(SystemTime::now())
            .unwrap_or(Duration::ZERO),
    )
}

/// The pause before a WebSocket is opened again.
pub(super) fn resume_pause(how: &WebSocketReconnect, number: u32) -> Duration {
    let doubled = how
        .delay
        .saturating_mul(2u32.saturating_pow(number.saturating_sub(1).min(16)));
    shortened(doubled.min(how.max_delay).min(limits::FOREVER), random())
}

/// 1, 2, 4, 8 s and so on up to a bound, less up to a quarter, so that many clients do not come back at once.
fn usual(number: u32, random: u64) -> Duration {
    let doubled = limits::RETRY_PAUSE * 2u32.saturating_pow(number.saturating_sub(1).min(16));
    let full = doubled.min(limits::RETRY_PAUSE_MOST);
    shortened(full, random)
}

fn shortened(full: Duration, random: u64) -> Duration {
    full.saturating_sub(full / 4 * ((random % 1024) as u32) / 1024)
}

/// No secret hangs on it: the standard library's seeds are random enough.
fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::options::DelayOption;

    fn with(retry: Retry) -> Policy {
        Policy {
            retry,
            retry_delay: DelayOption(Some(Arc::new(|number| {
                Duration::from_millis(u64::from(number))
            }))),
            ..Policy::default()
        }
    }

    fn answered(
        policy: &Policy,
        method: &Method,
        status: u16,
        after: Option<&str>,
    ) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        if let Some(after) = after {
            headers.insert(RETRY_AFTER, after.parse().unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        pause(
            policy,
            1,
            method,
            "http://h/",
            &Outcome::Answer(status, &headers),
        )
    }

    #[test]
    fn a_websocket_comes_back_later_each_time() {
        let how = WebSocketReconnect {
            delay: Duration::from_millis(100),
            max_delay: Duration::from_millis(300),
            ..Default::default()
        };
        for (number, most) in [(1, 100), (2, 200), (3, 300), (4, 300), (u32::MAX, 300)] {
            let pause = resume_pause(&how, number);
            let most = Duration::from_millis(most);
            assert!(
                pause <= most && pause >= most * 3 / 4,
                "{number}: {pause:?}"
            );
        }
    }

    #[test]
    fn statuses_and_methods_decide() {
        let usual = Some(Duration::from_millis(1));
        for (retry, method, status, expected) in [
            (Retry::Off, Method::GET, 503, None),
            (Retry::SafeTransient, Method::GET, 503, usual),
            (Retry::SafeTransient, Method::HEAD, 408, usual),
            (Retry::SafeTransient, Method::POST, 503, None),
            (Retry::SafeTransient, Method::GET, 501, None),
            (Retry::SafeTransient, Method::GET, 200, None),
            (Retry::Transient, Method::POST, 429, usual),
            (Retry::Transient, Method::POST, 404, None),
        ] {
            let name = format!("{retry:?} {method} {status}");
            assert_eq!(
                answered(&with(retry), &method, status, None),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn errors_decide() {
        let policy = with(Retry::SafeTransient);
        for code in ErrorCode::ALL {
            let error = Error::new(*code, "");
            let again = pause(&policy, 1, &Method::GET, "", &Outcome::Failure(&error)).is_some();
            let expected = matches!(
                code.name(),
                "resolve_timeout"
                    | "connect_timeout"
                    | "tls_timeout"
                    | "write_timeout"
                    | "first_byte_timeout"
                    | "idle_timeout"
                    | "connect_failed"
                    | "connection_closed"
                    | "connection_reset"
                    | "http2_goaway"
            );
            assert_eq!(again, expected, "{}", code.name());
        }
        let refused = Error::new(ErrorCode::Http2StreamReset, "").unprocessed();
        assert!(pause(&policy, 1, &Method::GET, "", &Outcome::Failure(&refused)).is_some());
    }

    #[test]
    fn the_peers_word_goes_before_the_usual_pause() {
        let policy = with(Retry::SafeTransient);
        let after = |status, text| answered(&policy, &Method::GET, status, Some(text));
        assert_eq!(after(503, "7"), Some(Duration::from_secs(7)));
        assert_eq!(after(429, " 0 "), Some(Duration::ZERO));
        assert_eq!(after(500, "7"), Some(Duration::from_millis(1)));
        assert_eq!(after(503, "soon"), Some(Duration::from_millis(1)));
        assert_eq!(
            after(503, "Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(Duration::ZERO)
        );
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
        let pause = after(503, &date).unwrap();
        assert!((95..=100).contains(&pause.as_secs()), "{pause:?}");
    }

    #[test]
    fn a_function_decides_and_the_number_is_bounded() {
        let policy = with(Retry::Callback(Arc::new(|attempt| {
            assert_eq!((attempt.number, attempt.url), (1, "http://h/"));
            match attempt.status.map(|status| status.as_u16()) {
                Some(404) => RetryDecision::After(Duration::from_secs(3)),
                Some(200) => RetryDecision::Again,
                _ => RetryDecision::Stop,
            }
        })));
        assert_eq!(
            answered(&policy, &Method::POST, 404, None),
            Some(Duration::from_secs(3))
        );
        assert_eq!(
            answered(&policy, &Method::POST, 200, None),
            Some(Duration::from_millis(1))
        );
        assert_eq!(answered(&policy, &Method::POST, 503, None), None);
        let error = Error::new(ErrorCode::ConnectFailed, "");
        let policy = with(Retry::SafeTransient);
        let at = |number| pause(&policy, number, &Method::GET, "", &Outcome::Failure(&error));
        assert_eq!(at(3), Some(Duration::from_millis(3)));
        assert_eq!(at(4), None);
    }

    #[test]
    fn pauses_grow_to_a_bound_with_jitter() {
        let seconds = |number| usual(number, 0).as_secs();
        assert_eq!([1, 2, 3, 4].map(seconds), [1, 2, 4, 8]);
        assert_eq!(usual(1000, 0), limits::RETRY_PAUSE_MOST);
        assert_eq!(usual(1, 512), Duration::from_millis(875));
        assert!(usual(1, 1023) > Duration::from_millis(750));
    }
}
