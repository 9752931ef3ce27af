//! The canonical form of a request: what the service hashes after having taken the request apart again.

use std::collections::BTreeMap;

use http::header::{HOST, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

use super::super::AuthRequest;

/// What stands for a body that is not signed.
pub(super) const UNSIGNED: &[u8] = b"UNSIGNED-PAYLOAD";

/// All but the unreserved characters of RFC 3986, 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// The same within a path.
const SEGMENT: &AsciiSet = &RESERVED.remove(b'/');

/// Fields that proxies or the connection may change on the way, and credentials.
const UNSIGNED_FIELDS: [&str; 13] = [
    "authorization",
    "connection",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-amzn-trace-id",
];

/// A canonical request, and the names of its fields with semicolons between them.
pub(super) struct Canonical {
    pub(super) text: Vec<u8>,
    pub(super) signed: String,
}

/// `added` are fields of the signature's own; they stand for those of the request.
pub(super) fn request(
    request: &AuthRequest<'_>,
    added: &[(HeaderName, HeaderValue)],
    content: &[u8],
    s3: bool,
) -> Canonical {
    let (path, query) = request.path_and_query();
    let fields = fields(request, added);
    let names: Vec<&str> = fields.keys().copied().collect();
    let signed = names.join(";");
    let mut text = Vec::new();
    let mut line = |bytes: &[u8]| {
        text.extend_from_slice(bytes);
        text.push(b'\n');
    };
    line(request.method.as_str().as_bytes());
    line(if s3 { object(path) } else { normal(path) }.as_bytes());
    line(sorted(query.unwrap_or("")).as_bytes());
    for (name, value) in &fields {
        line(&[name.as_bytes(), b":", value].concat());
    }
    line(b"");
    line(signed.as_bytes());
    text.extend_from_slice(content);
    Canonical { text, signed }
}

/// The path of S3: the object's name, encoded once, dots and slashes as they are.
fn object(path: &str) -> String {
    let name: Vec<u8> = percent_decode(path.as_bytes()).collect();
    percent_encode(&name, SEGMENT).to_string()
}

/// The path of every other service: without dots and empty segments (RFC 3986, 6.2.2.3), and encoded once more than it
/// is on the wire.
fn normal(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    let ends = path.ends_with('/') && !segments.is_empty();
    let path = format!("/{}{}", segments.join("/"), if ends { "/" } else { "" });
    percent_encode(path.as_bytes(), SEGMENT).to_string()
}

/// Names and values, encoded once, sorted. A plus is a space to the service, as in forms.
fn sorted(query: &str) -> String {
    let encoded = |text: &str| {
        let spaced = text.replace('+', " ");
        let bytes: Vec<u8> = percent_decode(spaced.as_bytes()).collect();
        percent_encode(&bytes, RESERVED).to_string()
    };
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (encoded(name), encoded(value))
        })
        .collect();
    pairs.sort_unstable();
    let joined: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    joined.join("&")
}

/// Names with their values, sorted; several values of a name have commas between them.
fn fields<'a>(
    request: &'a AuthRequest<'_>,
    added: &'a [(HeaderName, HeaderValue)],
) -> BTreeMap<&'a str, Vec<u8>> {
    let mut fields = BTreeMap::new();
    for name in request.headers.keys() {
        if UNSIGNED_FIELDS.contains(&name.as_str()) {
            continue;
        }
        let values = request.headers.get_all(name).iter();
        let values: Vec<Vec<u8>> = values.map(|value| trimmed(value.as_bytes())).collect();
        fields.insert(name.as_str(), values.join(&b','));
    }
    fields
        .entry(HOST.as_str())
        .or_insert_with(|| request.authority().as_bytes().to_vec());
    for (name, value) in added {
        fields.insert(name.as_str(), trimmed(value.as_bytes()));
    }
    fields
}

/// Without white space around it, and with one space for several inside.
fn trimmed(value: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(value.len());
    for byte in value.trim_ascii() {
        if *byte != b' ' || out.last() != Some(&b' ') {
            out.push(*byte);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_s3_is_not_normalised() {
        for (path, expected) in [
            ("/", "/"),
            ("/a//b/../c/./", "/a//b/../c/./"),
            ("/a%20b(1)+c", "/a%20b%281%29%2Bc"),
            ("/%e4%c3%a4%7E", "/%E4%C3%A4~"),
            ("/100%", "/100%25"),
        ] {
            assert_eq!(object(path), expected);
        }
    }

    #[test]
    fn every_other_path_is_normalised_and_encoded_twice() {
        for (path, expected) in [
            ("/", "/"),
            ("/a%20b/", "/a%2520b/"),
            ("/../../a", "/a"),
            ("/a/..", "/"),
            ("/a/../", "/"),
            ("/a/.", "/a"),
            ("//a//b//", "/a/b/"),
            ("/model/x:1", "/model/x%3A1"),
        ] {
            assert_eq!(normal(path), expected, "{path}");
        }
    }

    #[test]
    fn a_query_is_sorted_by_its_encoded_names() {
        for (query, expected) in [
            ("", ""),
            ("&&", ""),
            ("b&a", "a=&b="),
            ("a=2&a=1&A=3", "A=3&a=1&a=2"),
            ("a=b=c&d=+e%2b", "a=b%3Dc&d=%20e%2B"),
            ("a=%", "a=%25"),
            // The encoded names are compared with each other, not with what follows them.
            ("a1=x&a=y&a-=z", "a=y&a-=z&a1=x"),
        ] {
            assert_eq!(sorted(query), expected, "{query}");
        }
    }

    #[test]
    fn spaces_in_fields_are_folded() {
        assert_eq!(trimmed(b" \t a  b   \"c  d\" "), b"a b \"c d\"");
        assert_eq!(trimmed(b"  "), b"");
    }
}
