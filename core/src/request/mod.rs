//! What is asked: method, URL, header fields, body, and the options of one request.

mod address;
mod body;
mod fields;
mod file;
mod form;
mod length;
mod multipart;
mod path;
mod pieces;
mod source;
mod tunnel;
mod url;
mod websocket;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName};
use http::{HeaderMap, Method};

use crate::error::{Error, ErrorCode, Result};
use crate::options::{HttpVersions, PolicyOverrides, Proxy};

pub(crate) use address::{Address, ProxyChoice, Route, Target};
pub use body::Body;
pub use fields::{header_field, header_name_of, http_date};
pub use file::FileBody;
pub use form::{form, json};
pub use multipart::Multipart;
pub(crate) use source::SourceReader;
pub use source::{BodyReader, BodySource};
pub(crate) use tunnel::Tunnel;
pub use url::{PathStyle, UrlTemplate};

/// Overrides of the manager's timeouts: `None` keeps the manager's, `Some(None)` sets no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeoutOverrides {
    /// See [`crate::options::Timeouts::pool`].
    pub pool: Option<Option<Duration>>,
    /// See [`crate::options::Timeouts::resolve`].
    pub resolve: Option<Option<Duration>>,
    /// See [`crate::options::Timeouts::connect`].
    pub connect: Option<Option<Duration>>,
    /// See [`crate::options::Timeouts::tls`].
    pub tls: Option<Option<Duration>>,
    /// See [`crate::options::Timeouts::write`].
    pub write: Option<Option<Duration>>,
    /// See [`crate::options::Timeouts::first_byte`].
    pub first_byte: Option<Option<Duration>>,
    /// See [`crate::options::Timeouts::idle`].
    pub idle: Option<Option<Duration>>,
    /// See [`crate::options::Timeouts::total`].
    pub total: Option<Option<Duration>>,
}

/// A request to be submitted, built step by step. Schemes: `http`, `https`, `ws`, `wss`.
#[derive(Debug, Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) address: Arc<Address>,
    pub(crate) headers: HeaderMap,
    /// Fields that the library would add and must not.
    pub(crate) omitted: Vec<HeaderName>,
    pub(crate) body: Body,
    pub(crate) http: Option<HttpVersions>,
    pub(crate) proxy: ProxyChoice,
    pub(crate) timeouts: TimeoutOverrides,
    pub(crate) credit: Option<usize>,
    pub(crate) replay: bool,
    pub(crate) manual_release: bool,
    pub(crate) policy: Option<Box<PolicyOverrides>>,
    pub(crate) tunnel: Option<Box<Tunnel>>,
    pub(crate) websocket_max_message: Option<usize>,
}

