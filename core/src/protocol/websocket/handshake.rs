//! The opening handshake (RFC 6455, 4; over HTTP/2 RFC 8441, 5).

use bytes::{Bytes, BytesMut};
use http::header::{
    CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use tungstenite::handshake::{client::generate_key, derive_accept_key};

use super::extension::{self, Agreed};
use crate::error::{Error, ErrorCode, Result};
use crate::options::WebSocketDeflate;

/// Adds the fields that ask for the upgrade; gives the answer that proves it was understood.
pub(crate) fn prepare_http1(headers: &mut HeaderMap, deflate: Option<&WebSocketDeflate>) -> String {
    let key = generate_key();
    let accept = derive_accept_key(key.as_bytes());
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    // A key is base64 text, which is always a valid value.
    if let Ok(key) = HeaderValue::try_from(key) {
        headers.insert(SEC_WEBSOCKET_KEY, key);
    }
    prepare_http2(headers, deflate);
    accept
}

/// Adds the fields that a CONNECT for a WebSocket has: there is no key.
pub(crate) fn prepare_http2(headers: &mut HeaderMap, deflate: Option<&WebSocketDeflate>) {
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    if let Some(offer) = deflate.and_then(extension::offer) {
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, offer);
    }
}

/// Checks a 101 answer (RFC 6455, 4.1); what was agreed on compression.
///
/// # Errors
/// `websocket_handshake`.
pub(crate) fn check_http1(
    asked: &HeaderMap,
    answer: &HeaderMap,
    accept: &str,
    deflate: Option<&WebSocketDeflate>,
) -> Result<Option<Agreed>> {
    let has_token = |name, token: &str| {
        answer.get_all(name).iter().any(|value| {
            value.to_str().is_ok_and(|value| {
                value
                    .split(',')
                    .any(|part| part.trim().eq_ignore_ascii_case(token))
            })
        })
    };
    if !has_token(UPGRADE, "websocket") {
        return Err(wrong("the answer does not upgrade to websocket"));
    }
    if !has_token(CONNECTION, "upgrade") {
        return Err(wrong("the answer's connection field has no upgrade"));
    }
    if answer
        .get(SEC_WEBSOCKET_ACCEPT)
        .is_none_or(|value| value != accept)
    {
        return Err(wrong("sec-websocket-accept does not answer the key"));
    }
    check_http2(asked, answer, deflate)
}

/// Checks what an answer says of subprotocols and extensions.
///
/// # Errors
/// `websocket_handshake`.
pub(crate) fn check_http2(
    asked: &HeaderMap,
    answer: &HeaderMap,
    deflate: Option<&WebSocketDeflate>,
) -> Result<Option<Agreed>> {
    let mut chosen = answer.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    if let Some(value) = chosen.next() {
        let value = value.to_str().unwrap_or("");
        let offered = asked.get_all(SEC_WEBSOCKET_PROTOCOL).iter().any(|offers| {
            let offers = offers.to_str().unwrap_or("");
            offers.split(',').any(|offer| offer.trim() == value)
        });
        if !offered {
            return Err(wrong(&format!(
                "the answer chose the subprotocol {value:?}, which was not offered"
            )));
        }
        if chosen.next().is_some() {
            return Err(wrong("the answer chose more than one subprotocol"));
        }
    }
    extension::read(deflate, answer)
}

/// The same fields in space of their own. Values are pieces of what was read, and whoever keeps the answer for as long as the
/// WebSocket lives would keep all of that.
pub(crate) fn detached(headers: &HeaderMap) -> HeaderMap {
    let mut copies = BytesMut::with_capacity(headers.values().map(HeaderValue::len).sum());
    for value in headers.values() {
        copies.extend_from_slice(value.as_bytes());
    }
    let mut copies = copies.freeze();
    let mut detached = HeaderMap::with_capacity(headers.keys_len());
    for (name, value) in headers {
        let copy: Bytes = copies.split_to(value.len());
        // It was a value before.
        if let Ok(mut copy) = HeaderValue::from_maybe_shared(copy) {
            copy.set_sensitive(value.is_sensitive());
            detached.append(name, copy);
        }
    }
    detached
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

    #[test]
    fn detached_fields_are_the_same_elsewhere() {
        let read = Bytes::from(b"websocket chat \xff".to_vec());
        let mut headers = HeaderMap::new();
        let mut add = |name: &'static str, value: Bytes| {
            headers.append(name, HeaderValue::from_maybe_shared(value).unwrap());
        };
        add("upgrade", read.slice(..9));
        add("x-two", read.slice(10..14));
        add("x-empty", Bytes::new());
        add("x-two", read.slice(15..));
        if let Some(value) = headers.get_mut("upgrade") {
            value.set_sensitive(true);
        }
        let copies = detached(&headers);
        assert_eq!(copies, headers);
        assert_eq!(
            copies.iter().collect::<Vec<_>>(),
            headers.iter().collect::<Vec<_>>()
        );
        assert!(copies["upgrade"].is_sensitive() && !copies["x-empty"].is_sensitive());
        drop(headers);
        assert!(read.is_unique());
    }
}
