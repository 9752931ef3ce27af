//! Which way a request takes to its target.

use std::sync::Arc;

use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};

use crate::error::{Error, ErrorCode, Result};
use crate::options::{HttpVersions, ManagerOptions, ProxyOption, ProxyRules};
use crate::request::{ProxyChoice, Request, Target};

/// The ways that a manager knows.
pub(crate) struct Routes {
    versions: HttpVersions,
    /// Those of a WebSocket.
    websocket: HttpVersions,
    rules: Option<ProxyRules>,
    /// Every connection goes to one unix socket.
    unix: bool,
}

impl Routes {
    /// # Errors
    /// `invalid_argument` for a proxy in the environment that cannot be read, `invalid_header` for a field for proxies
    /// that the library itself must write.
    pub(crate) fn new(options: &ManagerOptions) -> Result<Routes> {
        for name in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE] {
            if options.proxy_headers.contains_key(&name) {
                return Err(Error::new(
                    ErrorCode::InvalidHeader,
                    format!("header {name:?} for proxies is written by the library"),
                ));
            }
        }
        Ok(Routes {
            versions: options.http,
            websocket: options.websocket_http,
            rules: match &options.proxy {
                ProxyOption::None => None,
                ProxyOption::Environment => Some(ProxyRules::from_environment()?),
                ProxyOption::Rules(rules) => Some(rules.clone()),
            },
            unix: options.unix_socket.is_some(),
        })
    }

    /// Where the connection for a request leads, and how.
    pub(crate) fn target(&self, request: &Request) -> Arc<Target> {
        let address = &request.address;
        let versions = request.http.unwrap_or(if address.websocket {
            self.websocket
        } else {
            self.versions
        });
        let proxy = match &request.proxy {
            _ if self.unix => None,
            ProxyChoice::Direct => None,
            ProxyChoice::This(proxy) => Some(proxy),
            ProxyChoice::Rules => self
                .rules
                .as_ref()
                .and_then(|rules| rules.find(address.tls, &address.host, address.port)),
        };
        match proxy {
            None => Arc::clone(address.target_direct(versions)),
            Some(proxy) => Arc::new(address.target_through(versions, proxy)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{NoProxy, Proxy};
    use crate::request::Route;

    fn proxy(url: &str) -> Proxy {
        Proxy::parse(url).unwrap()
    }

    fn shown(routes: &Routes, request: &Request) -> String {
        let target = routes.target(request);
        let way = match &target.route {
            Route::Direct => "direct".to_owned(),
            Route::Forward(proxy) => format!("forward {proxy}"),
            Route::Tunnel(proxy) => format!("tunnel {proxy}"),
        };
        format!("{}:{} {way}", target.host, target.port)
    }

    #[test]
    fn each_request_finds_its_way() {
        let mut options = ManagerOptions {
            proxy: ProxyOption::Rules(ProxyRules {
                http: Some(proxy("http://p:1")),
                https: Some(proxy("socks5://s:2")),
                no_proxy: NoProxy::parse("direct.test"),
            }),
            ..Default::default()
        };
        let routes = Routes::new(&options).unwrap();
        let of = |url: &str| shown(&routes, &Request::get(url).unwrap());
        // Requests that one proxy forwards share connections, whatever their hosts.
        assert_eq!(of("http://a.test/"), "p:1 forward http://p:1");
        assert_eq!(of("ws://a.test/"), "a.test:80 tunnel http://p:1");
        assert_eq!(of("https://a.test/"), "a.test:443 tunnel socks5://s:2");
        assert_eq!(of("wss://[::1]:7/"), "[::1]:7 tunnel socks5://s:2");
        assert_eq!(of("http://direct.test/"), "direct.test:80 direct");
        let mut request = Request::get("http://a.test/").unwrap();
        request.http(HttpVersions::Http2);
        assert_eq!(shown(&routes, &request), "a.test:80 tunnel http://p:1");
        request.proxy(Some(proxy("socks5h://own:3")));
        assert_eq!(shown(&routes, &request), "a.test:80 tunnel socks5h://own:3");
        request.proxy(None);
        assert_eq!(shown(&routes, &request), "a.test:80 direct");
        let mut request = Request::get("http://direct.test/").unwrap();
        request.proxy(Some(proxy("own:3")));
        assert_eq!(shown(&routes, &request), "own:3 forward http://own:3");
        // An upgrade is asked of whom the connection leads to.
        request.http(HttpVersions::Upgrade);
        assert_eq!(shown(&routes, &request), "own:3 forward http://own:3");
        assert_eq!(routes.target(&request).versions, HttpVersions::Http1);
        request.proxy(Some(proxy("socks5://own:3")));
        assert_eq!(
            shown(&routes, &request),
            "direct.test:80 tunnel socks5://own:3"
        );
        assert_eq!(routes.target(&request).versions, HttpVersions::Upgrade);
        request.proxy(Some(proxy("own:3")));
        options.unix_socket = Some("/socket".into());
        let routes = Routes::new(&options).unwrap();
        assert_eq!(shown(&routes, &request), "direct.test:80 direct");
    }

    #[test]
    fn other_proxies_and_credentials_are_other_targets() {
        let request = |url: &str| {
            let mut request = Request::get("https://a.test/").unwrap();
            request.proxy(Some(proxy(url)));
            Routes::new(&ManagerOptions::default())
                .unwrap()
                .target(&request)
        };
        assert_eq!(request("http://p"), request("http://p:80/"));
        for other in ["https://p:80", "http://q", "http://p:81", "http://u:p@p"] {
            assert_ne!(request("http://p"), request(other), "{other}");
        }
        assert_ne!(request("http://u:p@p"), request("http://u:q@p"));
    }

    #[test]
    fn framing_is_not_for_callers() {
        let mut options = ManagerOptions::default();
        let length = http::HeaderValue::from_static("5");
        options.proxy_headers.insert(CONTENT_LENGTH, length);
        let error = Routes::new(&options).err().unwrap();
        assert_eq!(error.code(), ErrorCode::InvalidHeader);
    }
}
