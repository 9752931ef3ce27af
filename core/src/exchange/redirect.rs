//! Redirects (RFC 9110, 15.4): where an answer leads, and what of the request goes there.

use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION,
    CONTENT_TYPE, COOKIE, EXPECT, HOST, LOCATION, PROXY_AUTHORIZATION,
};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use crate::error::{Error, ErrorCode, Result, shown, shown_text};
use crate::options::Policy;
use crate::request::{Address, Body, Request};

/// Whether an answer asks for another request.
pub(super) fn leads_on(status: StatusCode, headers: &HeaderMap) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) && headers.contains_key(LOCATION)
}

/// The request that an answer leads to. `replayable`: the body can be sent once more.
///
/// # Errors
/// `redirect_refused` where it leads to what cannot be asked, to clear text, or needs a body that is gone.
pub(super) fn next(
    request: &Request,
    status: StatusCode,
    headers: &HeaderMap,
    policy: &Policy,
    replayable: bool,
) -> Result<Request> {
    let from = &request.address.url;
    let to = location(from, headers)?;
    let is_secure = |url: &Url| matches!(url.scheme(), "https" | "wss");
    if is_secure(from) && !is_secure(&to) && !policy.redirect_downgrade {
        let (to, from) = (shown(&to), shown(from));
        return Err(refused(&format!("{to} is clear text, {from} is not")));
    }
    let mut next = request.clone();
    if rewrites(status, &request.method) {
        next.method = if request.method == Method::HEAD {
            Method::HEAD
        } else {
            Method::GET
        };
        next.body = Body::Empty;
        for name in [
            CONTENT_TYPE,
            CONTENT_LENGTH,
            CONTENT_ENCODING,
            CONTENT_LANGUAGE,
            CONTENT_LOCATION,
            EXPECT,
        ] {
            next.headers.remove(name);
        }
    } else if !replayable {
        return Err(refused(&format!(
            "status {status} asks for the body once more, which cannot be read again"
        )));
    }
    if !same_origin(from, &to) {
        // The host is part of the URL; a field set by hand was for the former one.
        next.headers.remove(HOST);
        if !policy.redirect_trusted {
            for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
                next.headers.remove(name);
            }
        }
    }
    next.address = Address::from_url(to)
        .map_err(|error| refused(error.message()))?
        .into();
    Ok(next)
}

/// Whether both URLs have the same scheme, host and port (RFC 6454).
pub(super) fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// RFC 9110, 15.4.2-4: by old custom a POST becomes a GET; after 303 everything but HEAD does.
fn rewrites(status: StatusCode, method: &Method) -> bool {
    match status.as_u16() {
        301 | 302 => *method == Method::POST,
        303 => *method != Method::GET && *method != Method::HEAD,
        _ => false,
    }
}

fn location(from: &Url, headers: &HeaderMap) -> Result<Url> {
    let value = headers
        .get(LOCATION)
        .map(http::HeaderValue::as_bytes)
        .unwrap_or_default();
    // What is not UTF-8 was meant as Latin-1, as header fields once were.
    let text = std::str::from_utf8(value).map_or_else(
        |_| value.iter().map(|byte| char::from(*byte)).collect(),
        str::to_owned,
    );
    let mut to = from
        .join(&text)
        .map_err(|cause| refused(&format!("location {:?}: {cause}", shown_text(&text))))?;
    // RFC 9110, 10.2.2: without a fragment of its own it inherits the former one.
    if to.fragment().is_none() {
        to.set_fragment(from.fragment());
    }
    let websocket = matches!(from.scheme(), "ws" | "wss");
    let scheme = match (websocket, to.scheme()) {
        (true, "http") => Some("ws"),
        (true, "https") => Some("wss"),
        _ => None,
    };
    if let Some(scheme) = scheme {
        // A WebSocket's handshake is HTTP, and servers answer it with such a URL.
        to = Url::parse(&to.as_str().replacen(to.scheme(), scheme, 1))
            .map_err(|cause| refused(&format!("location {:?}: {cause}", shown_text(&text))))?;
    }
    let fits = match to.scheme() {
        "http" | "https" => !websocket,
        "ws" | "wss" => websocket,
        _ => false,
    };
    if fits {
        Ok(to)
    } else {
        Err(refused(&format!(
            "location {:?}: scheme {:?} cannot be followed",
            shown_text(&text),
            to.scheme()
        )))
    }
}