impl Request {
    /// A request with this method and absolute URL.
    ///
    /// # Errors
    /// `invalid_argument` for a method that is not an RFC 9110 token, `invalid_url` for a URL that cannot be parsed,
    /// has a control character, no host or another scheme than `http`, `https`, `ws`, `wss`.
    pub fn new(method: &str, url: &str) -> Result<Request> {
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| {
            Error::new(
                ErrorCode::InvalidArgument,
                format!("method {method:?} is not a token"),
            )
        })?;
        if method == Method::CONNECT {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                "a CONNECT is made by Request::connect",
            ));
        }
        pieces::check_text("url", url)?;
        let address = Arc::new(Address::parse(url)?);
        Ok(Request {
            method,
            address,
            headers: HeaderMap::new(),
            omitted: Vec::new(),
            body: Body::Empty,
            http: None,
            proxy: ProxyChoice::Rules,
            timeouts: TimeoutOverrides::default(),
            credit: None,
            replay: true,
            manual_release: false,
            policy: None,
            tunnel: None,
            websocket_max_message: None,
        })
    }

    /// A GET of this URL; for `ws` and `wss` the opening of a WebSocket.
    ///
    /// # Errors
    /// As [`Request::new`].
    pub fn get(url: &str) -> Result<Request> {
        Request::new("GET", url)
    }

    /// Sends it to this absolute URL instead.
    ///
    /// # Errors
    /// `invalid_url`, as [`Request::new`].
    pub fn url(&mut self, url: &str) -> Result<&mut Request> {
        pieces::check_text("url", url)?;
        self.address = Arc::new(Address::parse(url)?);
        Ok(self)
    }

    /// Whether the URL's scheme is `ws` or `wss`.
    pub fn is_websocket(&self) -> bool {
        self.address.websocket
    }

    /// Adds a header field. A repeated name adds a further value.
    ///
    /// # Errors
    /// `invalid_header` for a name or value with a byte that RFC 9110 does not allow (CR, LF and NUL among them), and
    /// for a field that the library itself must write: `connection`, `keep-alive`, `proxy-connection`, `upgrade`,
    /// `transfer-encoding`. A `content-length` that is not the body's is refused when the request is submitted.
    pub fn header(&mut self, name: &str, value: &[u8]) -> Result<&mut Request> {
        let (name, value) = header_field(name, value)?;
        if matches!(
            name.as_str(),
            "connection" | "keep-alive" | "proxy-connection" | "upgrade" | "transfer-encoding"
        ) {
            return Err(Error::new(
                ErrorCode::InvalidHeader,
                format!("header {name:?} describes the connection and is written by the library"),
            ));
        }
        self.headers
            .try_append(name, value)
            .map_err(|_| Error::new(ErrorCode::InvalidHeader, "too many headers"))?;
        Ok(self)
    }

    /// Sends no field of this name that the library would add by itself, such as `accept` or `user-agent`. One that
    /// [`Request::header`] adds is sent.
    ///
    /// # Errors
    /// `invalid_header` for a bad name, and for `host` and `content-length`, without which messages have no meaning.
    pub fn omit_header(&mut self, name: &str) -> Result<&mut Request> {
        let (name, _) = header_field(name, b"")?;
        if name == HOST || name == CONTENT_LENGTH {
            return Err(Error::new(
                ErrorCode::InvalidHeader,
                format!("header {name:?} cannot be left out"),
            ));
        }
        self.omitted.push(name);
        Ok(self)
    }

    /// Sets the body.
    pub fn body(&mut self, body: impl Into<Body>) -> &mut Request {
        self.body = body.into();
        self
    }

    /// Sets the body to a form, and `content-type` to `application/x-www-form-urlencoded` unless there is one already.
    /// See [`form`].
    ///
    /// # Errors
    /// `invalid_header` for too many headers.
    pub fn form<'a>(
        &mut self,
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<&mut Request> {
        let (kind, body) = form(pairs);
        self.content_type(kind)?;
        Ok(self.body(body))
    }

    /// Sets the body to JSON that is written already, and `content-type` to `application/json` unless there is one
    /// already.
    ///
    /// # Errors
    /// `invalid_header` for too many headers.
    pub fn json(&mut self, text: impl Into<Bytes>) -> Result<&mut Request> {
        let (kind, body) = json(text);
        self.content_type(kind)?;
        Ok(self.body(body))
    }

    /// Sets the body to a `multipart/form-data` one, and `content-type` to what it needs, whatever was there.
    ///
    /// # Errors
    /// `invalid_header` for too many headers.
    pub fn multipart(&mut self, multipart: Multipart) -> Result<&mut Request> {
        // Another type lacks the boundary: the receiver could not read the body.
        self.headers.remove(CONTENT_TYPE);
        self.content_type(&multipart.content_type())?;
        Ok(self.body(multipart))
    }

    fn content_type(&mut self, kind: &str) -> Result<()> {
        if !self.headers.contains_key(CONTENT_TYPE) {
            self.header(CONTENT_TYPE.as_str(), kind.as_bytes())?;
        }
        Ok(())
    }

    /// Streams the body: it is written with `write` and `finish` on the submitted request. `length` where it is known
    /// becomes `content-length`; else HTTP/1.1 uses chunked coding.
    pub fn streamed_body(&mut self, length: Option<u64>) -> &mut Request {
        self.body = Body::Streamed { length };
        self
    }

    /// Which HTTP versions may be used for this request; for a WebSocket as
    /// [`crate::ManagerOptions::websocket_http`] says.
    pub fn http(&mut self, versions: HttpVersions) -> &mut Request {
        self.http = Some(versions);
        self
    }

    /// The proxy for this request, whatever the manager's rules and exceptions say; `None` connects directly.
    pub fn proxy(&mut self, proxy: Option<Proxy>) -> &mut Request {
        self.proxy = proxy.map_or(ProxyChoice::Direct, ProxyChoice::This);
        self
    }

    /// The deadlines that differ from the manager's.
    pub fn timeouts(&mut self) -> &mut TimeoutOverrides {
        &mut self.timeouts
    }

    /// What is done with the answer otherwise than the manager does.
    pub fn policy(&mut self) -> &mut PolicyOverrides {
        self.policy.get_or_insert_default()
    }

    /// Bytes that may be delivered and not released.
    pub fn credit(&mut self, bytes: usize) -> &mut Request {
        self.credit = Some(bytes.max(1));
        self
    }

    /// Whether the request may be sent again when that is known to be safe. Default yes.
    pub fn replay(&mut self, allowed: bool) -> &mut Request {
        self.replay = allowed;
        self
    }

    /// Whether the caller releases delivered bytes with `release`. Default no: a `recv` or `poll` releases what the
    /// former one delivered, a callback releases by returning.
    pub fn manual_release(&mut self, manual: bool) -> &mut Request {
        self.manual_release = manual;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_do_not_repeat_user_and_password() {
        let built = |url, base| {
            let template = UrlTemplate {
                base,
                url,
                ..UrlTemplate::default()
            };
            template.build().unwrap_err()
        };
        for error in [
            Request::get("http://me:secret@host:port/").unwrap_err(),
            Request::get("ftp://me:secret@host/").unwrap_err(),
            Request::get("http://me:secret@host/\n").unwrap_err(),
            Request::get("http://me:secret@/").unwrap_err(),
            built("//me:secret@host/", None),
            built("http://me:secret@ho st/", None),
            built("/path", Some("me:secret@host")),
        ] {
            assert_eq!(error.code(), ErrorCode::InvalidUrl);
            let text = error.to_string();
            assert!(!text.contains("secret") && text.contains("***@"), "{text}");
        }
    }

    #[test]
    fn bad_input_is_named() {
        let code = |result: Result<Request>| result.unwrap_err().code();
        assert_eq!(code(Request::get("nonsense")), ErrorCode::InvalidUrl);
        assert_eq!(code(Request::get("ftp://host/")), ErrorCode::InvalidUrl);
        assert_eq!(
            code(Request::new("G T", "http://host/")),
            ErrorCode::InvalidArgument
        );
        assert_eq!(
            code(Request::new("CONNECT", "http://host/")),
            ErrorCode::InvalidArgument
        );
        let error = Request::get("http://host/a\r\nx-b: two").unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidUrl);
        assert!(error.message().contains("offset 13"), "{error}");
        let mut request = Request::get("http://host/").unwrap();
        let error = request.header("x-a", b"one\r\nx-b: two").unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidHeader);
        assert!(error.message().contains("offset 3"), "{error}");
        assert_eq!(
            request.header("x a", b"").unwrap_err().code(),
            ErrorCode::InvalidHeader
        );
        assert_eq!(
            request.header("Connection", b"close").unwrap_err().code(),
            ErrorCode::InvalidHeader
        );
        for name in ["a b", "Host", "content-length"] {
            let error = request.omit_header(name).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidHeader, "{name}");
        }
    }
}
