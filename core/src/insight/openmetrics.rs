//! The counters as `OpenMetrics` 1.0 text, which Prometheus and its kin read.

use crate::statistics::Statistics;

impl Statistics {
    /// The counters as text of `OpenMetrics` 1.0, to be served as
    /// `application/openmetrics-text; version=1.0.0; charset=utf-8`.
    ///
    /// The names begin with `trunkline_`. Errors are `trunkline_request_errors_total` with the code's name as the label
    /// `code`. The round-trip time is left out before the first HTTP/2 PING was answered.
    pub fn openmetrics(&self) -> String {
        let mut page = Page(String::with_capacity(4096));
        let counters = [
            (
                "connections_opened",
                "Connections established.",
                self.connections_opened,
            ),
            (
                "connections_closed",
                "Connections closed again.",
                self.connections_closed,
            ),
            (
                "streams_opened",
                "HTTP/2 streams opened.",
                self.streams_opened,
            ),
            (
                "requests_submitted",
                "Requests accepted.",
                self.requests_submitted,
            ),
            (
                "requests_completed",
                "Requests that ended with done.",
                self.requests_completed,
            ),
            (
                "requests_failed",
                "Requests that ended with an error, cancelled ones among them.",
                self.requests_failed,
            ),
            (
                "replays",
                "Requests sent again because the peer surely had not processed them.",
                self.replays,
            ),
            ("redirects", "Redirects that were followed.", self.redirects),
            (
                "retries",
                "Requests tried again after a pause.",
                self.retries,
            ),
            (
                "received_bytes",
                "Bytes received from sockets.",
                self.bytes_received,
            ),
            ("sent_bytes", "Bytes written to sockets.", self.bytes_sent),
        ];
        for (name, help, value) in counters {
            page.family(name, "counter", help);
            page.sample(&format!("{name}_total"), value);
        }
        let gauges = [
            (
                "connections_active",
                "Connections that stand.",
                self.connections_active,
            ),
            (
                "connections_idle",
                "Connections that stand unused in the pool.",
                self.connections_idle,
            ),
            (
                "streams_active",
                "HTTP/2 streams that are open.",
                self.streams_active,
            ),
            (
                "requests_active",
                "Requests under way.",
                self.requests_active,
            ),
        ];
        for (name, help, value) in gauges {
            page.family(name, "gauge", help);
            page.sample(name, value);
        }
        page.family(
            "request_errors",
            "counter",
            "Requests that ended with an error, by its code.",
        );
        for (code, count) in &self.errors {
            let code = code.name();
            page.sample(&format!("request_errors_total{{code=\"{code}\"}}"), *count);
        }
        let ping = "ping_round_trip_seconds";
        page.family(ping, "gauge", "Round-trip time of the last HTTP/2 PING.");
        if let Some(time) = self.ping_round_trip {
            page.sample(ping, time.as_secs_f64());
        }
        page.0.push_str("# EOF\n");
        page.0
    }
}

/// The text so far.
struct Page(String);

impl Page {
    /// Begins a family. The end of its name says its unit, where it has one.
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(&format!("# TYPE trunkline_{name} {kind}"));
        for unit in ["bytes", "seconds"] {
            if name.ends_with(unit) {
                self.line(&format!("# UNIT trunkline_{name} {unit}"));
            }
        }
        self.line(&format!("# HELP trunkline_{name} {help}"));
    }

    fn sample(&mut self, name: &str, value: impl std::fmt::Display) {
        self.line(&format!("trunkline_{name} {value}"));
    }

    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::ErrorCode;

    #[test]
    fn the_page_is_the_one_that_the_parser_of_prometheus_takes() {
        let statistics = Statistics {
            connections_opened: 5,
            connections_closed: 2,
            connections_active: 3,
            connections_idle: 1,
            streams_opened: 40,
            streams_active: 4,
            requests_submitted: 60,
            requests_completed: 50,
            requests_failed: 3,
            requests_active: 7,
            bytes_received: u64::MAX,
            bytes_sent: 1234,
            replays: 1,
            redirects: 6,
            retries: 8,
            errors: vec![(ErrorCode::Cancelled, 2), (ErrorCode::ConnectFailed, 1)],
            ping_round_trip: Some(Duration::from_micros(1250)),
        };
        assert_eq!(statistics.openmetrics(), include_str!("openmetrics.txt"));
    }

    #[test]
    fn a_manager_that_did_nothing_shows_zeros_and_no_samples_that_it_has_not() {
        let page = Statistics::default().openmetrics();
        assert!(page.contains("\ntrunkline_requests_submitted_total 0\n"));
        assert!(!page.contains("code="));
        assert!(!page.contains("\ntrunkline_ping"));
        assert!(page.ends_with("\n# EOF\n"));
    }
}
