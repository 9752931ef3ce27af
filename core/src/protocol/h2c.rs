//! An upgrade from HTTP/1.1 to HTTP/2 in clear text (RFC 7540, 3.2; RFC 9113 has dropped it, servers have not).
//! What is asked, and what agrees. What comes of it is an adoption.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue, UPGRADE};

use super::http2::{first_window, header_list};
use crate::options::ManagerOptions;

/// The field that tells the SETTINGS (RFC 7540, 3.2.1).
pub(crate) const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// Parameters of SETTINGS (RFC 9113, 6.5.2).
pub(super) const HEADER_TABLE_SIZE: u16 = 1;
const ENABLE_PUSH: u16 = 2;
pub(super) const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_FRAME_SIZE: u16 = 5;
const MAX_HEADER_LIST_SIZE: u16 = 6;

/// Adds the fields that ask for the upgrade.
pub(crate) fn ask(headers: &mut HeaderMap, options: &ManagerOptions) {
    // The size of the table is left to the SETTINGS of the connection: h2 holds to it once those are acknowledged.
    let told = payload(&[
        (ENABLE_PUSH, 0),
        (INITIAL_WINDOW_SIZE, first_window(options)),
        (MAX_FRAME_SIZE, options.http2_max_frame_size),
        (MAX_HEADER_LIST_SIZE, header_list(options)),
    ]);
    let asked = HeaderValue::from_static("Upgrade, HTTP2-Settings");
    headers.insert(CONNECTION, asked);
    headers.insert(UPGRADE, HeaderValue::from_static("h2c"));
    // Its letters may all stand in a field.
    if let Ok(told) = HeaderValue::try_from(URL_SAFE_NO_PAD.encode(told)) {
        headers.insert(HTTP2_SETTINGS, told);
    }
}

/// Whether the answer with status 101 names this protocol (RFC 9110, 7.8).
pub(crate) fn is_agreed(headers: &HeaderMap) -> bool {
    let names = headers.get_all(UPGRADE).into_iter();
    names
        .filter_map(|names| names.to_str().ok())
        .flat_map(|names| names.split(','))
        .any(|name| name.trim().eq_ignore_ascii_case("h2c"))
}

/// Parameters and their values, as SETTINGS have them.
pub(super) fn payload(values: &[(u16, u32)]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(values.len() * 6);
    for (name, value) in values {
        payload.extend(name.to_be_bytes());
        payload.extend(value.to_be_bytes());
    }
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agrees(values: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(UPGRADE, HeaderValue::from_static(value));
        }
        is_agreed(&headers)
    }

    #[test]
    fn only_this_protocol_is_agreed() {
        for good in [&["h2c"][..], &["H2C"], &["a, h2c"], &["a/1", "h2c"]] {
            assert!(agrees(good), "{good:?}");
        }
        for bad in [&[][..], &["h2"], &["h2c/1"], &["websocket"], &["h2 c"]] {
            assert!(!agrees(bad), "{bad:?}");
        }
    }

    /// RFC 7540, 3.2.1: base64url without padding; RFC 9113, 6.5.1: each parameter is two octets and four.
    #[test]
    fn settings_are_told_in_a_field() {
        let mut headers = HeaderMap::new();
        let options = ManagerOptions {
            http2_adaptive_window: true,
            max_header_bytes: usize::MAX,
            ..ManagerOptions::default()
        };
        ask(&mut headers, &options);
        assert_eq!(headers[CONNECTION], "Upgrade, HTTP2-Settings");
        assert_eq!(headers[UPGRADE], "h2c");
        let told = URL_SAFE_NO_PAD.decode(&headers[HTTP2_SETTINGS]).unwrap();
        let values: Vec<_> = told
            .chunks_exact(6)
            .map(|it| (it[1], u32::from_be_bytes([it[2], it[3], it[4], it[5]])))
            .collect();
        assert_eq!(values, [(2, 0), (4, 65_535), (5, 16_384), (6, u32::MAX)]);
    }
}
