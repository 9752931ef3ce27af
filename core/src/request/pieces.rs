//! A URL as it is written, taken apart: before a parser has changed it.

use crate::error::{Error, ErrorCode, Result, shown_text};

/// Parsers of URLs drop some control characters and encode others. Here none is meant, so none gets by.
pub(super) fn check_text(what: &str, text: &str) -> Result<()> {
    let Some(place) = text.bytes().position(|byte| byte.is_ascii_control()) else {
        return Ok(());
    };
    Err(Error::new(
        ErrorCode::InvalidUrl,
        format!(
            "{what} {:?} has the forbidden byte {:#04x} at offset {place}",
            shown_text(text),
            text.as_bytes()[place]
        ),
    ))
}

/// A URL as it is written, taken apart.
pub(super) struct Pieces<'a> {
    /// Scheme, `://` and authority.
    pub(super) head: &'a str,
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) fragment: Option<&'a str>,
}

impl<'a> Pieces<'a> {
    pub(super) fn of_absolute(text: &'a str) -> Option<Pieces<'a>> {
        let (scheme, rest) = text.split_once("://")?;
        let mut bytes = scheme.bytes();
        let is_scheme = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        if !is_scheme {
            return None;
        }
        // A backslash is a slash to those who parse URLs as browsers do.
        let authority = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
        let (head, rest) = text.split_at(scheme.len() + "://".len() + authority);
        Some(Pieces::of_rest(head, rest))
    }

    pub(super) fn of_rest(head: &'a str, rest: &'a str) -> Pieces<'a> {
        let (rest, fragment) = match rest.split_once('#') {
            Some((rest, fragment)) => (rest, Some(fragment)),
            None => (rest, None),
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        Pieces {
            head,
            path,
            query,
            fragment,
        }
    }

    /// An empty authority: a parser would take the host out of the path.
    pub(super) fn check(&self, what: &str, text: &str) -> Result<()> {
        if self.head.ends_with("://") {
            let why = format!("{what} {:?}: no host", shown_text(text));
            return Err(Error::new(ErrorCode::InvalidUrl, why));
        }
        Ok(())
    }
}
