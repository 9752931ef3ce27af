//! The field `cookie` of a request that brings cookies of its own.

use http::header::{COOKIE, HeaderMap, HeaderValue};

/// One field of the request's own cookies and those of the jar (RFC 6265bis, 5.8.3). The request's come first, and a
/// cookie of the jar stays behind where the request has one of that name.
pub(crate) fn joined(own: &HeaderMap, jar: HeaderValue) -> HeaderValue {
    let mut field = Vec::new();
    let mut names = Vec::new();
    for line in own.get_all(COOKIE) {
        for pair in pairs(line.as_bytes()) {
            names.push(name(pair));
        }
        add(&mut field, line.as_bytes());
    }
    if field.is_empty() {
        return jar;
    }
    for pair in pairs(jar.as_bytes()).filter(|pair| !names.contains(&name(pair))) {
        add(&mut field, pair);
    }
    // Pieces of fields make a field.
    let mut value = HeaderValue::from_bytes(&field).unwrap_or(jar);
    value.set_sensitive(true);
    value
}

fn add(field: &mut Vec<u8>, piece: &[u8]) {
    if !field.is_empty() && !piece.is_empty() {
        field.extend_from_slice(b"; ");
    }
    field.extend_from_slice(piece);
}

fn pairs(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b';')
        .map(<[u8]>::trim_ascii)
        .filter(|pair| !pair.is_empty())
}

/// Empty for a cookie without a name.
fn name(pair: &[u8]) -> &[u8] {
    let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(0);
    pair[..end].trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn together(own: &[&str], jar: &'static str) -> String {
        let mut headers = HeaderMap::new();
        for line in own {
            headers.append(COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let value = joined(&headers, HeaderValue::from_static(jar));
        String::from_utf8(value.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn the_requests_own_cookies_win() {
        for (own, jar, expected) in [
            (&["a=1"][..], "b=2; c=3", "a=1; b=2; c=3"),
            (&["a=1"], "a=2; b=3", "a=1; b=3"),
            (&["a=1"], "a=2", "a=1"),
            (&["a=1; b=2", "c=3"], "c=4; d=5; a=6", "a=1; b=2; c=3; d=5"),
            // Names are compared as they are.
            (&["A=1"], "a=2; ab=3", "A=1; a=2; ab=3"),
            (&["a = 1"], "a=2", "a = 1"),
            // Several of the jar with one name are of several paths.
            (&["b=1"], "a=2; a=3", "b=1; a=2; a=3"),
            (&["a=b=c"], "a=2; b=3", "a=b=c; b=3"),
            // Cookies without names replace each other.
            (&["only"], "other; a=1", "only; a=1"),
            (&["=only"], "other", "=only"),
            (&[""], "a=1", "a=1"),
            (&[";; "], "a=1", ";; ; a=1"),
            (&[], "a=1", "a=1"),
            (&["caf\u{e9}=1"], "a=1", "caf\u{e9}=1; a=1"),
        ] {
            assert_eq!(together(own, jar), expected, "{own:?}");
        }
    }
}
