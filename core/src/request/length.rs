//! What `content-length` says and what the body is, made one.

use std::sync::Arc;

use http::header::CONTENT_LENGTH;

use super::{Body, BodyReader, BodySource, Request};
use crate::error::{Error, ErrorCode, Result};

impl Request {
    /// Checks a given `content-length` against the body: what differs would be read as the beginning of the next
    /// request. For a body of unknown length it becomes its length. The field itself is then left to the library.
    pub(crate) fn agree_on_length(&mut self) -> Result<()> {
        let Some(first) = self.headers.get(CONTENT_LENGTH) else {
            return Ok(());
        };
        let wrong = |why: String| Error::new(ErrorCode::InvalidHeader, why);
        // RFC 9110, 8.6: digits only, and the same if repeated.
        let given = first.to_str().ok().filter(|text| {
            text.bytes().all(|byte| byte.is_ascii_digit())
                && self
                    .headers
                    .get_all(CONTENT_LENGTH)
                    .iter()
                    .all(|other| other == first)
        });
        let given: u64 = given.and_then(|text| text.parse().ok()).ok_or_else(|| {
            wrong(format!(
                "header \"content-length\": {first:?} is not a number of bytes"
            ))
        })?;
        match self.body.length() {
            Some(length) if length != given => Err(wrong(format!(
                "header \"content-length\" says {given}, the body has {length} bytes"
            ))),
            Some(_) => {
                self.headers.remove(CONTENT_LENGTH);
                Ok(())
            }
            None => {
                self.headers.remove(CONTENT_LENGTH);
                self.body = match std::mem::take(&mut self.body) {
                    Body::Source(source) => Body::Source(Arc::new(Promised {
                        source,
                        length: given,
                    })),
                    _ => Body::Streamed {
                        length: Some(given),
                    },
                };
                Ok(())
            }
        }
    }
}

/// A source whose length the caller knows.
struct Promised {
    source: Arc<dyn BodySource>,
    length: u64,
}

impl BodySource for Promised {
    fn open(&self) -> Result<Box<dyn BodyReader>> {
        self.source.open()
    }

    fn length(&self) -> Option<u64> {
        Some(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::tests::Pieces;
    use super::*;

    fn request(body: Body, lengths: &[&str]) -> Request {
        let mut request = Request::new("POST", "http://host/").unwrap();
        request.body(body);
        for length in lengths {
            request.header("content-length", length.as_bytes()).unwrap();
        }
        request
    }

    fn source() -> Body {
        let pieces = Vec::new();
        let source = Pieces {
            pieces,
            length: None,
        };
        Body::Source(Arc::new(source))
    }

    #[test]
    fn a_length_that_is_right_or_unknown_is_taken() {
        for (body, given) in [
            (Body::Empty, "0"),
            (Body::from("four"), "4"),
            (Body::Streamed { length: None }, "7"),
            (Body::Streamed { length: Some(7) }, "7"),
            (source(), "7"),
        ] {
            for repeated in [&[given][..], &[given, given]] {
                let mut request = request(body.clone(), repeated);
                request.agree_on_length().unwrap();
                assert_eq!(request.body.length(), given.parse().ok());
                assert!(request.headers.is_empty());
            }
        }
        let mut request = request(source(), &[]);
        request.agree_on_length().unwrap();
        assert_eq!(request.body.length(), None);
    }

    #[test]
    fn what_would_split_the_request_is_refused() {
        for (body, given) in [
            (Body::Empty, &["5"][..]),
            (Body::from("four"), &["3"]),
            (Body::from("four"), &["4", "5"]),
            (Body::from("four"), &["5", "4"]),
            (Body::from("four"), &["+4"]),
            (Body::from("four"), &["4,4"]),
            (Body::from("four"), &["0x4"]),
            (Body::from("four"), &[""]),
            (Body::from("four"), &["4 "]),
            (Body::Streamed { length: Some(4) }, &["5"]),
            (Body::Streamed { length: None }, &["-1"]),
            (source(), &["18446744073709551616"]),
        ] {
            let error = request(body, given).agree_on_length().unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidHeader, "{given:?}");
            assert!(error.message().contains("\"content-length\""), "{error}");
        }
    }
}
