//! A multipart body as it is sent: one piece after another, one source open at a time.

use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::limits::BODY_PIECE;
use crate::request::source::{SourceReader, upload_failed};
use crate::request::{BodyReader, BodySource};

/// A stretch of the body.
#[derive(Clone)]
pub(super) enum Segment {
    Bytes(Bytes),
    Source {
        name: String,
        source: Arc<dyn BodySource>,
    },
}

/// Goes through the segments in their order.
pub(super) struct MultipartReader {
    segments: std::vec::IntoIter<Segment>,
    bytes: Bytes,
    /// The part whose source is open, with its name.
    part: Option<(String, SourceReader)>,
}

impl MultipartReader {
    pub(super) fn new(segments: Vec<Segment>) -> MultipartReader {
        MultipartReader {
            segments: segments.into_iter(),
            bytes: Bytes::new(),
            part: None,
        }
    }
}

impl BodyReader for MultipartReader {
    fn read(&mut self) -> Result<Option<Bytes>> {
        loop {
            if !self.bytes.is_empty() {
                let size = self.bytes.len().min(BODY_PIECE);
                return Ok(Some(self.bytes.split_to(size)));
            }
            if let Some((name, reader)) = &mut self.part {
                match reader.next().map_err(|error| in_part(name, error))? {
                    Some(piece) => return Ok(Some(piece)),
                    None => self.part = None,
                }
            }
            match self.segments.next() {
                Some(Segment::Bytes(bytes)) => self.bytes = bytes,
                Some(Segment::Source { name, source }) => {
                    let reader = SourceReader::open(&*source);
                    let reader = reader.map_err(|error| in_part(&name, error))?;
                    self.part = Some((name, reader));
                }
                None => return Ok(None),
            }
        }
    }
}

fn in_part(name: &str, error: Error) -> Error {
    let text = format!("multipart part {name:?}: {}", error.message());
    upload_failed(text).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;
    use crate::request::source::tests::Pieces;

    #[test]
    fn a_part_that_fails_is_named() {
        let torn = Pieces {
            pieces: vec![None],
            length: Some(7),
        };
        let short = Pieces {
            pieces: Vec::new(),
            length: Some(7),
        };
        for (source, why) in [(torn, "the tape is torn"), (short, "7 bytes short")] {
            let mut reader = MultipartReader::new(vec![Segment::Source {
                name: "upload".to_owned(),
                source: Arc::new(source),
            }]);
            let error = reader.read().unwrap_err();
            assert_eq!(error.code(), ErrorCode::UploadFailed);
            assert!(error.message().contains("part \"upload\""), "{error}");
            assert!(error.message().contains(why), "{error}");
        }
    }
}
