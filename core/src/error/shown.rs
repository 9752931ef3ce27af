//! URLs as messages show them: without user and password.

use std::borrow::Cow;

use url::{Position, Url};

/// What stands for user and password.
const HIDDEN: &str = "***";

/// A URL.
pub(crate) fn shown(url: &Url) -> Cow<'_, str> {
    if url.username().is_empty() && url.password().is_none() {
        return Cow::Borrowed(url.as_str());
    }
    let (before, after) = (..Position::BeforeUsername, Position::BeforeHost..);
    Cow::Owned(format!("{}{HIDDEN}@{}", &url[before], &url[after]))
}

/// What was meant as a URL. Nobody knows where its parts end, so all that may be user or password is hidden: from the
/// scheme to the last `@`.
pub(crate) fn shown_text(text: &str) -> Cow<'_, str> {
    let Some(end) = text.rfind('@') else {
        return Cow::Borrowed(text);
    };
    let begin = match text.split_once(':') {
        Some((scheme, rest)) if scheme.len() < end && is_scheme(scheme) => {
            let bare = rest.trim_start_matches(['/', '\\']);
            // Without slashes it may be a user, of whom the password would be what follows.
            if bare.len() < rest.len() {
                text.len() - bare.len()
            } else {
                0
            }
        }
        _ => 0,
    };
    let begin = begin.min(end);
    Cow::Owned(format!("{}{HIDDEN}{}", &text[..begin], &text[end..]))
}

fn is_scheme(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_are_hidden() {
        for (url, expected) in [
            ("http://host/a?b=c@d#e", "http://host/a?b=c@d#e"),
            ("http://me:secret@host:81/a@b", "http://***@host:81/a@b"),
            ("http://me@host/", "http://***@host/"),
            ("http://:secret@host/", "http://***@host/"),
            ("ftp://me:secret@host/", "ftp://***@host/"),
            ("mailto:me@host", "mailto:me@host"),
        ] {
            assert_eq!(shown(&Url::parse(url).unwrap()), expected);
        }
    }

    #[test]
    fn what_is_no_url_keeps_no_secret() {
        for (text, expected) in [
            ("nonsense", "nonsense"),
            ("http://host:port/", "http://host:port/"),
            ("http://me:secret@host:port/", "http://***@host:port/"),
            ("http://me:se/cr?e#t@host/", "http://***@host/"),
            ("http://me:se@cret@host/", "http://***@host/"),
            ("http:\\\\me:secret@host:x", "http:\\\\***@host:x"),
            ("http:me:secret@host:x", "***@host:x"),
            ("me:secret@host/", "***@host/"),
            ("//me:secret@host/", "***@host/"),
            ("@host", "***@host"),
            ("http://@", "http://***@"),
            ("h\u{e9}://me:secret@host", "***@host"),
        ] {
            assert_eq!(shown_text(text), expected, "{text}");
        }
    }
}