fn refused(why: &str) -> Error {
    Error::new(ErrorCode::RedirectRefused, format!("redirect: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(location: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, http::HeaderValue::from_bytes(location).unwrap());
        headers
    }

    fn follow(request: &Request, status: u16, location: &str, policy: &Policy) -> Result<Request> {
        let status = StatusCode::from_u16(status).unwrap();
        next(request, status, &answer(location.as_bytes()), policy, true)
    }

    fn post(url: &str) -> Request {
        let mut request = Request::new("POST", url).unwrap();
        request.header("content-type", b"text/plain").unwrap();
        request.header("authorization", b"secret").unwrap();
        request.header("cookie", b"a=b").unwrap();
        request.header("host", b"other.example").unwrap();
        request.body("hello");
        request
    }

    #[test]
    fn the_method_is_rewritten_as_browsers_do() {
        let policy = Policy::default();
        for (status, method, expected) in [
            (301, "POST", "GET"),
            (302, "POST", "GET"),
            (303, "POST", "GET"),
            (307, "POST", "POST"),
            (308, "POST", "POST"),
            (301, "PUT", "PUT"),
            (303, "PUT", "GET"),
            (303, "HEAD", "HEAD"),
            (301, "HEAD", "HEAD"),
            (302, "DELETE", "DELETE"),
        ] {
            let mut request = post("http://host/a");
            request.method = method.parse().unwrap();
            let next = follow(&request, status, "/b", &policy).unwrap();
            assert_eq!(next.method, expected, "{status} {method}");
            let kept = expected != "GET" || method == "GET";
            assert_eq!(
                next.headers.contains_key("content-type"),
                kept,
                "{status} {method}"
            );
            assert_eq!(matches!(next.body, Body::Empty), !kept, "{status} {method}");
            assert_eq!(next.headers.get("authorization").unwrap(), "secret");
            assert_eq!(next.headers.get("host").unwrap(), "other.example");
        }
    }

    #[test]
    fn credentials_stay_at_their_origin() {
        let mut policy = Policy::default();
        for elsewhere in [
            "http://host:81/",
            "https://host/",
            "http://sub.host/",
            "//else/",
        ] {
            let next = follow(&post("http://host/"), 307, elsewhere, &policy).unwrap();
            for name in ["authorization", "cookie", "host"] {
                assert!(!next.headers.contains_key(name), "{elsewhere} {name}");
            }
        }
        policy.redirect_trusted = true;
        let next = follow(&post("http://host/"), 307, "//else/", &policy).unwrap();
        assert_eq!(next.headers.get("authorization").unwrap(), "secret");
        assert!(!next.headers.contains_key("host"));
    }

    #[test]
    fn locations_are_resolved_by_the_url_standard() {
        let policy = Policy::default();
        let request = Request::get("http://host/a/b?c#frag").unwrap();
        for (location, expected) in [
            ("d", "http://host/a/d#frag"),
            ("/d e#x", "http://host/d%20e#x"),
            ("?q", "http://host/a/b?q#frag"),
            ("//other:8080/x/../y", "http://other:8080/y#frag"),
            ("HTTP://HOST", "http://host/#frag"),
        ] {
            let next = follow(&request, 302, location, &policy).unwrap();
            assert_eq!(next.address.url.as_str(), expected);
        }
        let latin = next_of(&request, b"/caf\xe9");
        assert_eq!(latin.address.url.path(), "/caf%C3%A9");
    }

    fn next_of(request: &Request, location: &[u8]) -> Request {
        let status = StatusCode::FOUND;
        next(request, status, &answer(location), &Policy::default(), true).unwrap()
    }

    #[test]
    fn what_must_not_be_followed_is_refused() {
        let policy = Policy::default();
        let request = Request::get("https://host/").unwrap();
        for location in [
            "http://host/",
            "ftp://host/",
            "https://",
            "javascript:alert(1)",
        ] {
            let error = follow(&request, 302, location, &policy).unwrap_err();
            assert_eq!(error.code(), ErrorCode::RedirectRefused, "{location}");
        }
        let named = Request::get("https://me:secret@host/").unwrap();
        for location in [
            "http://me:secret@host/",
            "ftp://me:secret@host/",
            "http://me:secret@host:x/",
        ] {
            let error = follow(&named, 302, location, &policy).unwrap_err();
            let text = error.to_string();
            assert!(!text.contains("secret") && text.contains("***@"), "{text}");
        }
        let socket = Request::get("wss://host/").unwrap();
        for location in ["ws://host/", "http://host/"] {
            let error = follow(&socket, 302, location, &policy).unwrap_err();
            assert_eq!(error.code(), ErrorCode::RedirectRefused, "{location}");
        }
        let allowed = Policy {
            redirect_downgrade: true,
            ..Policy::default()
        };
        follow(&request, 302, "http://host/", &allowed).unwrap();
        let status = StatusCode::TEMPORARY_REDIRECT;
        let error = next(&post("http://h/"), status, &answer(b"/b"), &policy, false).unwrap_err();
        assert!(error.message().contains("body"), "{error}");
    }

    #[test]
    fn websockets_stay_websockets() {
        let request = Request::get("wss://host/").unwrap();
        let next = follow(&request, 301, "https://other/x", &Policy::default()).unwrap();
        assert_eq!(next.address.url.as_str(), "wss://other/x");
        assert!(
            follow(
                &Request::get("http://h/").unwrap(),
                301,
                "ws://h/",
                &Policy::default()
            )
            .is_err()
        );
    }
}
