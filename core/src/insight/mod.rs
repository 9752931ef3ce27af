//! What is shown of the inside: counters for a monitoring system, exchanges as an HTTP archive, fields without secrets.

mod har;
mod openmetrics;

use std::borrow::Cow;

use http::header::{
    AUTHORIZATION, COOKIE, HeaderName, HeaderValue, PROXY_AUTHORIZATION, SET_COOKIE,
};

pub use har::HarLog;
pub(crate) use har::{HarEntry, HarTimings};

/// What is shown in the place of a credential.
pub(crate) const MASKED: &str = "[masked]";

/// The value of a field as it may be shown: credentials, and what was marked as sensitive, are hidden.
pub(crate) fn masked<'a>(name: &HeaderName, value: &'a HeaderValue) -> Cow<'a, str> {
    if value.is_sensitive() || is_credential(name) {
        Cow::Borrowed(MASKED)
    } else {
        String::from_utf8_lossy(value.as_bytes())
    }
}

fn is_credential(name: &HeaderName) -> bool {
    [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, SET_COOKIE].contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_sensitive_values_are_hidden_and_others_shown() {
        let secret = HeaderValue::from_static("secret");
        for name in [
            "authorization",
            "Proxy-Authorization",
            "COOKIE",
            "set-cookie",
        ] {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            assert_eq!(masked(&name, &secret), MASKED);
        }
        let other = HeaderName::from_static("x-key");
        assert_eq!(masked(&other, &secret), "secret");
        let mut sensitive = secret.clone();
        sensitive.set_sensitive(true);
        assert_eq!(masked(&other, &sensitive), MASKED);
        let latin = HeaderValue::from_bytes(b"caf\xE9").unwrap();
        assert_eq!(masked(&other, &latin), "caf\u{FFFD}");
    }
}
