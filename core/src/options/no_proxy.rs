//! Who is connected to without a proxy, in the words of `NO_PROXY`.

use std::net::IpAddr;

use ipnet::IpNet;

/// Hosts that are connected to directly, as curl understands `NO_PROXY`.
///
/// Entries are separated by commas or spaces. Each is a name, which stands for itself and all names below it, with or
/// without a dot before it; an address, which may have brackets; a network such as `10.0.0.0/8`; any but a network may
/// have a port, and then counts for that port only. `*` alone stands for every host. Entries that are none of this never
/// match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoProxy {
    everyone: bool,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    who: Who,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Who {
    Name(String),
    Network(IpNet),
}

impl NoProxy {
    /// Reads a list.
    pub fn parse(list: &str) -> NoProxy {
        let list = list.trim();
        if list == "*" {
            return NoProxy {
                everyone: true,
                entries: Vec::new(),
            };
        }
        NoProxy {
            everyone: false,
            entries: list
                .split([',', ' ', '\t'])
                .filter_map(Entry::parse)
                .collect(),
        }
    }

    /// Whether this host, an IPv6 address with or without its brackets, is connected to directly.
    pub fn matches(&self, host: &str, port: u16) -> bool {
        if self.everyone {
            return true;
        }
        let bare = unbracketed(host);
        let address = bare.parse::<IpAddr>().ok();
        let name = bare.trim_end_matches('.').to_ascii_lowercase();
        self.entries
            .iter()
            .any(|entry| entry.port.is_none_or(|own| own == port) && entry.is(&name, address))
    }
}

impl Entry {
    fn parse(text: &str) -> Option<Entry> {
        let network = |text: &str| {
            let text = unbracketed(text);
            let alone = || text.parse::<IpAddr>().ok().map(IpNet::from);
            text.parse::<IpNet>().ok().or_else(alone)
        };
        // An IPv6 address is full of colons: it is looked for before a port is.
        if let Some(network) = network(text) {
            return Some(Entry {
                who: Who::Network(network),
                port: None,
            });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (text, None),
        };
        let who = match network(host) {
            Some(network) => Who::Network(network),
            None => Who::Name(name(host)?),
        };
        Some(Entry { who, port })
    }

    fn is(&self, name: &str, address: Option<IpAddr>) -> bool {
        match (&self.who, address) {
            (Who::Network(network), Some(address)) => network.contains(&address),
            (Who::Name(suffix), None) => name
                .strip_suffix(suffix.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
            _ => false,
        }
    }
}

fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

/// A name as URLs have it: lower case and in ASCII, without the dots around it.
fn name(text: &str) -> Option<String> {
    let text = text.trim_start_matches('.').trim_end_matches('.');
    match url::Host::parse(text).ok()? {
        url::Host::Domain(name) if !name.is_empty() => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_match_as_curl_has_them_match() {
        // The table of curl's own test, tests/unit/unit1614.c, and what it has not: ports.
        for (host, list, expected) in [
            (
                "www.example.com",
                "localhost,.example.com,.example.de",
                true,
            ),
            (
                "www.example.com.",
                "localhost,.example.com,.example.de",
                true,
            ),
            ("example.com", "localhost,.example.com,.example.de", true),
            ("example.com.", "localhost,.example.com,.example.de", true),
            (
                "www.example.com",
                "localhost,.example.com.,.example.de",
                true,
            ),
            (
                "www.example.com",
                "localhost,www.example.com.,.example.de",
                true,
            ),
            ("example.com", "localhost,example.com,.example.de", true),
            ("example.com.", "localhost,example.com,.example.de", true),
            ("nexample.com", "localhost,example.com,.example.de", false),
            ("www.example.com", "localhost,example.com,.example.de", true),
            ("127.0.0.1", "127.0.0.1,localhost", true),
            ("127.0.0.1", "127.0.0.1,localhost,", true),
            ("127.0.0.1", "127.0.0.1/8,localhost,", true),
            ("127.0.0.1", "127.0.0.1/28,localhost,", true),
            ("127.0.0.1", "127.0.0.1/31,localhost,", true),
            ("127.0.0.1", "localhost,127.0.0.1", true),
            (
                "127.0.0.1",
                "localhost,127.0.0.1.127.0.0.1.127.0.0.1.",
                false,
            ),
            ("localhost", "localhost,127.0.0.1", true),
            ("localhost", "127.0.0.1,localhost", true),
            ("foobar", "barfoo", false),
            ("foobar", "foobar", true),
            ("192.168.0.1", "foobar", false),
            ("192.168.0.1", "192.168.0.0/16", true),
            ("192.168.0.1", "192.168.0.0/24", true),
            ("192.168.0.1", "192.168.0.0/32", false),
            ("192.168.0.1", "192.168.0.0", false),
            ("192.168.1.1", "192.168.0.0/24", false),
            ("192.168.1.1", "foo, bar, 192.168.0.0/24", false),
            ("192.168.1.1", "foo, bar, 192.168.0.0/16", true),
            ("[::1]", "foo, bar, 192.168.0.0/16", false),
            ("[::1]", "foo, bar, ::1/64", true),
            ("[::1]", "::1/64", true),
            ("[::1]", "::1/96", true),
            ("[::1]", "::1/127", true),
            ("[::1]", "::1/126", true),
            ("[::1]", "[::1]", true),
            ("bar", "foo, bar, ::1/64", true),
            ("BAr", "foo, bar, ::1/64", true),
            ("BAr", "foo,,,,,              bar, ::1/64", true),
            ("www.example.com", "foo, .example.com", true),
            ("www2.example.com", "www.example.com", false),
            ("example.com", "foo, www.example.com", false),
            ("anything", "*", true),
            ("anything", "*,other", false),
            ("anything", "", false),
            ("b\u{fc}cher.example", "x", false),
            ("xn--bcher-kva.example", "B\u{dc}CHER.example", true),
            ("10.1.2.3", "10.0.0.0/33", false),
            ("host", "host:nonsense", false),
            ("host", ".", false),
        ] {
            let found = NoProxy::parse(list).matches(host, 80);
            assert_eq!(found, expected, "{host} in {list:?}");
        }
    }

    #[test]
    fn a_port_narrows_an_entry() {
        for (host, list) in [
            ("example.com", ".example.com:8080"),
            ("a.example.com", "other, example.com:8080"),
            ("10.0.0.1", "10.0.0.1:8080"),
            ("[::1]", "[::1]:8080"),
        ] {
            let list = NoProxy::parse(list);
            assert!(list.matches(host, 8080), "{host} in {list:?}");
            assert!(!list.matches(host, 80), "{host} in {list:?}");
        }
    }
}
