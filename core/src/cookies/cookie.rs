//! One cookie as it is kept.

use std::fmt;
use std::time::SystemTime;

/// When a cookie goes along with requests that come from another site (RFC 6265bis, 5.6.7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum SameSite {
    /// Nothing known was said; it is treated as `Lax`.
    #[default]
    Default,
    /// Always.
    None,
    /// Only where a user follows a link.
    Lax,
    /// Never.
    Strict,
}

/// A cookie of a [`CookieJar`](crate::CookieJar) (RFC 6265bis, 5.7).
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cookie {
    /// The name; empty for a cookie without one. Bytes, for servers are free to send others than UTF-8.
    pub name: Vec<u8>,
    /// The value, as it was sent: quotes are part of it.
    pub value: Vec<u8>,
    /// The host or domain that it belongs to: lower case, no leading dot, no brackets around an IPv6 address.
    pub domain: String,
    /// Whether it goes to that host only, and not to those below it.
    pub host_only: bool,
    /// It goes to this path and those below it.
    pub path: String,
    /// Whether it goes over TLS, or to this machine, only.
    pub secure: bool,
    /// Whether scripts of a page were not to see it. Kept for the file; it changes nothing here.
    pub http_only: bool,
    /// When it ends; none for the end of the session, which is the end of the jar.
    pub expires: Option<SystemTime>,
    /// Whether it goes along with requests from other sites.
    pub same_site: SameSite,
}

impl Cookie {
    /// Whether its time is over.
    pub(super) fn is_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Whether both are the same cookie, whatever their values (RFC 6265bis, 5.7, step 23).
    pub(super) fn replaces(&self, other: &Cookie) -> bool {
        self.name == other.name
            && self.domain == other.domain
            && self.host_only == other.host_only
            && self.path == other.path
    }
}

/// Without the value: it may be a credential.
impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cookie")
            .field("name", &String::from_utf8_lossy(&self.name))
            .field("value", &"[masked]")
            .field("domain", &self.domain)
            .field("host_only", &self.host_only)
            .field("path", &self.path)
            .field("secure", &self.secure)
            .field("http_only", &self.http_only)
            .field("expires", &self.expires)
            .field("same_site", &self.same_site)
            .finish()
    }
}
