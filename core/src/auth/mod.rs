//! Authentication (RFC 9110, 11): the fields that a request proves itself with. Nothing here opens a socket.

mod challenge;
mod credential;
mod digest;
mod memory;
mod netrc;
mod sigv4;

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use http::header::{
    AUTHORIZATION, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, Method};

use crate::error::{Error, ErrorCode, Result};

use digest::DigestChallenge;
pub(crate) use memory::Challenges;
pub(crate) use sigv4::ChunkSigner;
pub use sigv4::{AwsPayload, AwsSigV4};

/// Chooses how a request authenticates, when it is about to be sent and again when it was challenged.
pub type AuthCallback = dyn Fn(&AuthRequest<'_>) -> Result<Auth> + Send + Sync;

/// How a request authenticates. Its `Debug` shows no secret.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Auth {
    /// With nothing but the URL's user and password, where it has them. The default.
    #[default]
    None,
    /// User and password in the clear (RFC 7617), as UTF-8.
    Basic {
        /// The user; holds no colon.
        user: String,
        /// The password.
        password: String,
    },
    /// A token (RFC 6750).
    Bearer(String),
    /// The whole value of `authorization`, as it is.
    Literal(String),
    /// A proof of the password that does not show it (RFC 7616): MD5, SHA-256, SHA-512-256, and their sessions. The
    /// first request to an origin is challenged; the later ones bring their proof with them.
    Digest {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// Basic, with user and password from this netrc file by the host's name; no credentials where it does not name the
    /// host. `None` reads the file that the variable `NETRC` names, else `~/.netrc`, else `~/_netrc`, and takes a
    /// missing file for an empty one.
    Netrc(Option<PathBuf>),
    /// A signature of the request, as Amazon's services ask for.
    AwsSigV4(AwsSigV4),
    /// One of the others, chosen for each request. It is called on the thread that runs the reactor and must not
    /// block. To answer another callback is `invalid_argument`.
    Callback(Arc<AuthCallback>),
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Auth::None => f.write_str("None"),
            Auth::Basic { .. } => f.write_str("Basic(..)"),
            Auth::Bearer(_) => f.write_str("Bearer(..)"),
            Auth::Literal(_) => f.write_str("Literal(..)"),
            Auth::Digest { .. } => f.write_str("Digest(..)"),
            Auth::Netrc(path) => f.debug_tuple("Netrc").field(path).finish(),
            Auth::AwsSigV4(aws) => aws.fmt(f),
            Auth::Callback(_) => f.write_str("Callback(..)"),
        }
    }
}

/// What is to be authenticated: the request as it goes on the wire.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct AuthRequest<'a> {
    /// The method.
    pub method: &'a Method,
    /// The absolute URL: scheme, authority, path and query. For CONNECT it may be the authority alone.
    pub url: &'a str,
    /// The host's name, without port.
    pub host: &'a str,
    /// The header fields, with the credential that was refused, if this is after a challenge.
    pub headers: &'a HeaderMap,
    /// The body, empty ones included; `None` where it is streamed.
    pub body: Option<&'a [u8]>,
    /// The length of a body that is pulled from a source, where it is known.
    pub(crate) source: Option<u64>,
}

/// What a request is to be sent with.
#[derive(Default)]
pub(crate) struct Authorized {
    pub(crate) fields: Vec<(HeaderName, HeaderValue)>,
    /// Signs the body on its way.
    pub(crate) chunks: Option<ChunkSigner>,
}

impl Auth {
    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Auth::None)
    }

    /// Whether each host has its own, so that a redirect to another one cannot carry them off.
    pub(crate) fn is_by_host(&self) -> bool {
        matches!(self, Auth::Netrc(_))
    }
}

impl<'a> AuthRequest<'a> {
    /// Host and port as the URL names them.
    fn authority(&self) -> &'a str {
        self.split().0
    }

    /// The path, `/` where the URL has none, and the query without its question mark.
    fn path_and_query(&self) -> (&'a str, Option<&'a str>) {
        let rest = self.split().1;
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        (if path.is_empty() { "/" } else { path }, query)
    }

    /// What a digest names as `uri`: path and query, or the authority of a CONNECT; for a proxy all of the URL, as it is
    /// on the wire (RFC 9112, 3.2.2).
    fn target(&self, proxy: bool) -> Cow<'a, str> {
        if self.method == Method::CONNECT {
            return Cow::Borrowed(self.authority());
        }
        if proxy && let Some((scheme, _)) = self.url.split_once("://") {
            let (authority, path) = (self.authority(), self.target(false));
            return Cow::Owned(format!("{scheme}://{authority}{path}"));
        }
        match self.path_and_query() {
            (path, None) => Cow::Borrowed(path),
            (path, Some(query)) => Cow::Owned(format!("{path}?{query}")),
        }
    }

    fn split(&self) -> (&'a str, &'a str) {
        let rest = self
            .url
            .split_once("://")
            .map_or(self.url, |(_, rest)| rest);
        let rest = rest.split('#').next().unwrap_or(rest);
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        (
            authority.rsplit_once('@').map_or(authority, |(_, it)| it),
            path,
        )
    }
}

