//! What goes over the wire, in the log: heads only, at level debug, target `trunkline::wire`, credentials masked.

use std::fmt::Write;

use http::HeaderMap;
use http::response::Parts;
use tracing::Level;

use super::Leg;
use crate::insight::masked;

const TARGET: &str = "trunkline::wire";

impl Leg<'_> {
    pub(super) fn log_request(&self, headers: &HeaderMap) {
        if tracing::enabled!(target: TARGET, Level::DEBUG) {
            // Without user and password; the field that they became is masked below.
            let head = lines(
                '>',
                &format!(
                    "{} {}",
                    self.request.method, self.request.address.absolute_form
                ),
                headers,
            );
            tracing::debug!(target: TARGET, request = self.state.id(), "{head}");
        }
    }

    pub(super) fn log_answer(&self, head: &Parts) {
        if tracing::enabled!(target: TARGET, Level::DEBUG) {
            let head = lines(
                '<',
                &format!("{:?} {}", head.version, head.status),
                &head.headers,
            );
            tracing::debug!(target: TARGET, request = self.state.id(), "{head}");
        }
    }
}

fn lines(mark: char, first: &str, headers: &HeaderMap) -> String {
    let mut text = format!("{mark} {first}");
    for (name, value) in headers {
        let _ = write!(text, "\n{mark} {name}: {}", masked(name, value));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_masked() {
        let mut headers = HeaderMap::new();
        headers.insert("accept", "*/*".parse().unwrap());
        headers.insert("authorization", "Basic c2VjcmV0".parse().unwrap());
        headers.append("cookie", "a=secret".parse().unwrap());
        assert_eq!(
            lines('>', "GET http://host/", &headers),
            "> GET http://host/\n> accept: */*\n> authorization: [masked]\n> cookie: [masked]"
        );
    }
}
