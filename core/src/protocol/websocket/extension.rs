//! The agreement on permessage-deflate: `sec-websocket-extensions` (RFC 6455, 9.1; RFC 7692, 7.1).

use std::fmt::Write as _;

use http::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_EXTENSIONS};

use crate::error::{Error, ErrorCode, Result};
use crate::options::WebSocketDeflate;

/// What both sides do with compressed messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Agreed {
    /// The window of what the peer sends, as a power of two.
    pub(super) server_bits: u8,
    /// The window of what is sent.
    pub(super) client_bits: u8,
    /// The peer begins anew with each message.
    pub(super) server_forgets: bool,
    /// This side does.
    pub(super) client_forgets: bool,
    pub(super) level: u32,
    pub(super) threshold: usize,
}

/// The field that offers compression.
pub(super) fn offer(wanted: &WebSocketDeflate) -> Option<HeaderValue> {
    let mut text = "permessage-deflate".to_owned();
    if wanted.server_no_context_takeover {
        text.push_str("; server_no_context_takeover");
    }
    if wanted.client_no_context_takeover {
        text.push_str("; client_no_context_takeover");
    }
    // Writing to a string does not fail.
    if wanted.server_max_window_bits < 15 {
        let _ = write!(
            text,
            "; server_max_window_bits={}",
            wanted.server_max_window_bits
        );
    }
    if wanted.client_max_window_bits < 15 {
        let _ = write!(
            text,
            "; client_max_window_bits={}",
            wanted.client_max_window_bits
        );
    } else {
        text.push_str("; client_max_window_bits");
    }
    HeaderValue::try_from(text).ok()
}

/// Reads what the peer has chosen; none where it has chosen no extension.
///
/// # Errors
/// `websocket_handshake` for an extension or a parameter that was not offered, or that RFC 7692 does not allow.
pub(super) fn read(
    wanted: Option<&WebSocketDeflate>,
    answer: &HeaderMap,
) -> Result<Option<Agreed>> {
    let mut chosen = None;
    for value in answer.get_all(SEC_WEBSOCKET_EXTENSIONS) {
        let text = value
            .to_str()
            .map_err(|_| wrong("sec-websocket-extensions is not text"))?;
        for extension in text.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            let wanted =
                wanted.ok_or_else(|| wrong("the answer uses an extension that was not offered"))?;
            if chosen.is_some() {
                return Err(wrong("the answer chooses more than one extension"));
            }
            chosen = Some(read_one(wanted, extension)?);
        }
    }
    Ok(chosen)
}

fn read_one(wanted: &WebSocketDeflate, extension: &str) -> Result<Agreed> {
    let mut parameters = extension.split(';').map(str::trim);
    if !parameters
        .next()
        .is_some_and(|name| name.eq_ignore_ascii_case("permessage-deflate"))
    {
        return Err(wrong("the answer uses an extension that was not offered"));
    }
    let mut agreed = Agreed {
        server_bits: 15,
        // What was offered is kept to whether or not the peer repeats it.
        client_bits: wanted.client_max_window_bits,
        server_forgets: false,
        client_forgets: wanted.client_no_context_takeover,
        level: wanted.level,
        threshold: wanted.threshold,
    };
    let mut seen: Vec<&str> = Vec::new();
    for parameter in parameters {
        let (name, value) = match parameter.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
            None => (parameter, None),
        };
        // Four names are known, so this list stays short.
        if seen.contains(&name) {
            return Err(wrong(&format!("{name} comes twice")));
        }
        seen.push(name);
        match (name, value) {
            ("server_no_context_takeover", None) => agreed.server_forgets = true,
            ("client_no_context_takeover", None) => agreed.client_forgets = true,
            ("server_max_window_bits", Some(value)) => {
                agreed.server_bits = bits(name, value, wanted.server_max_window_bits)?;
            }
            ("client_max_window_bits", Some(value)) => {
                agreed.client_bits = bits(name, value, wanted.client_max_window_bits)?;
            }
            _ => return Err(wrong(&format!("the parameter {parameter:?} is not valid"))),
        }
    }
    if wanted.server_no_context_takeover && !agreed.server_forgets {
        return Err(wrong("server_no_context_takeover was asked for"));
    }
    if agreed.server_bits > wanted.server_max_window_bits {
        return Err(wrong("server_max_window_bits was asked for"));
    }
    Ok(agreed)
}