impl Auth {
    /// The fields to set before the request is sent. Digest brings one only where `memory` has a challenge of `origin`.
    ///
    /// # Errors
    /// `invalid_argument` for a credential with a byte that cannot be sent, `io` for a file that cannot be read, and
    /// whatever a callback answers.
    pub(crate) fn authorize(
        &self,
        request: &AuthRequest<'_>,
        origin: &str,
        memory: &Challenges,
    ) -> Result<Authorized> {
        self.fields(request, origin, false, memory)
    }

    /// As [`Auth::authorize`], for the proxy that `origin` names.
    ///
    /// # Errors
    /// As [`Auth::authorize`], and `unsupported` for `AwsSigV4`.
    pub(crate) fn authorize_proxy(
        &self,
        request: &AuthRequest<'_>,
        origin: &str,
        memory: &Challenges,
    ) -> Result<Vec<(HeaderName, HeaderValue)>> {
        let authorized = self.fields(request, origin, true, memory)?;
        Ok(authorized.fields)
    }

    /// After a 401, or with `proxy` a 407: the field to try again with, or `None` when there is nothing better to offer.
    /// `tried` tells that the refused request already carried an answer to a challenge: then only a stale nonce is
    /// answered anew. A peer may call every nonce stale, so the caller bounds the rounds.
    ///
    /// # Errors
    /// As [`Auth::authorize`].
    pub(crate) fn answer(
        &self,
        challenge: &HeaderMap,
        proxy: bool,
        request: &AuthRequest<'_>,
        origin: &str,
        memory: &Challenges,
        tried: bool,
    ) -> Result<Option<(HeaderName, HeaderValue)>> {
        if !matches!(self, Auth::Digest { .. } | Auth::Callback(_)) {
            return Ok(None);
        }
        let auth = self.resolve(request)?;
        let Auth::Digest { user, password } = auth.as_ref() else {
            return Ok(None);
        };
        let (asks, answers) = if proxy {
            (PROXY_AUTHENTICATE, PROXY_AUTHORIZATION)
        } else {
            (WWW_AUTHENTICATE, AUTHORIZATION)
        };
        let whole = request.body.is_some();
        let Some(challenge) = DigestChallenge::strongest(&challenge.get_all(asks), whole) else {
            return Ok(None);
        };
        let refused = request.headers.get(&answers).and_then(digest::nonce_of);
        // A server that calls a nonce stale and gives the same one would be asked for ever.
        let again = challenge.refuses(refused.as_deref());
        if again || (tried && !challenge.is_stale()) {
            return Ok(None);
        }
        let turn = memory.learn(origin, proxy, challenge, digest::random()?);
        let value = digest::respond(&turn, user, password, request, proxy)?;
        Ok(value.map(|value| (answers, value)))
    }

    /// After a good answer: `authentication-info: nextnonce` (RFC 7616, 3.5), or with `proxy` the proxy's, replaces the
    /// nonce.
    pub(crate) fn informed(
        &self,
        headers: &HeaderMap,
        proxy: bool,
        origin: &str,
        memory: &Challenges,
    ) {
        if !matches!(self, Auth::Digest { .. } | Auth::Callback(_)) {
            return;
        }
        let name = if proxy {
            "proxy-authentication-info"
        } else {
            "authentication-info"
        };
        if let Some(nonce) = headers.get(name).and_then(digest::next_nonce) {
            memory.renew(origin, proxy, nonce);
        }
    }

    fn fields(
        &self,
        request: &AuthRequest<'_>,
        origin: &str,
        proxy: bool,
        memory: &Challenges,
    ) -> Result<Authorized> {
        let auth = self.resolve(request)?;
        let value = match auth.as_ref() {
            Auth::Basic { user, password } => Some(credential::basic(user, password)?),
            Auth::Bearer(token) => Some(credential::bearer(token)?),
            Auth::Literal(value) => {
                Some(credential::value("literal credential", value.as_bytes())?)
            }
            Auth::Digest { user, password } => match memory.next(origin, proxy) {
                Some(turn) => digest::respond(&turn, user, password, request, proxy)?,
                None => None,
            },
            Auth::AwsSigV4(_) if proxy => {
                return Err(Error::new(
                    ErrorCode::Unsupported,
                    "no proxy takes a signature of AWS",
                ));
            }
            Auth::AwsSigV4(aws) => return aws.sign(request),
            // The last two are resolved to others above.
            Auth::None | Auth::Netrc(_) | Auth::Callback(_) => None,
        };
        let name = if proxy {
            PROXY_AUTHORIZATION
        } else {
            AUTHORIZATION
        };
        Ok(Authorized {
            fields: value
                .into_iter()
                .map(|value| (name.clone(), value))
                .collect(),
            chunks: None,
        })
    }

    /// What a callback or a netrc file stands for.
    fn resolve(&self, request: &AuthRequest<'_>) -> Result<Cow<'_, Auth>> {
        let auth = match self {
            Auth::Callback(choose) => match choose(request)? {
                Auth::Callback(_) => {
                    return Err(Error::new(
                        ErrorCode::InvalidArgument,
                        "the callback of auth answered another callback",
                    ));
                }
                auth => Cow::Owned(auth),
            },
            auth => Cow::Borrowed(auth),
        };
        match auth.as_ref() {
            Auth::Netrc(path) => netrc::find(path.as_deref(), request.host).map(Cow::Owned),
            _ => Ok(auth),
        }
    }
}

#[cfg(test)]
mod tests;
