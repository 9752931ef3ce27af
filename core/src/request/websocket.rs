//! What only a request for a WebSocket has.

use http::HeaderValue;
use http::header::SEC_WEBSOCKET_PROTOCOL;

use super::Request;
use crate::error::{Error, ErrorCode, Result};
use crate::options::WebSocketDeflate;

impl Request {
    /// The subprotocols that are offered, the best first (RFC 6455, 1.9), in place of those of before. The head tells which
    /// one the peer has chosen, in `sec-websocket-protocol`.
    ///
    /// # Errors
    /// `invalid_argument` for a name that is no token, or comes twice.
    pub fn websocket_protocols(&mut self, names: &[&str]) -> Result<&mut Request> {
        for (place, name) in names.iter().enumerate() {
            if !is_token(name) || names[..place].contains(name) {
                return Err(Error::new(
                    ErrorCode::InvalidArgument,
                    format!("subprotocol {name:?} is no token, or comes twice"),
                ));
            }
        }
        self.headers.remove(SEC_WEBSOCKET_PROTOCOL);
        if !names.is_empty() {
            let value = HeaderValue::try_from(names.join(", ")).map_err(|cause| {
                Error::new(ErrorCode::InvalidArgument, format!("subprotocols: {cause}"))
            })?;
            self.headers.insert(SEC_WEBSOCKET_PROTOCOL, value);
        }
        Ok(self)
    }

    /// Bytes of one WebSocket message, in place of [`crate::ManagerOptions::websocket_max_message_bytes`].
    pub fn websocket_max_message_bytes(&mut self, bytes: usize) -> &mut Request {
        self.websocket_max_message = Some(bytes);
        self
    }

    /// What it offers of compression itself, where it says so.
    pub(crate) fn websocket_deflate(&self) -> Option<&WebSocketDeflate> {
        self.policy.as_ref()?.websocket_deflate.as_ref()?.as_ref()
    }
}

/// RFC 9110, 5.6.2.
fn is_token(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subprotocols_are_tokens_that_come_once() {
        let mut request = Request::get("ws://host/").unwrap();
        for bad in [&["a b"][..], &[""], &["a", "a"], &["a,b"], &["a\r\nb"]] {
            let error = request.websocket_protocols(bad).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument, "{bad:?}");
        }
        request.websocket_protocols(&["old"]).unwrap();
        request
            .websocket_protocols(&["v5.channel.k8s.io", "v4.channel.k8s.io"])
            .unwrap();
        let values: Vec<_> = request
            .headers
            .get_all(SEC_WEBSOCKET_PROTOCOL)
            .iter()
            .collect();
        assert_eq!(values, ["v5.channel.k8s.io, v4.channel.k8s.io"]);
        request.websocket_protocols(&[]).unwrap();
        assert!(!request.headers.contains_key(SEC_WEBSOCKET_PROTOCOL));
    }
}
