//! Where a request goes, taken out of its URL once.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use http::{HeaderValue, Uri};
use url::{Position, Url};

use crate::error::{Error, ErrorCode, Result, shown, shown_text};
use crate::options::{HttpVersions, Proxy, ProxyKind};

/// Where a connection leads, and what is spoken there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) tls: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) versions: HttpVersions,
    pub(crate) route: Route,
}

impl Target {
    /// The same, where only these versions may be spoken.
    pub(crate) fn with(&self, versions: HttpVersions) -> Arc<Target> {
        Arc::new(Target {
            versions,
            ..self.clone()
        })
    }

    /// The address, where the host is one.
    pub(crate) fn literal(&self) -> Option<SocketAddr> {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let address = bare.parse::<IpAddr>().ok()?;
        Some(SocketAddr::new(address, self.port))
    }
}

/// The way to a target.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Route {
    Direct,
    /// The target is an HTTP proxy that forwards requests in absolute form (RFC 9112, 3.2.2), whatever their hosts.
    Forward(Proxy),
    /// A tunnel through a proxy, by CONNECT or SOCKS5.
    Tunnel(Proxy),
}

/// What a request itself says of proxies.
#[derive(Debug, Clone, Default)]
pub(crate) enum ProxyChoice {
    /// Nothing: the manager's rules apply.
    #[default]
    Rules,
    Direct,
    This(Proxy),
}

/// A URL in the forms that the protocols need.
#[derive(Debug)]
pub(crate) struct Address {
    pub(crate) tls: bool,
    pub(crate) websocket: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The origin form: path and query.
    pub(crate) origin_form: Uri,
    /// Scheme, authority, path and query, with an http scheme.
    pub(crate) absolute_form: Uri,
    /// The value of `host`: no port where it is the scheme's own.
    pub(crate) authority: HeaderValue,
    /// From the URL's user and password.
    pub(crate) authorization: Option<HeaderValue>,
    /// As it was given, normalised.
    pub(crate) url: Url,
    /// By version; made when first asked for.
    targets: [OnceLock<Arc<Target>>; 4],
}

impl Address {
    pub(crate) fn parse(text: &str) -> Result<Address> {
        let url = Url::parse(text).map_err(|cause| {
            let text = shown_text(text);
            Error::new(ErrorCode::InvalidUrl, format!("url {text:?}: {cause}"))
        })?;
        Address::from_url(url)
    }

    pub(crate) fn from_url(url: Url) -> Result<Address> {
        let bad = |why: &str| {
            Error::new(
                ErrorCode::InvalidUrl,
                format!("url {:?}: {why}", shown(&url)),
            )
        };
        let (tls, websocket) = match url.scheme() {
            "http" => (false, false),
            "https" => (true, false),
            "ws" => (false, true),
            "wss" => (true, true),
            other => {
                return Err(bad(&format!(
                    "scheme {other:?} is not one of http, https, ws, wss"
                )));
            }
        };
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or_else(|| bad("no host"))?
            .to_owned();
        let path = &url[Position::BeforePath..Position::AfterQuery];
        let authority = &url[Position::BeforeHost..Position::AfterPort];
        let scheme = if tls { "https" } else { "http" };
        let uri = |text: &str| Uri::try_from(text).map_err(|cause| bad(&cause.to_string()));
        Ok(Address {
            tls,
            websocket,
            port: url
                .port_or_known_default()
                .unwrap_or(if tls { 443 } else { 80 }),
            origin_form: uri(path)?,
            absolute_form: uri(&format!("{scheme}://{authority}{path}"))?,
            authority: HeaderValue::from_str(authority).map_err(|cause| bad(&cause.to_string()))?,
            authorization: basic(&url).map_err(|()| bad("user or password cannot be sent"))?,
            host,
            targets: Default::default(),
            url,
        })
    }

