//! URLs from their pieces: base URL, path parameters, query parameters.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::path::fill;
use super::pieces::{Pieces, check_text};
use crate::error::{Error, ErrorCode, Result, shown_text};

/// All but the unreserved characters (RFC 3986, 2.3): understood alike by who reads RFC 3986 and by who reads forms.
pub(super) const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// How path parameters are written in a URL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum PathStyle {
    /// There are none; `:` and braces mean themselves.
    #[default]
    Literal,
    /// `/users/:id`: a colon at the start of a segment, or after `-` or `.` in it, and a name of ASCII letters, digits
    /// and `_` that does not begin with a digit. Other colons mean themselves.
    Colon,
    /// `/users/{id}`: anything but braces and `/` between braces.
    Curly,
}

/// A URL in pieces. [`UrlTemplate::build`] puts them together.
#[derive(Debug, Clone, Copy, Default)]
pub struct UrlTemplate<'a> {
    /// An absolute URL that a relative `url` is appended to. Its query parameters are kept before those of `url`.
    pub base: Option<&'a str>,
    /// An absolute URL (`scheme://…`), which has nothing to do with the base, or a path with or without a query.
    pub url: &'a str,
    /// Values of the path's parameters, by name.
    pub path_params: &'a [(&'a str, &'a str)],
    /// How the path's parameters are written. Query and host have none.
    pub path_style: PathStyle,
    /// Query parameters, appended in this order to those in the URL. Names may repeat, also those in the URL.
    pub params: &'a [(&'a str, &'a str)],
}

impl UrlTemplate<'_> {
    /// The URL, absolute.
    ///
    /// A relative path is appended to the base's path with one `/` between them, whether or not it begins with slashes;
    /// an empty one leaves the base as it is. Values of path parameters stay within their segment: everything but
    /// letters, digits and `-._~` is percent-encoded, `/` as `%2F`. So are names and values of query parameters: a space
    /// becomes `%20`.
    ///
    /// # Errors
    /// `invalid_url` for what cannot be parsed, has a control character, or is relative without a base.
    /// `invalid_argument` for a path parameter that is missing, unused or given twice, and for values that leave a
    /// segment empty, `.` or `..`, which would lead to another path.
    pub fn build(&self) -> Result<String> {
        check_text("url", self.url)?;
        // As every parser of URLs does.
        let given = self.url.trim_matches(' ');
        let (head, mut path, mut query, fragment);
        if let Some(pieces) = Pieces::of_absolute(given) {
            pieces.check("url", given)?;
            (head, path, query, fragment) = (
                pieces.head,
                pieces.path.to_owned(),
                pieces.query.unwrap_or_default().to_owned(),
                pieces.fragment,
            );
        } else {
            let Some(base) = self.base else {
                return Err(Error::new(
                    ErrorCode::InvalidUrl,
                    format!(
                        "url {:?} is relative, and there is no base URL",
                        shown_text(given)
                    ),
                ));
            };
            check_text("base URL", base)?;
            let base = base.trim_matches(' ');
            let Some(under) = Pieces::of_absolute(base) else {
                return Err(Error::new(
                    ErrorCode::InvalidUrl,
                    format!("base URL {:?} is not absolute", shown_text(base)),
                ));
            };
            under.check("base URL", base)?;
            let pieces = Pieces::of_rest("", given);
            path = under.path.to_owned();
            let appended = pieces.path.trim_start_matches(['/', '\\']);
            if !pieces.path.is_empty() {
                if !path.ends_with('/') {
                    path.push('/');
                }
                path.push_str(appended);
            }
            query = under.query.unwrap_or_default().to_owned();
            append(&mut query, pieces.query.unwrap_or_default());
            (head, fragment) = (under.head, pieces.fragment);
        }
        path = fill(&path, self.path_style, self.path_params)?;
        for (name, value) in self.params {
            let pair = format!(
                "{}={}",
                utf8_percent_encode(name, ESCAPED),
                utf8_percent_encode(value, ESCAPED)
            );
            append(&mut query, &pair);
        }
        let mut text = format!("{head}{path}");
        for (mark, piece) in [('?', query.as_str()), ('#', fragment.unwrap_or_default())] {
            if !piece.is_empty() {
                text.push(mark);
                text.push_str(piece);
            }
        }
        let url = Url::parse(&text).map_err(|cause| {
            let text = shown_text(&text);
            Error::new(ErrorCode::InvalidUrl, format!("url {text:?}: {cause}"))
        })?;
        Ok(url.into())
    }
}

