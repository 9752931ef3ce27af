//! Credentials that are sent as they are, and the check that all of them pass.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

use crate::error::{Error, ErrorCode, Result};

/// `invalid_argument` for a control character, with its place: it could end the field and begin another.
pub(super) fn check(what: &str, text: &str) -> Result<()> {
    refuse(what, text, |byte| byte.is_ascii_control())
}

/// A sensitive field value.
///
/// # Errors
/// `invalid_argument` for a byte that RFC 9110, 5.5 does not allow, with its place.
pub(super) fn value(what: &str, bytes: &[u8]) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_bytes(bytes).map_err(|_| {
        let place = bytes
            .iter()
            .position(|byte| byte.is_ascii_control() && *byte != b'\t')
            .unwrap_or(0);
        forbidden(what, bytes.get(place).copied().unwrap_or(0), place)
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// `Basic` (RFC 7617, 2). User and password go as UTF-8, whatever charset a challenge names.
pub(super) fn basic(user: &str, password: &str) -> Result<HeaderValue> {
    refuse("user of basic", user, |byte| {
        byte.is_ascii_control() || byte == b':'
    })?;
    check("password of basic", password)?;
    let encoded = STANDARD.encode(format!("{user}:{password}"));
    value("basic credential", format!("Basic {encoded}").as_bytes())
}

/// `Bearer` (RFC 6750, 2.1): letters, digits, `-._~+/`, then any number of `=`.
pub(super) fn bearer(token: &str) -> Result<HeaderValue> {
    let letters = token.trim_end_matches('=');
    if letters.is_empty() {
        return Err(Error::new(
            ErrorCode::InvalidArgument,
            "the bearer token is empty",
        ));
    }
    refuse("bearer token", letters, |byte| {
        !(byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
    })?;
    value("bearer token", format!("Bearer {token}").as_bytes())
}

fn refuse(what: &str, text: &str, bad: impl Fn(u8) -> bool) -> Result<()> {
    match text.bytes().enumerate().find(|(_, byte)| bad(*byte)) {
        Some((place, byte)) => Err(forbidden(what, byte, place)),
        None => Ok(()),
    }
}

fn forbidden(what: &str, byte: u8, place: usize) -> Error {
    Error::new(
        ErrorCode::InvalidArgument,
        format!("{what} has the forbidden byte {byte:#04x} at offset {place}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_that_of_rfc_7617() {
        let plain = basic("Aladdin", "open sesame").unwrap();
        assert_eq!(plain, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(plain.is_sensitive());
        assert_eq!(
            basic("test", "123\u{a3}").unwrap(),
            "Basic dGVzdDoxMjPCow=="
        );
        assert_eq!(basic("", "a:b").unwrap(), "Basic OmE6Yg==");
    }

    #[test]
    fn bearer_takes_what_rfc_6750_allows() {
        let token = bearer("mF_9.B5f-4.1JqM~+/==").unwrap();
        assert_eq!(token, "Bearer mF_9.B5f-4.1JqM~+/==");
        assert!(token.is_sensitive());
        for wrong in ["", "==", "a b", "a=b", "a\"", "\u{e4}", "a\r\nb"] {
            assert_eq!(
                bearer(wrong).unwrap_err().code(),
                ErrorCode::InvalidArgument,
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn no_credential_ends_its_field() {
        for bad in ['\r', '\n', '\0'] {
            let text = format!("ab{bad}c");
            for error in [
                basic(&text, "").unwrap_err(),
                basic("", &text).unwrap_err(),
                bearer(&text).unwrap_err(),
                value("literal", text.as_bytes()).unwrap_err(),
                check("password", &text).unwrap_err(),
            ] {
                assert_eq!(error.code(), ErrorCode::InvalidArgument);
                assert!(error.message().ends_with("at offset 2"), "{error}");
            }
        }
        assert_eq!(
            basic("a:b", "").unwrap_err().code(),
            ErrorCode::InvalidArgument
        );
    }
}
