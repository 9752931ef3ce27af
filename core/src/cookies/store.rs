//! Which cookies are kept and which are sent (RFC 6265bis, 5.7 and 5.8). Time is an argument here; nothing is locked.

use std::cell::Cell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::SystemTime;

use super::cookie::{Cookie, SameSite};
use super::parse::{Received, check_pair, cut};
use super::scope::{Origin, default_path, domain_matches, is_public_suffix, path_matches};
use crate::limits;

/// Why a cookie was not taken.
pub(super) type Refusal = &'static str;

/// The cookies by their domain. No list is empty.
#[derive(Default)]
pub(super) struct Store {
    domains: HashMap<String, Vec<Stored>>,
    count: usize,
    /// A clock of events rather than of time, so that no two are equal.
    events: Cell<u64>,
}

struct Stored {
    cookie: Cookie,
    created: u64,
    used: Cell<u64>,
}

impl Store {
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Takes what came from `origin`, or says which rule is against it (5.7).
    pub(super) fn receive(
        &mut self,
        received: Received,
        origin: &Origin<'_>,
        now: SystemTime,
    ) -> Result<(), Refusal> {
        let mut domain = received.domain;
        // A site on a public suffix, such as a single name in an intranet, still may have cookies for itself (step 10).
        if !domain.is_empty() && is_public_suffix(&domain) {
            if domain != origin.host {
                return Err("its domain is a public suffix");
            }
            domain.clear();
        }
        let host_only = domain.is_empty();
        if host_only {
            origin.host.clone_into(&mut domain);
        } else if !domain_matches(origin.host, &domain) {
            return Err("its domain is not one of the host");
        }
        if received.secure && !origin.secure {
            return Err("it is secure and came in clear text");
        }
        let rooted = received.path.as_deref() == Some("/");
        let path = received
            .path
            .filter(|path| path.starts_with('/'))
            .unwrap_or_else(|| default_path(origin.path).to_owned());
        let cookie = Cookie {
            name: received.name,
            value: received.value,
            domain,
            host_only,
            path,
            secure: received.secure,
            http_only: received.http_only,
            expires: received.expires,
            same_site: received.same_site,
        };
        check_prefix(&cookie, rooted)?;
        if !cookie.secure && !origin.secure && self.would_overlay_secure(&cookie) {
            return Err("a secure cookie has its name, and it came in clear text");
        }
        self.put(cookie, now)
    }

    /// Takes a cookie that needs no host to vouch for it: one of a file of the owner.
    pub(super) fn restore(&mut self, mut cookie: Cookie, now: SystemTime) -> Result<(), Refusal> {
        check_pair(&cookie.name, &cookie.value)?;
        cookie.expires = cookie.expires.and_then(|expires| cut(expires, now));
        if !cookie.host_only && is_public_suffix(&cookie.domain) {
            return Err("its domain is a public suffix");
        }
        check_prefix(&cookie, cookie.path == "/")?;
        self.put(cookie, now)
    }

    /// Puts it in the place of an older one. One whose time is over only takes the older one away.
    fn put(&mut self, cookie: Cookie, now: SystemTime) -> Result<(), Refusal> {
        if cookie.path.len() > limits::COOKIE_ATTRIBUTE_BYTES {
            return Err("its path is too long");
        }
        let event = self.event();
        let older = self.take(|stored| stored.replaces(&cookie), &cookie.domain);
        if cookie.is_expired(now) {
            return Ok(());
        }
        let list = self.domains.entry(cookie.domain.clone()).or_default();
        list.push(Stored {
            created: older.map_or(event, |older| older.created),
            used: Cell::new(event),
            cookie,
        });
        self.count += 1;
        if list.len() > limits::COOKIES_PER_DOMAIN {
            let before = list.len();
            list.retain(|stored| !stored.cookie.is_expired(now));
            if list.len() > limits::COOKIES_PER_DOMAIN {
                let first = (0..list.len())
                    .min_by_key(|index| (list[*index].cookie.secure, list[*index].used.get()));
                first.map(|index| list.remove(index));
            }
            self.count -= before - list.len();
        }
        if self.count > limits::COOKIES {
            self.evict(now);
        }
        Ok(())
    }

    /// Brings the number of cookies down to its limit: first those whose time is over, then the one unused for longest.
    fn evict(&mut self, now: SystemTime) {
        self.purge(now);
        if self.count > limits::COOKIES {
            let oldest = self.stored().map(|stored| stored.used.get()).min();
            self.retain(|stored| Some(stored.used.get()) != oldest);
        }
    }

    /// Drops every cookie whose time is over.
    pub(super) fn purge(&mut self, now: SystemTime) {
        self.retain(|stored| !stored.cookie.is_expired(now));
    }

