//! Digest with a proxy (RFC 7616): challenges are remembered, so that what follows brings its proof along.

use http::HeaderMap;
use http::header::{HeaderValue, PROXY_AUTHORIZATION};

use crate::auth::{Auth, AuthRequest, Challenges};
use crate::error::{Error, ErrorCode, Result};
use crate::options::{ManagerOptions, Proxy, ProxyAuth};

/// Who asks a proxy, where that is proved by digest.
pub(crate) struct Login<'a> {
    auth: Auth,
    /// Under which its challenges are remembered.
    name: String,
    memory: &'a Challenges,
}

impl<'a> Login<'a> {
    /// None where the proxy has no credentials, or ones that are sent as they are.
    ///
    /// # Errors
    /// `invalid_argument` for a user or password that is not UTF-8.
    pub(crate) fn digest(
        proxy: &Proxy,
        options: &ManagerOptions,
        memory: &'a Challenges,
    ) -> Result<Option<Login<'a>>> {
        let Some((user, password)) = proxy.login() else {
            return Ok(None);
        };
        if options.proxy_auth == ProxyAuth::Basic
            || options.proxy_headers.contains_key(PROXY_AUTHORIZATION)
        {
            return Ok(None);
        }
        let text = |bytes: &[u8]| {
            String::from_utf8(bytes.to_vec()).map_err(|_| {
                Error::new(
                    ErrorCode::InvalidArgument,
                    format!("{proxy}: digest takes a user and password in UTF-8"),
                )
            })
        };
        let auth = Auth::Digest {
            user: text(user)?,
            password: text(password)?,
        };
        Ok(Some(Login {
            auth,
            name: proxy.to_string(),
            memory,
        }))
    }

    /// The credential to send at once; none before the first challenge.
    pub(crate) fn authorize(&self, request: &AuthRequest<'_>) -> Result<Option<HeaderValue>> {
        let fields = self
            .auth
            .authorize_proxy(request, &self.name, self.memory)?;
        Ok(fields.into_iter().next().map(|(_, value)| value))
    }

    /// The credential to try again with after a 407; see [`Auth::answer`].
    pub(crate) fn answer(
        &self,
        challenge: &HeaderMap,
        request: &AuthRequest<'_>,
        tried: bool,
    ) -> Result<Option<HeaderValue>> {
        let (name, memory) = (&self.name, self.memory);
        let answer = self
            .auth
            .answer(challenge, true, request, name, memory, tried)?;
        Ok(answer.map(|(_, value)| value))
    }

    /// Takes the next nonce that a good answer names.
    pub(crate) fn informed(&self, headers: &HeaderMap) {
        self.auth.informed(headers, true, &self.name, self.memory);
    }
}
