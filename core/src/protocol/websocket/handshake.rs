//! The opening handshake (RFC 6455, 4).

use http::header::{
    CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use tungstenite::handshake::{client::generate_key, derive_accept_key};

use crate::error::{Error, ErrorCode, Result};

/// Adds the fields that ask for the upgrade; gives the answer that proves it was understood.
pub(crate) fn prepare(headers: &mut HeaderMap) -> String {
    let key = generate_key();
    let accept = derive_accept_key(key.as_bytes());
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    // A key is base64 text, which is always a valid value.
    if let Ok(key) = HeaderValue::try_from(key) {
        headers.insert(SEC_WEBSOCKET_KEY, key);
    }
    accept
}

/// Checks a 101 answer (RFC 6455, 4.1).
pub(crate) fn check(asked: Option<&HeaderValue>, answer: &HeaderMap, accept: &str) -> Result<()> {
    let wrong = |what: &str| {
        Err(Error::new(
            ErrorCode::WebSocketHandshake,
            format!("websocket handshake: {what}"),
        ))
    };
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
        return wrong("the answer does not upgrade to websocket");
    }
    if !has_token(CONNECTION, "upgrade") {
        return wrong("the answer's connection field has no upgrade");
    }
    if answer
        .get(SEC_WEBSOCKET_ACCEPT)
        .is_none_or(|value| value != accept)
    {
        return wrong("sec-websocket-accept does not answer the key");
    }
    if answer.contains_key(SEC_WEBSOCKET_EXTENSIONS) {
        return wrong("the answer uses an extension that was not offered");
    }
    if let Some(chosen) = answer.get(SEC_WEBSOCKET_PROTOCOL) {
        let offered = asked.and_then(|asked| asked.to_str().ok()).unwrap_or("");
        let chosen = chosen.to_str().unwrap_or("");
        if !offered.split(',').any(|offer| offer.trim() == chosen) {
            return wrong(&format!(
                "the answer chose the subprotocol {chosen:?}, which was not offered"
            ));
        }
    }
    Ok(())
}