    /// Scheme, host and port (RFC 6454).
    pub(crate) fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// The versions that may be spoken of those that were asked for.
    fn versions(&self, asked: HttpVersions) -> HttpVersions {
        match asked {
            // Without TLS nothing negotiates HTTP/2.
            HttpVersions::Auto if !self.tls => HttpVersions::Http1,
            // TLS negotiates it, and a WebSocket is an upgrade itself.
            HttpVersions::Upgrade if self.tls => HttpVersions::Auto,
            HttpVersions::Upgrade if self.websocket => HttpVersions::Http1,
            other => other,
        }
    }

    /// Where the direct connection for this URL leads, if `asked` versions may be spoken. Which way is taken is for
    /// `connect::Routes` to say.
    pub(crate) fn target_direct(&self, asked: HttpVersions) -> &Arc<Target> {
        let versions = self.versions(asked);
        self.targets[versions as usize].get_or_init(|| {
            Arc::new(Target {
                tls: self.tls,
                host: self.host.clone(),
                port: self.port,
                versions,
                route: Route::Direct,
            })
        })
    }

    /// The same through a proxy.
    pub(crate) fn target_through(&self, asked: HttpVersions, proxy: &Proxy) -> Target {
        let versions = self.versions(asked);
        let forwards = matches!(proxy.kind(), ProxyKind::Http { .. })
            && !self.tls
            && !self.websocket
            // What asks for an upgrade goes no further than to the proxy (RFC 9110, 7.8).
            && matches!(versions, HttpVersions::Http1 | HttpVersions::Upgrade);
        if forwards {
            return Target {
                tls: false,
                host: proxy.host().to_owned(),
                port: proxy.port(),
                versions: HttpVersions::Http1,
                route: Route::Forward(proxy.clone()),
            };
        }
        Target {
            tls: self.tls,
            host: self.host.clone(),
            port: self.port,
            versions,
            route: Route::Tunnel(proxy.clone()),
        }
    }
}

/// RFC 7617: the URL's user and password as a Basic credential.
fn basic(url: &Url) -> std::result::Result<Option<HeaderValue>, ()> {
    use base64::Engine;
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let mut plain = decode(url.username());
    plain.push(b':');
    plain.extend(decode(url.password().unwrap_or("")));
    let encoded = base64::engine::general_purpose::STANDARD.encode(plain);
    let mut value = HeaderValue::try_from(format!("Basic {encoded}")).map_err(|_| ())?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// Percent-decoding of the user part, where `url` has percent-encoded it.
fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let escaped = bytes
            .get(index + 1..index + 3)
            .filter(|_| bytes[index] == b'%');
        let value =
            escaped.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        out.push(value.unwrap_or(bytes[index]));
        index += if value.is_some() { 3 } else { 1 };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_comes_from_the_url() {
        let address = Address::parse("wss://us%65r:p%40ss@Example.com:8443/a b?c=d#e").unwrap();
        assert!(address.tls && address.websocket);
        assert_eq!((address.host.as_str(), address.port), ("example.com", 8443));
        assert_eq!(address.origin_form, "/a%20b?c=d");
        assert_eq!(address.absolute_form, "https://example.com:8443/a%20b?c=d");
        assert_eq!(address.authority, "example.com:8443");
        assert_eq!(
            address.authorization.as_ref().unwrap(),
            "Basic dXNlcjpwQHNz"
        );
        let plain = Address::parse("http://[::1]:80").unwrap();
        assert_eq!(address.versions(HttpVersions::Upgrade), HttpVersions::Auto);
        assert_eq!(plain.versions(HttpVersions::Upgrade), HttpVersions::Upgrade);
        let socket = Address::parse("ws://[::1]:80").unwrap();
        assert_eq!(socket.versions(HttpVersions::Upgrade), HttpVersions::Http1);
        assert_eq!(
            (plain.host.as_str(), plain.port, plain.origin_form.path()),
            ("[::1]", 80, "/")
        );
        assert_eq!(plain.authority, "[::1]");
    }
}
