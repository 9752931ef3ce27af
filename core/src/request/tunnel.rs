//! Requests after whose answer the connection is the caller's: upgrades (RFC 9110, 7.8) and CONNECT (RFC 9110, 9.3.6).

use http::header::{CONNECTION, HOST, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

use super::{Body, Request};
use crate::error::{Error, ErrorCode, Result};
use crate::options::HttpVersions;

/// What makes a connection the caller's.
#[derive(Debug, Clone)]
pub(crate) enum Tunnel {
    /// The peer answers 101 and speaks this protocol from then on.
    Upgrade(HeaderValue),
    /// The peer answers 2xx and passes all on to this host and port.
    Connect(Uri, HeaderValue),
}

impl Tunnel {
    /// Whether this status opens it.
    pub(crate) fn opens(&self, status: StatusCode) -> bool {
        match self {
            Tunnel::Upgrade(_) => status == StatusCode::SWITCHING_PROTOCOLS,
            Tunnel::Connect(..) => status.is_success(),
        }
    }

    /// Adds the fields that ask for it.
    pub(crate) fn ask(&self, headers: &mut HeaderMap) {
        match self {
            Tunnel::Upgrade(protocol) => {
                headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
                headers.insert(UPGRADE, protocol.clone());
            }
            Tunnel::Connect(_, authority) => {
                headers.insert(HOST, authority.clone());
            }
        }
    }
}

impl Request {
    /// Asks to speak another protocol on the connection (HTTP/1.1 only). After the head with status 101 its bytes come
    /// as data, and what is written with `write` goes to the peer; `finish` ends that direction. With another status the
    /// answer is an ordinary one.
    ///
    /// # Errors
    /// `invalid_argument` for a request with a body, a WebSocket or an empty protocol, `invalid_header` for a protocol that
    /// is no field value. A body that is given afterwards is refused by [`crate::Manager::submit`].
    pub fn upgrade(&mut self, protocol: &str) -> Result<&mut Request> {
        if !matches!(self.body, Body::Empty) || self.address.websocket {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                "an upgrade has no body, and a WebSocket has one of its own",
            ));
        }
        let (_, value) = super::header_field("upgrade", protocol.as_bytes())?;
        if protocol.trim().is_empty() {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                "an upgrade needs the name of a protocol",
            ));
        }
        self.open_tunnel(Tunnel::Upgrade(value));
        Ok(self)
    }

    /// Asks the proxy at `proxy` for a connection to `authority`, a `host:port`. After the head with a status of 200 to
    /// 299 the target's bytes come as data, as with [`Request::upgrade`]. It has a connection of its own (HTTP/1.1),
    /// unless [`Request::http`] says otherwise afterwards: then it is a stream of an HTTP/2 connection (RFC 9113, 8.5),
    /// which ends as a stream does, with `http2_stream_reset` where the peer resets it.
    ///
    /// # Errors
    /// `invalid_url` for a URL as in [`Request::new`], or an authority that is not a host and a port.
    pub fn connect(proxy: &str, authority: &str) -> Result<Request> {
        let bad = || {
            Error::new(
                ErrorCode::InvalidUrl,
                format!("authority {authority:?} is not a host and a port"),
            )
        };
        let target: Uri = authority.parse().map_err(|_| bad())?;
        let named = target.authority().is_some_and(|it| it.port_u16().is_some());
        if !named || target.scheme().is_some() || target.path_and_query().is_some() {
            return Err(bad());
        }
        let host = HeaderValue::from_str(authority).map_err(|_| bad())?;
        let mut request = Request::get(proxy)?;
        request.method = Method::CONNECT;
        request.proxy(None);
        request.open_tunnel(Tunnel::Connect(target, host));
        Ok(request)
    }

    /// Whether it has a body although what it asks for has none.
    ///
    /// # Errors
    /// `invalid_argument`.
    pub(crate) fn check_tunnel(&self) -> Result<()> {
        if self.tunnel.is_some() && !matches!(self.body, Body::Empty) {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                "an upgrade or a CONNECT has no body",
            ));
        }
        Ok(())
    }

    fn open_tunnel(&mut self, tunnel: Tunnel) {
        self.http = Some(HttpVersions::Http1);
        self.tunnel = Some(Box::new(tunnel));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_are_checked() {
        for good in ["host:1", "[::1]:443", "example.com:65535"] {
            Request::connect("http://proxy:3128/", good).unwrap();
        }
        for bad in [
            "host",
            "http://host:1",
            "host:1/x",
            "",
            "host:99999",
            "a b:1",
            "host:1\r\n",
        ] {
            let error = Request::connect("http://proxy:3128/", bad).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidUrl, "{bad:?}");
        }
    }

    #[test]
    fn an_upgrade_is_refused_where_it_makes_no_sense() {
        let code = |result: Result<&mut Request>| result.unwrap_err().code();
        let mut request = Request::new("POST", "http://host/").unwrap();
        request.body("x");
        assert_eq!(code(request.upgrade("echo")), ErrorCode::InvalidArgument);
        let mut socket = Request::get("ws://host/").unwrap();
        assert_eq!(code(socket.upgrade("echo")), ErrorCode::InvalidArgument);
        let mut request = Request::get("http://host/").unwrap();
        assert_eq!(code(request.upgrade("a\r\nb")), ErrorCode::InvalidHeader);
        assert_eq!(code(request.upgrade("")), ErrorCode::InvalidArgument);
        assert_eq!(code(request.upgrade(" ")), ErrorCode::InvalidArgument);
        request.upgrade("echo/1").unwrap();
        request.check_tunnel().unwrap();
        request.body("after it");
        let refused = request.check_tunnel().unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    }
}
