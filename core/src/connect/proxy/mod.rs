//! Through proxies: which one a request takes, and the tunnel to its target.

mod http_connect;
mod routes;
mod socks;

use std::net::SocketAddr;

use http::header::{HeaderMap, HeaderValue, PROXY_AUTHORIZATION};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::error::{Error, ErrorCode, Result};
use crate::options::{Proxy, ProxyKind};

pub(crate) use routes::Routes;

/// What a tunnel is asked for with.
pub(super) struct Tunnel<'a> {
    pub(super) proxy: &'a Proxy,
    /// The target; an IPv6 address has its brackets.
    pub(super) host: &'a str,
    pub(super) port: u16,
    /// Where the name was resolved here.
    pub(super) address: Option<SocketAddr>,
    pub(super) user_agent: Option<&'a HeaderValue>,
    /// Further fields for an HTTP proxy.
    pub(super) headers: &'a HeaderMap,
}

impl Tunnel<'_> {
    /// Makes the stream to the proxy one to the target.
    pub(super) async fn open<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
    ) -> Result<()> {
        match self.proxy.kind() {
            ProxyKind::Http { .. } => {
                let authority = format!("{}:{}", self.host, self.port);
                let authorization = self.proxy.authorization();
                let fields = http_connect::fields(self.user_agent, authorization, self.headers);
                http_connect::connect(stream, &authority, &fields).await
            }
            ProxyKind::Socks { .. } => {
                let to = match self.address {
                    Some(address) => socks::To::Address(address),
                    None => socks::To::Name(self.host, self.port),
                };
                socks::connect(stream, to, self.proxy.login()).await
            }
        }
        .map_err(|error| error.about(&format!("through {}", self.proxy)))
    }
}

/// Adds what the proxy is to see of a request that it forwards (RFC 9110, 11.7.1).
pub(crate) fn add_forwarding(headers: &mut HeaderMap, proxy: &Proxy, others: &HeaderMap) {
    for name in others.keys().filter(|name| *name != PROXY_AUTHORIZATION) {
        if !headers.contains_key(name) {
            for value in others.get_all(name) {
                headers.append(name, value.clone());
            }
        }
    }
    let authorization = others.get(PROXY_AUTHORIZATION).or(proxy.authorization());
    if let Some(authorization) = authorization
        && !headers.contains_key(PROXY_AUTHORIZATION)
    {
        headers.insert(PROXY_AUTHORIZATION, authorization.clone());
    }
}

fn failed(text: String) -> Error {
    Error::new(ErrorCode::ProxyFailed, text)
}

/// The connection to the proxy ended before there was a tunnel.
fn lost(cause: std::io::Error) -> Error {
    let text = if cause.kind() == std::io::ErrorKind::UnexpectedEof {
        "the proxy closed the connection before its answer was complete".to_owned()
    } else {
        format!("the connection to the proxy was lost: {cause}")
    };
    failed(text).with_source(cause)
}
