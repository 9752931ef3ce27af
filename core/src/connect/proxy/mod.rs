//! Through proxies: which one a request takes, and the tunnel to its target.

mod http_connect;
mod login;
mod routes;
mod socks;

use std::net::SocketAddr;

use http::Method;
use http::header::{HeaderMap, HeaderValue, PROXY_AUTHORIZATION};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::auth::AuthRequest;
use crate::error::{Error, ErrorCode, Result};
use crate::options::{Proxy, ProxyKind};

use http_connect::Answer;
pub(crate) use login::Login;
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
    /// Where an HTTP proxy is told by digest who asks.
    pub(super) login: Option<Login<'a>>,
}

impl Tunnel<'_> {
    /// Makes the stream to the proxy one to the target, with this answer to its challenge. If there is another one to
    /// give, to be tried on a new stream: that.
    pub(super) async fn open<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        answer: Option<HeaderValue>,
    ) -> Result<Option<HeaderValue>> {
        match self.proxy.kind() {
            ProxyKind::Http { .. } => self.open_http(stream, answer).await,
            ProxyKind::Socks { .. } => {
                let to = match self.address {
                    Some(address) => socks::To::Address(address),
                    None => socks::To::Name(self.host, self.port),
                };
                let connecting = socks::connect(stream, to, self.proxy.login());
                connecting.await.map(|()| None)
            }
        }
        .map_err(|error| error.about(&format!("through {}", self.proxy)))
    }

    async fn open_http<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        answer: Option<HeaderValue>,
    ) -> Result<Option<HeaderValue>> {
        let authority = format!("{}:{}", self.host, self.port);
        let asked = |headers| AuthRequest {
            method: &Method::CONNECT,
            url: &authority,
            host: self.host,
            headers,
            body: Some(&[]),
            source: None,
        };
        let tried = answer.is_some();
        let authorization = match (&self.login, answer) {
            (_, Some(answer)) => Some(answer),
            (Some(login), None) => login.authorize(&asked(self.headers))?,
            (None, None) => self.proxy.authorization().cloned(),
        };
        let fields = http_connect::fields(self.user_agent, authorization.as_ref(), self.headers);
        match http_connect::connect(stream, &authority, &fields).await? {
            Answer::Opened(told) => {
                if let Some(login) = &self.login {
                    login.informed(&told);
                }
                Ok(None)
            }
            Answer::Challenged(challenge, error) => {
                let better = match &self.login {
                    Some(login) => login.answer(&challenge, &asked(&fields), tried)?,
                    None => None,
                };
                better.map(Some).ok_or(error)
            }
        }
    }
}

/// Adds what the proxy is to see of a request that it forwards (RFC 9110, 11.7.1): these fields, and `authorization`, if
/// neither they nor the request have their own.
pub(crate) fn add_forwarding(
    headers: &mut HeaderMap,
    authorization: Option<&HeaderValue>,
    others: &HeaderMap,
) {
    for name in others.keys().filter(|name| *name != PROXY_AUTHORIZATION) {
        if !headers.contains_key(name) {
            for value in others.get_all(name) {
                headers.append(name, value.clone());
            }
        }
    }
    let authorization = others.get(PROXY_AUTHORIZATION).or(authorization);
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
