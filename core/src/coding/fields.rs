//! Which codings the `content-encoding` fields of an answer name (RFC 9110, 8.4).

use std::fmt;

use http::header::{CONTENT_ENCODING, HeaderMap};

use crate::error::{Error, ErrorCode, Result};
use crate::limits::CONTENT_CODINGS;

/// A content coding that can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// `gzip` and `x-gzip` (RFC 1952).
    Gzip,
    /// `deflate`: zlib (RFC 1950), or raw deflate (RFC 1951), which some servers send in its place.
    Deflate,
    /// `br` (RFC 7932).
    Brotli,
    /// `zstd` (RFC 8878, RFC 9659).
    Zstd,
}

impl Coding {
    fn from_name(name: &str) -> Option<Coding> {
        const NAMES: [(&str, Coding); 5] = [
            ("gzip", Coding::Gzip),
            ("x-gzip", Coding::Gzip),
            ("deflate", Coding::Deflate),
            ("br", Coding::Brotli),
            ("zstd", Coding::Zstd),
        ];
        let known = NAMES
            .iter()
            .find(|(known, _)| name.eq_ignore_ascii_case(known));
        known.map(|(_, coding)| *coding)
    }

    /// The error of a body that does not follow this coding.
    pub(super) fn broken(self, what: impl fmt::Display) -> Error {
        let message = format!("content-encoding {self}: {what}");
        Error::new(ErrorCode::DecodeFailed, message)
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
        })
    }
}

/// The codings in the order in which they were applied. None where one is not known: what it covers cannot be reached.
///
/// Fails with `decode_failed` past [`CONTENT_CODINGS`].
pub(super) fn codings(headers: &HeaderMap) -> Result<Vec<Coding>> {
    let mut codings = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let Ok(value) = value.to_str() else {
            return Ok(Vec::new());
        };
        for name in value.split(',').map(str::trim) {
            if name.is_empty() || name.eq_ignore_ascii_case("identity") {
                continue;
            }
            let Some(coding) = Coding::from_name(name) else {
                return Ok(Vec::new());
            };
            if codings.len() == CONTENT_CODINGS {
                return Err(Error::new(
                    ErrorCode::DecodeFailed,
                    format!("content-encoding: more than {CONTENT_CODINGS} codings"),
                ));
            }
            codings.push(coding);
        }
    }
    Ok(codings)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::Coding::{Brotli, Deflate, Gzip, Zstd};
    use super::*;

    fn named(values: &[&[u8]]) -> Result<Vec<Coding>> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(CONTENT_ENCODING, HeaderValue::from_bytes(value).unwrap());
        }
        codings(&headers)
    }

    #[test]
    fn codings_are_read_from_all_fields_in_order() {
        let cases: [(&[&[u8]], &[Coding]); 8] = [
            (&[], &[]),
            (&[b"identity"], &[]),
            (&[b""], &[]),
            (&[b"X-GZip"], &[Gzip]),
            (&[b"gzip, br"], &[Gzip, Brotli]),
            (&[b"deflate", b"identity , ,zstd"], &[Deflate, Zstd]),
            (&[b"gzip, compress"], &[]),
            (&[b"gzip\xff"], &[]),
        ];
        for (values, expected) in cases {
            assert_eq!(named(values).unwrap(), expected, "{values:?}");
        }
    }

    #[test]
    fn too_many_codings_are_refused() {
        assert_eq!(named(&[b"br,br,br,br"]).unwrap().len(), CONTENT_CODINGS);
        for values in [&[&b"br,br,br,br,gzip"[..]][..], &[b"br,br,br", b"br,br"]] {
            let error = named(values).unwrap_err();
            assert_eq!(error.code(), ErrorCode::DecodeFailed);
        }
    }

    #[test]
    fn what_is_asked_for_is_known() {
        let asked: Vec<Coding> = super::super::ACCEPT
            .split(", ")
            .map(|name| Coding::from_name(name).unwrap())
            .collect();
        assert_eq!(asked, [Gzip, Deflate, Brotli, Zstd]);
    }
}
