//! Where a cookie belongs: hosts, domains, public suffixes and paths (RFC 6265bis, 5.1.2 to 5.1.4).

use std::net::IpAddr;

use url::{Host, Url};

use crate::limits;

/// What of a URL decides about cookies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    /// Lower case; an IPv6 address without brackets, as the files of curl have it.
    pub(super) host: &'a str,
    /// Whether the host is a name, so that it may have a domain above it.
    pub(super) named: bool,
    /// Whether secure cookies may come from there and go there.
    pub(super) secure: bool,
    pub(super) path: &'a str,
}

impl<'a> Origin<'a> {
    /// None where the URL has no host, or one that is too long to be a name.
    pub(super) fn of(url: &'a Url) -> Option<Origin<'a>> {
        let text = url.host_str()?;
        let (host, named) = match url.host()? {
            Host::Domain(name) => (name, true),
            Host::Ipv4(_) => (text, false),
            Host::Ipv6(_) => (text.trim_matches(['[', ']']), false),
        };
        if host.is_empty() || host.len() > limits::COOKIE_DOMAIN_BYTES {
            return None;
        }
        // This machine counts as secure, as it does in browsers and curl: what is developed there has no certificate.
        let local = matches!(host, "localhost" | "127.0.0.1" | "::1");
        Some(Origin {
            host,
            named,
            secure: local || matches!(url.scheme(), "https" | "wss"),
            path: url.path(),
        })
    }

    /// The host and, if it is a name, every domain above it.
    pub(super) fn domains(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let named = self.named;
        std::iter::successors(Some(self.host), move |domain| {
            domain
                .split_once('.')
                .filter(|_| named)
                .map(|(_, above)| above)
        })
    }
}

/// Whether `host` is `domain` or, being a name, lies below it (5.1.3).
pub(super) fn domain_matches(host: &str, domain: &str) -> bool {
    if host == domain {
        return true;
    }
    host.strip_suffix(domain)
        .is_some_and(|below| below.ends_with('.'))
        && !is_address(host)
}

/// Whether this is an IP address and no name.
pub(super) fn is_address(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok()
}

/// Whether anybody may register names below this domain, so that it cannot have cookies for all of them.
pub(super) fn is_public_suffix(domain: &str) -> bool {
    // A final dot names the same domain, and the list does not have it.
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    psl::suffix_str(domain).is_none_or(|suffix| suffix == domain)
}

/// The path that a cookie gets that names none (5.1.4).
pub(super) fn default_path(path: &str) -> &str {
    match path.rfind('/') {
        Some(end) if end > 0 && path.starts_with('/') => &path[..end],
        _ => "/",
    }
}

/// Whether `path` is `scope` or lies below it (5.1.4).
pub(super) fn path_matches(path: &str, scope: &str) -> bool {
    path.strip_prefix(scope)
        .is_some_and(|below| below.is_empty() || scope.ends_with('/') || below.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> Option<(String, bool, bool, String)> {
        let url = Url::parse(url).unwrap();
        let origin = Origin::of(&url)?;
        Some((
            origin.host.to_owned(),
            origin.named,
            origin.secure,
            origin.path.to_owned(),
        ))
    }

    #[test]
    fn an_origin_is_host_kind_security_and_path() {
        let of = |host: &str, named, secure, path: &str| {
            Some((host.to_owned(), named, secure, path.to_owned()))
        };
        for (url, expected) in [
            (
                "http://User:pass@EXAMPLE.com:8080/a/b?c#d",
                of("example.com", true, false, "/a/b"),
            ),
            ("https://example.com", of("example.com", true, true, "/")),
            ("wss://example.com/x", of("example.com", true, true, "/x")),
            ("ws://example.com/x", of("example.com", true, false, "/x")),
            (
                "http://bücher.example/",
                of("xn--bcher-kva.example", true, false, "/"),
            ),
            ("http://192.0.2.1/", of("192.0.2.1", false, false, "/")),
            ("http://127.0.0.1/", of("127.0.0.1", false, true, "/")),
            ("http://[::1]:9/", of("::1", false, true, "/")),
            (
                "http://[2001:db8::1]/",
                of("2001:db8::1", false, false, "/"),
            ),
            ("http://localhost/", of("localhost", true, true, "/")),
            (
                "http://localhost.example/",
                of("localhost.example", true, false, "/"),
            ),
            ("data:text/plain,x", None),
        ] {
            assert_eq!(origin(url), expected, "{url}");
        }
    }

    #[test]
    fn a_host_that_is_no_name_by_its_length_has_no_cookies() {
        let name = |length: usize| format!("http://{}/", "a.".repeat(length / 2) + "b");
        assert!(origin(&name(252)).is_some());
        assert!(origin(&name(254)).is_none());
    }

    #[test]
    fn a_name_has_domains_above_it_and_an_address_has_none() {
        let of = |url: &str| {
            let url = Url::parse(url).unwrap();
            let origin = Origin::of(&url).unwrap();
            origin.domains().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(
            of("http://a.b.example/"),
            ["a.b.example", "b.example", "example"]
        );
        assert_eq!(of("http://192.0.2.1/"), ["192.0.2.1"]);
    }

    #[test]
    fn domains_match_whole_labels_and_addresses_match_themselves() {
        for (host, domain, matches) in [
            ("example.com", "example.com", true),
            ("www.example.com", "example.com", true),
            ("a.b.example.com", "example.com", true),
            ("badexample.com", "example.com", false),
            ("example.com", "www.example.com", false),
            ("example.com.evil", "example.com", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "2.1", false),
            ("192.0.2.1", "1", false),
        ] {
            assert_eq!(domain_matches(host, domain), matches, "{host} {domain}");
        }
    }

    #[test]
    fn public_suffixes_are_known_private_and_international_ones_too() {
        for (domain, public) in [
            ("com", true),
            ("com.", true),
            ("co.uk", true),
            ("uk", true),
            ("github.io", true),
            ("xn--55qx5d.cn", true),
            ("anything.ck", true),
            ("www.ck", false),
            ("an-unknown-top-level-name", true),
            ("localhost", true),
            ("example.com", false),
            ("example.com.", false),
            ("someone.github.io", false),
            ("example.co.uk", false),
            ("corp.internal", false),
        ] {
            assert_eq!(is_public_suffix(domain), public, "{domain}");
        }
    }

    #[test]
    fn the_default_path_is_the_folder() {
        for (path, folder) in [
            ("", "/"),
            ("/", "/"),
            ("/a", "/"),
            ("/a/", "/a"),
            ("/a/b", "/a"),
            ("/a/b/", "/a/b"),
            ("*", "/"),
            ("a/b", "/"),
        ] {
            assert_eq!(default_path(path), folder, "{path}");
        }
    }

    #[test]
    fn paths_match_whole_segments() {
        for (path, scope, matches) in [
            ("/", "/", true),
            ("/a", "/", true),
            ("/a", "/a", true),
            ("/a/b", "/a", true),
            ("/a/b", "/a/", true),
            ("/ab", "/a", false),
            ("/a", "/a/", false),
            ("/", "/a", false),
        ] {
            assert_eq!(path_matches(path, scope), matches, "{path} {scope}");
        }
    }
}
