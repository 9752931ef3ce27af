//! Proxies: where they are, which URLs they serve, what the environment says of them.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use http::HeaderValue;
use percent_encoding::percent_decode_str;
use url::Url;

use super::NoProxy;
use crate::error::{Error, ErrorCode, Result};

/// Which proxies a manager uses. Requests may say otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ProxyOption {
    /// None: every connection is direct.
    #[default]
    None,
    /// As the environment says when the manager is made, see [`ProxyRules::from_environment`].
    Environment,
    /// These.
    Rules(ProxyRules),
}

/// How user and password of a proxy's URL are shown to an HTTP proxy. SOCKS5 has a way of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProxyAuth {
    /// At once and in the clear (RFC 7617).
    #[default]
    Basic,
    /// By a proof that does not show the password (RFC 7616), once the proxy has asked for it. User and password are
    /// UTF-8.
    Digest,
}

/// Proxies by the scheme of the URL, and who is connected to without one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProxyRules {
    /// For `http` and `ws`.
    pub http: Option<Proxy>,
    /// For `https` and `wss`.
    pub https: Option<Proxy>,
    /// Hosts that are connected to directly.
    pub no_proxy: NoProxy,
}

impl ProxyRules {
    /// This proxy for every URL.
    pub fn all(proxy: Proxy) -> ProxyRules {
        ProxyRules {
            http: Some(proxy.clone()),
            https: Some(proxy),
            no_proxy: NoProxy::default(),
        }
    }

    /// As curl: `http_proxy` (in lower case only: a web server may let its clients set `HTTP_PROXY`), `https_proxy` or
    /// `HTTPS_PROXY`, for either `all_proxy` or `ALL_PROXY`, and `no_proxy` or `NO_PROXY`. Empty ones count as not set.
    ///
    /// # Errors
    /// `invalid_argument` with the variable's name, as [`Proxy::parse`].
    pub fn from_environment() -> Result<ProxyRules> {
        ProxyRules::from_variables(|name| {
            std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
        })
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<ProxyRules> {
        let first = |names: &[&'static str]| {
            names.iter().find_map(|name| {
                let value = variable(name).filter(|value| !value.trim().is_empty())?;
                Some((*name, value))
            })
        };
        let proxy = |names: &[&'static str]| {
            let Some((name, value)) = first(names) else {
                return Ok(None);
            };
            Proxy::parse(value.trim())
                .map(Some)
                .map_err(|error| Error::new(error.code(), format!("{name}: {}", error.message())))
        };
        Ok(ProxyRules {
            http: proxy(&["http_proxy", "all_proxy", "ALL_PROXY"])?,
            https: proxy(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])?,
            no_proxy: first(&["no_proxy", "NO_PROXY"])
                .map(|(_, list)| NoProxy::parse(&list))
                .unwrap_or_default(),
        })
    }

    /// The proxy for a URL with or without TLS, to this host.
    pub(crate) fn find(&self, tls: bool, host: &str, port: u16) -> Option<&Proxy> {
        let proxy = if tls { &self.https } else { &self.http };
        proxy
            .as_ref()
            .filter(|_| !self.no_proxy.matches(host, port))
    }
}

/// What is spoken with a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ProxyKind {
    /// HTTP/1.1, with TLS or without: absolute form (RFC 9112, 3.2.2) or CONNECT (RFC 9110, 9.3.6).
    Http { tls: bool },
    /// SOCKS5 (RFC 1928); names are resolved here or by the proxy.
    Socks { remote_names: bool },
}

/// Where a proxy is, and how it is spoken to. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Proxy(Arc<Inner>);

#[derive(PartialEq, Eq, Hash)]
struct Inner {
    kind: ProxyKind,
    host: String,
    port: u16,
    /// User and password, for SOCKS5 (RFC 1929).
    login: Option<(Vec<u8>, Vec<u8>)>,
    /// The same for HTTP (RFC 7617).
    authorization: Option<HeaderValue>,
}

impl Proxy {
    /// A proxy by its URL, `scheme://user:password@host:port`. User and password are percent-decoded.
    ///
    /// | scheme | what it is | default port |
    /// | --- | --- | --- |
    /// | `http`, or none | an HTTP proxy | 80 |
    /// | `https` | an HTTP proxy that is spoken to over TLS | 443 |
    /// | `socks5` | SOCKS5; names are resolved here | 1080 |
    /// | `socks5h` | SOCKS5; the proxy resolves names | 1080 |
    ///
    /// # Errors
    /// `invalid_argument` for what is no such URL, and for a user or password that the protocol cannot carry. The
    /// message does not repeat them.
    pub fn parse(text: &str) -> Result<Proxy> {
        let bad = |why: &str| Error::new(ErrorCode::InvalidArgument, format!("proxy: {why}"));
        let url = if text.contains("://") {
            Url::parse(text)
        } else {
            Url::parse(&format!("http://{text}"))
        };
        let url = url.map_err(|cause| bad(&cause.to_string()))?;
        let (kind, port) = match url.scheme() {
            "http" => (ProxyKind::Http { tls: false }, 80),
            "https" => (ProxyKind::Http { tls: true }, 443),
            "socks5" | "socks5h" => {
                let remote_names = url.scheme() == "socks5h";
                (ProxyKind::Socks { remote_names }, 1080)
            }
            other => {
                return Err(bad(&format!(
                    "scheme {other:?} is not one of http, https, socks5, socks5h"
                )));
            }
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(bad("nothing may follow the port"));
        }
        // `url` leaves the hosts of schemes that it does not know as they are.
        let host = url
            .host_str()
            .and_then(|host| url::Host::parse(host).ok())
            .map(|host| host.to_string())
            .filter(|host| !host.is_empty())
            .ok_or_else(|| bad("no valid host"))?;
        let login = (!url.username().is_empty() || url.password().is_some()).then(|| {
            let decode = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
            (
                decode(url.username()),
                decode(url.password().unwrap_or_default()),
            )
        });
        let authorization = match (&login, kind) {
            (Some((user, password)), ProxyKind::Http { .. }) => {
                if user.contains(&b':') {
                    return Err(bad("the user has a colon, which Basic cannot carry"));
                }
                Some(basic(user, password).ok_or_else(|| bad("user or password cannot be sent"))?)
            }
            (Some((user, password)), ProxyKind::Socks { .. }) => {
                if user.is_empty() || user.len() > 255 || password.len() > 255 {
                    return Err(bad(
                        "SOCKS5 carries 1 to 255 bytes of user, 255 of password",
                    ));
                }
                None
            }
            (None, _) => None,
        };
        Ok(Proxy(Arc::new(Inner {
            kind,
            host,
            port: url.port().unwrap_or(port),
            login,
            authorization,
        })))
    }