fn append(query: &mut String, more: &str) {
    if !query.is_empty() && !more.is_empty() && !query.ends_with('&') {
        query.push('&');
    }
    query.push_str(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(base: &str, url: &str) -> String {
        let template = UrlTemplate {
            base: Some(base),
            url,
            ..UrlTemplate::default()
        };
        template.build().unwrap()
    }

    fn error(template: UrlTemplate<'_>, code: ErrorCode) -> String {
        let error = template.build().unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        error.message().to_owned()
    }

    #[test]
    fn a_relative_url_is_appended_to_the_base() {
        for (base, url, joined) in [
            ("http://host", "", "http://host/"),
            ("http://host/api", "", "http://host/api"),
            ("http://host/api/", "", "http://host/api/"),
            ("http://host", "x", "http://host/x"),
            ("http://host/api", "/x", "http://host/api/x"),
            ("http://host/api/", "x/", "http://host/api/x/"),
            ("http://host/api/", "/", "http://host/api/"),
            ("http://host/api", "/", "http://host/api/"),
            (
                "http://u:p@host:8080/api",
                "x:y",
                "http://u:p@host:8080/api/x:y",
            ),
            ("http://[::1]:8080", "x", "http://[::1]:8080/x"),
            // Not the host of another server.
            ("http://host/api", "//evil/x", "http://host/api/evil/x"),
            ("http://host/api", "users:all", "http://host/api/users:all"),
            (
                "http://host/api?key=1",
                "x?a=2",
                "http://host/api/x?key=1&a=2",
            ),
            ("http://host/api#old", "?a=2#new", "http://host/api?a=2#new"),
            (
                "http://host/api",
                "x?next=http://other/",
                "http://host/api/x?next=http://other/",
            ),
            (" http://host ", " x ", "http://host/x"),
        ] {
            assert_eq!(join(base, url), joined, "{base} {url}");
        }
    }

    #[test]
    fn an_absolute_url_wins() {
        assert_eq!(
            join("http://host/api?key=1", "https://other/x"),
            "https://other/x"
        );
        assert_eq!(join("http://host/api", "ws://other:81"), "ws://other:81/");
        // It needs no base, not even a good one.
        assert_eq!(join("nonsense", "HTTP://Other:80/x"), "http://other/x");
    }

    #[test]
    fn query_parameters_are_appended_in_order() {
        let with = |url: &str, params: &[(&str, &str)]| {
            let template = UrlTemplate {
                url,
                params,
                ..UrlTemplate::default()
            };
            template.build().unwrap()
        };
        let pairs = [("b", "2"), ("a", "1"), ("b", "3")];
        assert_eq!(with("http://h/x", &pairs), "http://h/x?b=2&a=1&b=3");
        assert_eq!(
            with("http://h?a=0&c#f", &pairs),
            "http://h/?a=0&c&b=2&a=1&b=3#f"
        );
        assert_eq!(with("http://h/?", &pairs[..1]), "http://h/?b=2");
        assert_eq!(with("http://h/?x&", &pairs[..1]), "http://h/?x&b=2");
        assert_eq!(with("http://h/?x", &[]), "http://h/?x");
        let hostile = [("a b", "~ +&=#?/%é'\"\r\n\0"), ("", "")];
        assert_eq!(
            with("http://h/", &hostile),
            "http://h/?a%20b=~%20%2B%26%3D%23%3F%2F%25%C3%A9%27%22%0D%0A%00&="
        );
        // Whoever reads forms gets back what was given.
        let url = Url::parse(&with("http://h/", &hostile)).unwrap();
        let read: Vec<_> = url.query_pairs().collect();
        assert_eq!(read.len(), 2);
        assert!(read[0].0 == "a b" && read[0].1 == hostile[0].1);
    }

    #[test]
    fn bad_urls_are_named() {
        fn url(url: &str) -> UrlTemplate<'_> {
            UrlTemplate {
                url,
                ..UrlTemplate::default()
            }
        }
        fn under(base: &str) -> UrlTemplate<'_> {
            UrlTemplate {
                base: Some(base),
                ..url("x")
            }
        }
        let bad = |template: UrlTemplate<'_>| error(template, ErrorCode::InvalidUrl);
        assert!(bad(url("/x")).contains("no base URL"));
        assert!(bad(url("")).contains("no base URL"));
        assert!(bad(url("http:x")).contains("no base URL"));
        assert!(bad(under("host/api")).contains("base URL \"host/api\" is not absolute"));
        assert!(bad(under("")).contains("not absolute"));
        for empty in ["http://", "http:///x", "http://?x", "https://\\x"] {
            assert!(bad(url(empty)).contains("no host"), "{empty}");
            assert!(bad(under(empty)).starts_with("base URL"), "{empty}");
        }
        for broken in [
            "http://a b/",
            "http://h:99999/",
            "http://[::1/",
            "http://:80/",
        ] {
            assert!(bad(url(broken)).contains(broken), "{broken}");
        }
        for byte in (0..32u8).chain([127]) {
            let text = format!("http://h/a{}x-evil: 1", char::from(byte));
            let place = format!("byte {byte:#04x} at offset 10");
            assert!(bad(url(&text)).contains(&place), "{byte}");
            let message = bad(under(&text));
            assert!(message.contains(&place) && message.starts_with("base URL"));
        }
    }

    #[test]
    fn the_authority_has_no_parameters() {
        let template = UrlTemplate {
            base: Some("http://us:er@host:8080/:tenant?at=:id"),
            url: "users/:id?q=:id#:id",
            path_params: &[("id", "a/b"), ("tenant", "t")],
            path_style: PathStyle::Colon,
            params: &[("p", ":id")],
        };
        assert_eq!(
            template.build().unwrap(),
            "http://us:er@host:8080/t/users/a%2Fb?at=:id&q=:id&p=%3Aid#:id"
        );
    }
}