    /// The value of the `cookie` field for a request, if any cookie goes with it (5.8.3).
    pub(super) fn header(
        &self,
        origin: &Origin<'_>,
        same_site: bool,
        now: SystemTime,
    ) -> Option<Vec<u8>> {
        let mut found: Vec<&Stored> = origin
            .domains()
            .filter_map(|domain| self.domains.get(domain))
            .flatten()
            .filter(|Stored { cookie, .. }| {
                (!cookie.host_only || cookie.domain == origin.host)
                    && (!cookie.secure || origin.secure)
                    && (same_site || cookie.same_site == SameSite::None)
                    && path_matches(origin.path, &cookie.path)
                    && !cookie.is_expired(now)
            })
            .collect();
        found.sort_by_key(|stored| (usize::MAX - stored.cookie.path.len(), stored.created));
        let mut field = Vec::new();
        for Stored { cookie, used, .. } in found {
            let separators = 3;
            let length = cookie.name.len() + cookie.value.len() + separators;
            if field.len() + length > limits::COOKIE_HEADER_BYTES {
                continue;
            }
            if !field.is_empty() {
                field.extend_from_slice(b"; ");
            }
            if !cookie.name.is_empty() {
                field.extend_from_slice(&cookie.name);
                field.push(b'=');
            }
            field.extend_from_slice(&cookie.value);
            used.set(self.event());
        }
        Some(field).filter(|field| !field.is_empty())
    }

    /// Every cookie whose time is not over, the oldest first.
    pub(super) fn cookies(&self, now: SystemTime) -> Vec<Cookie> {
        let mut found: Vec<&Stored> = self
            .stored()
            .filter(|stored| !stored.cookie.is_expired(now))
            .collect();
        found.sort_by_key(|stored| stored.created);
        found
            .into_iter()
            .map(|stored| stored.cookie.clone())
            .collect()
    }

    /// Removes all that have this domain, path and name, and says how many there were.
    pub(super) fn remove(&mut self, domain: &str, path: &str, name: &[u8]) -> usize {
        let is = |cookie: &Cookie| cookie.name == name && cookie.path == path;
        std::iter::from_fn(|| self.take(is, domain)).count()
    }

    pub(super) fn clear(&mut self) {
        self.domains.clear();
        self.count = 0;
    }

    /// Takes the first cookie of a domain out that the test is true for.
    fn take(&mut self, is: impl Fn(&Cookie) -> bool, domain: &str) -> Option<Stored> {
        let Entry::Occupied(mut entry) = self.domains.entry(domain.to_owned()) else {
            return None;
        };
        let index = entry.get().iter().position(|stored| is(&stored.cookie))?;
        let taken = entry.get_mut().remove(index);
        if entry.get().is_empty() {
            entry.remove();
        }
        self.count -= 1;
        Some(taken)
    }

    fn retain(&mut self, keep: impl Fn(&Stored) -> bool) {
        self.domains.retain(|_, list| {
            list.retain(&keep);
            !list.is_empty()
        });
        self.count = self.domains.values().map(Vec::len).sum();
    }

    fn stored(&self) -> impl Iterator<Item = &Stored> {
        self.domains.values().flatten()
    }

    fn event(&self) -> u64 {
        self.events.set(self.events.get() + 1);
        self.events.get()
    }

    /// Whether a secure cookie of this name would be hidden or replaced by one that came in clear text (step 17).
    fn would_overlay_secure(&self, new: &Cookie) -> bool {
        self.stored().any(|Stored { cookie, .. }| {
            cookie.secure
                && cookie.name == new.name
                && (domain_matches(&cookie.domain, &new.domain)
                    || domain_matches(&new.domain, &cookie.domain))
                && path_matches(&new.path, &cookie.path)
        })
    }
}

/// What a name promises must hold (steps 20 to 22). A cookie without a name must not look like one with such a name.
fn check_prefix(cookie: &Cookie, rooted: bool) -> Result<(), Refusal> {
    let begins = |text: &[u8], prefix: &str| {
        text.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    if begins(&cookie.name, "__Secure-") && !cookie.secure {
        return Err("its name begins with __Secure-, and it is not secure");
    }
    if begins(&cookie.name, "__Host-") && !(cookie.secure && cookie.host_only && rooted) {
        return Err("its name begins with __Host-, and it is not secure, of one host, of path /");
    }
    if cookie.name.is_empty()
        && (begins(&cookie.value, "__Secure-") || begins(&cookie.value, "__Host-"))
    {
        return Err("it has no name, and its value looks like a name with a prefix");
    }
    Ok(())
}