    pub(crate) fn kind(&self) -> ProxyKind {
        self.0.kind
    }

    /// The host; an IPv6 address has its brackets.
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.0.port
    }

    pub(crate) fn login(&self) -> Option<(&[u8], &[u8])> {
        let (user, password) = self.0.login.as_ref()?;
        Some((user, password))
    }

    /// The value of `proxy-authorization`.
    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        self.0.authorization.as_ref()
    }
}

/// RFC 7617.
fn basic(user: &[u8], password: &[u8]) -> Option<HeaderValue> {
    let plain = [user, b":", password].concat();
    let encoded = base64::engine::general_purpose::STANDARD.encode(plain);
    let mut value = HeaderValue::try_from(format!("Basic {encoded}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The URL without user and password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.0.kind {
            ProxyKind::Http { tls: false } => "http",
            ProxyKind::Http { tls: true } => "https",
            ProxyKind::Socks {
                remote_names: false,
            } => "socks5",
            ProxyKind::Socks { remote_names: true } => "socks5h",
        };
        write!(f, "{scheme}://{}:{}", self.0.host, self.0.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        for (text, expected) in [
            ("http://proxy.test:3128", "http://proxy.test:3128"),
            ("Proxy.test:3128", "http://proxy.test:3128"),
            ("proxy.test", "http://proxy.test:80"),
            ("http://proxy.test:80/", "http://proxy.test:80"),
            ("https://proxy.test", "https://proxy.test:443"),
            ("socks5://10.0.0.1", "socks5://10.0.0.1:1080"),
            ("socks5h://PROXY.test:80", "socks5h://proxy.test:80"),
            ("socks5h://[::1]:9", "socks5h://[::1]:9"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            (
                "socks5://b\u{fc}cher.test",
                "socks5://xn--bcher-kva.test:1080",
            ),
        ] {
            assert_eq!(Proxy::parse(text).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn credentials_are_decoded_and_never_shown() {
        let proxy = Proxy::parse("http://us%40er:p%3Ass%20@h:1").unwrap();
        // "us@er:p:ss "
        assert_eq!(proxy.authorization().unwrap(), "Basic dXNAZXI6cDpzcyA=");
        assert_eq!(format!("{proxy} {proxy:?}"), "http://h:1 Proxy(http://h:1)");
        let socks = Proxy::parse("socks5://%ff:b%00c@h").unwrap();
        assert_eq!(socks.login(), Some((&b"\xff"[..], &b"b\0c"[..])));
        assert_eq!(socks.authorization(), None);
        let other = Proxy::parse("http://us%40er:other@h:1").unwrap();
        assert_ne!(proxy, other, "the pool must keep them apart");
        let long = format!("socks5://{}:secret@h", "u".repeat(256));
        for bad in [
            long.as_str(),
            "socks5://:secret@h",
            "http://a%3Ab:secret@h",
            "http://user:secret@",
            "http://user:secret@h:99999",
        ] {
            let error = Proxy::parse(bad).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused() {
        for text in [
            "",
            "ftp://h",
            "socks4://h",
            "http://",
            "socks5://",
            "http://h/path",
            "http://h?q",
            "http://h#f",
            "http://h:port",
            "http://a b",
        ] {
            let error = Proxy::parse(text).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument, "{text}");
        }
    }

    #[test]
    fn the_environment_is_read_as_curl_reads_it() {
        let rules = |set: &[(&str, &str)]| {
            ProxyRules::from_variables(|name| {
                let found = set.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let shown = |rules: &ProxyRules, tls| {
            let found = rules.find(tls, "host.test", 1);
            found.map(|proxy| proxy.host().to_owned())
        };
        let none = rules(&[("HTTP_PROXY", "evil"), ("https_proxy", " ")]).unwrap();
        assert_eq!((shown(&none, false), shown(&none, true)), (None, None));
        let both = rules(&[
            ("http_proxy", "one"),
            ("HTTPS_PROXY", "socks5://two"),
            ("ALL_PROXY", "three"),
        ])
        .unwrap();
        assert_eq!(shown(&both, false).as_deref(), Some("one"));
        assert_eq!(shown(&both, true).as_deref(), Some("two"));
        let all = rules(&[("ALL_PROXY", "upper"), ("all_proxy", "lower")]).unwrap();
        assert_eq!(shown(&all, false).as_deref(), Some("lower"));
        assert_eq!(shown(&all, true).as_deref(), Some("lower"));
        let but = rules(&[("all_proxy", "p"), ("NO_PROXY", ".test")]).unwrap();
        assert_eq!(shown(&but, true), None);
        let error = rules(&[("https_proxy", "gopher://x")]).unwrap_err();
        assert!(error.message().starts_with("https_proxy: "), "{error}");
    }
}
