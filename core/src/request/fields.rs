//! Names and values of header fields.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{HeaderName, HeaderValue};

use crate::error::{Error, ErrorCode, Result};

/// A checked header field.
///
/// # Errors
/// `invalid_header`, with the place of the offending byte.
pub fn header_field(name: &str, value: &[u8]) -> Result<(HeaderName, HeaderValue)> {
    let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
        Error::new(
            ErrorCode::InvalidHeader,
            format!("header name {name:?} is not a token (RFC 9110, 5.1)"),
        )
    })?;
    let value = HeaderValue::from_bytes(value).map_err(|_| {
        let (byte, place) = forbidden_byte(value).unwrap_or_default();
        Error::new(
            ErrorCode::InvalidHeader,
            format!(
                "value of header {name:?} has the forbidden byte {byte:#04x} at offset {place}"
            ),
        )
    })?;
    Ok((parsed, value))
}

/// The first byte that no field value may hold (RFC 9110, 5.5), and its offset.
pub(super) fn forbidden_byte(value: &[u8]) -> Option<(u8, usize)> {
    let place = value
        .iter()
        .position(|byte| (*byte < 32 && *byte != b'\t') || *byte == 127)?;
    Some((value[place], place))
}

/// The header name for a symbol of a program: `_` becomes `-`, letters lower case, as in `content_type`. It is checked
/// where it is used.
pub fn header_name_of(symbolic: &str) -> String {
    let mut name = symbolic.replace('_', "-");
    name.make_ascii_lowercase();
    name
}

/// The year 10000, whose dates the format cannot write.
const END_OF_DATES: Duration = Duration::from_secs(253_402_300_800);

/// A time as header fields have it: IMF-fixdate (RFC 9110, 5.6.7), in whole seconds.
///
/// # Errors
/// `invalid_argument` for a time before 1970 or after 9999.
pub fn http_date(time: SystemTime) -> Result<String> {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) if since < END_OF_DATES => Ok(httpdate::fmt_http_date(time)),
        _ => Err(Error::new(
            ErrorCode::InvalidArgument,
            "the date is not within the years 1970 to 9999",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_become_names() {
        assert_eq!(header_name_of("content_type"), "content-type");
        assert_eq!(header_name_of("X_Request_ID"), "x-request-id");
        assert_eq!(header_name_of("etag"), "etag");
        // What is no name stays none.
        let error = header_field(&header_name_of("a_b\r\n"), b"").unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidHeader);
    }

    /// The example of RFC 9110, 5.6.7, and the ends of what can be written.
    #[test]
    fn dates_are_imf_fixdate() {
        let date = |seconds| http_date(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(date(784_111_777).unwrap(), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date(0).unwrap(), "Thu, 01 Jan 1970 00:00:00 GMT");
        let last = END_OF_DATES.as_secs() - 1;
        assert_eq!(date(last).unwrap(), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(
            date(last + 1).unwrap_err().code(),
            ErrorCode::InvalidArgument
        );
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(
            http_date(before).unwrap_err().code(),
            ErrorCode::InvalidArgument
        );
    }

    #[test]
    fn every_byte_is_judged() {
        for byte in 0..=255u8 {
            let value = [b'a', byte, b'b'];
            let forbidden = forbidden_byte(&value);
            assert_eq!(
                forbidden.is_none(),
                header_field("x", &value).is_ok(),
                "{byte}"
            );
            assert!(forbidden.is_none_or(|found| found == (byte, 1)));
        }
    }
}
