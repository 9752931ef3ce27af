//! What of the opening handshake concerns WebSockets; its bytes are the program's, or an HTTP engine's.

use http::{HeaderMap, StatusCode};

use crate::error::{Error, ErrorCode, Result};
use crate::options::WebSocketDeflate;
use crate::protocol::websocket::{Agreed, check_http1, prepare_http1};

/// What both sides have agreed on. The default is no compression.
#[derive(Debug, Clone, Default)]
pub struct WebSocketAgreement(pub(super) Option<Agreed>);

impl WebSocketAgreement {
    /// Whether messages may be compressed.
    pub fn has_deflate(&self) -> bool {
        self.0.is_some()
    }
}

/// The opening handshake over HTTP/1.1 (RFC 6455, 4.1).
#[derive(Debug, Clone)]
pub struct WebSocketHandshake {
    asked: HeaderMap,
    accept: String,
    deflate: Option<WebSocketDeflate>,
}

impl WebSocketHandshake {
    /// Adds to the fields of a GET what asks for a WebSocket, with an offer of compression where `deflate` is given.
    /// Subprotocols are for the caller to add before, as `sec-websocket-protocol`.
    ///
    /// # Errors
    /// `invalid_argument` for options of compression that are out of range.
    pub fn new(
        fields: &mut HeaderMap,
        deflate: Option<WebSocketDeflate>,
    ) -> Result<WebSocketHandshake> {
        if let Some(deflate) = &deflate {
            deflate.check()?;
        }
        let accept = prepare_http1(fields, deflate.as_ref());
        Ok(WebSocketHandshake {
            asked: fields.clone(),
            accept,
            deflate,
        })
    }

    /// Checks the answer: what was agreed on. The subprotocol that the peer has chosen is in `fields`.
    ///
    /// # Errors
    /// `websocket_rejected` for another status than 101, `websocket_handshake` for an answer that is not valid.
    pub fn check(&self, status: StatusCode, fields: &HeaderMap) -> Result<WebSocketAgreement> {
        if status != StatusCode::SWITCHING_PROTOCOLS {
            return Err(Error::new(
                ErrorCode::WebSocketRejected,
                format!("websocket handshake: the peer answered {status}"),
            ));
        }
        check_http1(&self.asked, fields, &self.accept, self.deflate.as_ref())
            .map(WebSocketAgreement)
    }
}