/// RFC 7692, 7.1.2: a decimal number from 8 to 15 without leading zeroes; and not more than was offered.
fn bits(name: &str, value: &str, most: u8) -> Result<u8> {
    let number = match value.as_bytes() {
        [digit @ b'8'..=b'9'] => digit - b'0',
        [b'1', digit @ b'0'..=b'5'] => digit - b'0' + 10,
        _ => return Err(wrong(&format!("{name} is not a number from 8 to 15"))),
    };
    if number > most {
        return Err(wrong(&format!("{name} is more than was offered")));
    }
    Ok(number)
}

fn wrong(what: &str) -> Error {
    Error::new(
        ErrorCode::WebSocketHandshake,
        format!("websocket handshake: {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(wanted: &WebSocketDeflate, text: &str) -> Result<Option<Agreed>> {
        let mut headers = HeaderMap::new();
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, text.parse().unwrap());
        read(Some(wanted), &headers)
    }

    #[test]
    fn offers_name_what_differs_from_the_default() {
        let mut wanted = WebSocketDeflate::default();
        assert_eq!(
            offer(&wanted).unwrap(),
            "permessage-deflate; client_max_window_bits"
        );
        wanted.server_no_context_takeover = true;
        wanted.client_no_context_takeover = true;
        wanted.server_max_window_bits = 10;
        wanted.client_max_window_bits = 9;
        assert_eq!(
            offer(&wanted).unwrap(),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=10; client_max_window_bits=9"
        );
    }

    #[test]
    fn answers_are_read() {
        let wanted = WebSocketDeflate::default();
        let agreed = answered(&wanted, "permessage-deflate").unwrap().unwrap();
        assert_eq!((agreed.server_bits, agreed.client_bits), (15, 15));
        assert!(!agreed.server_forgets && !agreed.client_forgets);
        let agreed = answered(
            &wanted,
            "Permessage-Deflate;server_no_context_takeover ; client_max_window_bits=\"8\"; \
             server_max_window_bits=9;client_no_context_takeover",
        );
        let agreed = agreed.unwrap().unwrap();
        assert_eq!((agreed.server_bits, agreed.client_bits), (9, 8));
        assert!(agreed.server_forgets && agreed.client_forgets);
        assert_eq!(read(Some(&wanted), &HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn what_was_not_offered_fails_the_handshake() {
        let plain = WebSocketDeflate::default();
        for text in [
            "permessage-bzip2",
            "permessage-deflate, permessage-deflate",
            "permessage-deflate; unknown",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=7",
            "permessage-deflate; server_max_window_bits=08",
            "permessage-deflate; server_max_window_bits=15; server_max_window_bits=15",
            "permessage-deflate; server_no_context_takeover=1",
        ] {
            let error = answered(&plain, text).unwrap_err();
            assert_eq!(error.code(), ErrorCode::WebSocketHandshake, "{text}");
        }
        let narrow = WebSocketDeflate {
            server_max_window_bits: 10,
            client_max_window_bits: 10,
            server_no_context_takeover: true,
            ..Default::default()
        };
        for text in [
            "permessage-deflate",
            "permessage-deflate; server_no_context_takeover",
            "permessage-deflate; server_max_window_bits=10",
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=11",
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=10; client_max_window_bits=11",
        ] {
            assert!(answered(&narrow, text).is_err(), "{text}");
        }
        let good = "permessage-deflate; server_no_context_takeover; server_max_window_bits=10";
        assert_eq!(answered(&narrow, good).unwrap().unwrap().client_bits, 10);
        let mut headers = HeaderMap::new();
        headers.insert(
            SEC_WEBSOCKET_EXTENSIONS,
            "permessage-deflate".parse().unwrap(),
        );
        assert!(read(None, &headers).is_err());
    }
}
