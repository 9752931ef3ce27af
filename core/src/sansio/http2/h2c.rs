//! Upgrades from HTTP/1.1 to HTTP/2 in clear text (RFC 7540, 3.2; RFC 9113 has dropped them, servers have not). h2 has no
//! entry for them: it is made to send the request as stream 1, and its HEADERS are kept from the transport. So that both
//! sides' tables for compressing fields stay the same, h2's is held at zero meanwhile.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::Request;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE};

use super::client::Http2Client;
use super::{Handlers, Http2Settings, HttpError, PushHandler, RequestHandle};
use crate::error::{Error, ErrorCode, Result};
use crate::limits;
use crate::sansio::{Engine as _, frames};

/// The bytes of an HTTP/1.1 request that asks for the upgrade to HTTP/2, with a body that is sent before the answer.
/// `settings` and `push` (whether there will be a push handler) are what the connection is made with after a 101: see
/// [`Http2Client::after_upgrade`]. The URI has scheme `http` and an authority; `host`, `connection`, `upgrade`,
/// `http2-settings` and `content-length` are added.
///
/// # Errors
/// `invalid_argument` for a URI without an authority, a request that has one of those fields or is a CONNECT, and settings
/// that the protocol does not allow.
pub fn upgrade_request(
    request: &Request<Bytes>,
    settings: &Http2Settings,
    push: bool,
) -> Result<Vec<u8>> {
    let wrong = |what: String| Error::new(ErrorCode::InvalidArgument, format!("h2c: {what}"));
    let uri = request.uri();
    let authority = uri
        .authority()
        .filter(|_| request.method() != http::Method::CONNECT)
        .ok_or_else(|| wrong("the request names no server".to_owned()))?;
    for name in [HOST, CONNECTION, UPGRADE, TRANSFER_ENCODING, CONTENT_LENGTH] {
        if request.headers().contains_key(&name) {
            return Err(wrong(format!("the request has {name} already")));
        }
    }
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let host = authority.as_str();
    // Credentials of a URI are no part of what `host` names (RFC 9110, 4.2.4).
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let told = URL_SAFE_NO_PAD.encode(Http2Client::settings_payload(settings, push)?);
    let mut head = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        head,
        "{} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n\
         http2-settings: {told}\r\n",
        request.method()
    );
    if !request.body().is_empty() {
        let _ = write!(head, "content-length: {}\r\n", request.body().len());
    }
    let mut bytes = head.into_bytes();
    for (name, value) in request.headers() {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(request.body());
    Ok(bytes)
}

impl Http2Client {
    /// A connection that was upgraded from HTTP/1.1: what follows the 101 is given to [`Http2Client::read`]. The request that
    /// asked for it is stream 1, whose answer goes to `handlers`; its own side is closed, and the handle gives it up.
    /// `request`, `settings` and `push` are those that [`upgrade_request`] was given.
    ///
    /// # Errors
    /// `invalid_argument` as for [`Http2Client::new`] and [`Http2Client::request`].
    pub fn after_upgrade(
        request: Request<()>,
        settings: &Http2Settings,
        handlers: Handlers,
        push: Option<PushHandler>,
        error: impl FnOnce(HttpError) + Send + 'static,
    ) -> Result<(Http2Client, RequestHandle)> {
        let client = Http2Client::new(settings, push, error)?;
        if let Some(frames) = &mut client.0.pipe.lock().frames {
            frames.keep_first(2);
        }
        client.tell(&frames::header_table_size(0));
        let handle = client.request_without_body(request, handlers)?;
        client.0.drive();
        // What the peer takes before it has said otherwise (RFC 9113, 6.5.2).
        client.tell(&frames::header_table_size(limits::HTTP2_HEADER_TABLE));
        if let Some(frames) = &mut client.0.pipe.lock().frames {
            frames.await_preface();
        }
        Ok((client, handle))
    }

    /// Tells h2 something as if the peer had.
    fn tell(&self, frame: &[u8]) {
        self.read(frame);
    }

    /// The payload of the SETTINGS that a connection begins with.
    fn settings_payload(settings: &Http2Settings, push: bool) -> Result<Vec<u8>> {
        let push: Option<PushHandler> = push.then(|| Box::new(|_| None) as PushHandler);
        let client = Http2Client::new(settings, push, |_| {})?;
        client.0.drive();
        let wire = client.0.pipe.lock();
        let payload = wire
            .frames
            .as_ref()
            .map(|frames| frames.settings().to_vec());
        Ok(payload.unwrap_or_default())
    }
}
