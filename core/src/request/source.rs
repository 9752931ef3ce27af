//! Bodies that are pulled from a source as the connection takes them, and can be pulled again.

use bytes::Bytes;

use crate::error::{Error, ErrorCode, Result};
use crate::limits::BODY_PIECE;

/// A request body that can be opened any number of times: a request that has one can be sent again.
pub trait BodySource: Send + Sync {
    /// A reader that begins at the first byte. Called once for each time that the request is sent, on the thread that
    /// runs the reactor: it must not block for long. Opening a file is fine.
    ///
    /// # Errors
    /// Whatever is wrong with the source; the request ends with `upload_failed` and that error's message.
    fn open(&self) -> Result<Box<dyn BodyReader>>;

    /// The bytes that a reader gives in all, where that is known: it becomes `content-length`. Else HTTP/1.1 uses
    /// chunked coding. The same at every call.
    fn length(&self) -> Option<u64>;
}

/// One passage through a body. It is read only when the connection takes more.
pub trait BodyReader: Send {
    /// The next piece, or `None` at the end. A piece is not empty; one larger than [`BODY_PIECE`] is sent in pieces.
    /// Called on the thread that runs the reactor: it must not block for long. Reading a file is fine.
    ///
    /// # Errors
    /// Whatever is wrong with the source; the request ends with `upload_failed` and that error's message.
    fn read(&mut self) -> Result<Option<Bytes>>;
}

/// An error of a source, which names it: `upload_failed`.
pub(crate) fn upload_failed(why: impl Into<String>) -> Error {
    Error::new(ErrorCode::UploadFailed, why)
}

/// A reader that is held to what its source has promised.
pub(crate) struct SourceReader {
    reader: Box<dyn BodyReader>,
    /// What is left of a piece that was too large.
    rest: Bytes,
    /// Bytes that are still to come, where the length is known.
    left: Option<u64>,
    ended: bool,
}

impl SourceReader {
    /// Opens the source. Errors are `upload_failed`.
    pub(crate) fn open(source: &dyn BodySource) -> Result<SourceReader> {
        let mut reader = SourceReader {
            reader: source.open().map_err(as_upload_failed)?,
            rest: Bytes::new(),
            left: source.length(),
            ended: false,
        };
        if reader.left == Some(0) {
            reader.expect_end()?;
        }
        Ok(reader)
    }

    /// The next piece, of at most [`BODY_PIECE`] bytes and not empty; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>> {
        if self.rest.is_empty() {
            match self.pull()? {
                Some(piece) => self.rest = piece,
                None => return Ok(None),
            }
        }
        let size = self.rest.len().min(BODY_PIECE);
        Ok(Some(self.rest.split_to(size)))
    }

    fn pull(&mut self) -> Result<Option<Bytes>> {
        if self.ended {
            return Ok(None);
        }
        let Some(piece) = self.reader.read().map_err(as_upload_failed)? else {
            self.ended = true;
            return match self.left {
                Some(left @ 1..) => Err(upload_failed(format!(
                    "the source of the body ended {left} bytes short of its length"
                ))),
                _ => Ok(None),
            };
        };
        if piece.is_empty() {
            // Skipped, a source that gives nothing else would hold the reactor for ever.
            return Err(upload_failed("the source of the body gave an empty piece"));
        }
        if let Some(left) = &mut self.left {
            *left = left
                .checked_sub(piece.len() as u64)
                .ok_or_else(more_than_length)?;
            if *left == 0 {
                // Asked before the last piece is sent: the peer must not see a body that is whole and wrong.
                self.expect_end()?;
            }
        }
        Ok(Some(piece))
    }

    fn expect_end(&mut self) -> Result<()> {
        match self.reader.read().map_err(as_upload_failed)? {
            None => {
                self.ended = true;
                Ok(())
            }
            Some(_) => Err(more_than_length()),
        }
    }

    /// Whether everything was given out; known beforehand where the length is.
    pub(crate) fn is_ended(&self) -> bool {
        self.ended && self.rest.is_empty()
    }
}

fn more_than_length() -> Error {
    upload_failed("the source of the body gave more than its length")
}

fn as_upload_failed(error: Error) -> Error {
    if error.code() == ErrorCode::UploadFailed {
        return error;
    }
    upload_failed(format!("the source of the body failed: {error}")).with_source(error)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Gives these pieces; `None` stands for an error.
    pub(crate) struct Pieces {
        pub(crate) pieces: Vec<Option<Bytes>>,
        pub(crate) length: Option<u64>,
    }

    impl BodySource for Pieces {
        fn open(&self) -> Result<Box<dyn BodyReader>> {
            Ok(Box::new(PiecesReader(self.pieces.clone().into_iter())))
        }

        fn length(&self) -> Option<u64> {
            self.length
        }
    }

    struct PiecesReader(std::vec::IntoIter<Option<Bytes>>);

    impl BodyReader for PiecesReader {
        fn read(&mut self) -> Result<Option<Bytes>> {
            match self.0.next() {
                Some(Some(piece)) => Ok(Some(piece)),
                Some(None) => Err(Error::new(ErrorCode::Io, "the tape is torn")),
                None => Ok(None),
            }
        }
    }

    /// All of a source, and the largest piece.
    pub(crate) fn read_all(source: &dyn BodySource) -> Result<(Vec<u8>, usize)> {
        let mut reader = SourceReader::open(source)?;
        let (mut all, mut largest) = (Vec::new(), 0);
        while let Some(piece) = reader.next()? {
            assert!(!piece.is_empty());
            largest = largest.max(piece.len());
            all.extend_from_slice(&piece);
        }
        assert!(reader.is_ended());
        assert_eq!(reader.next()?, None, "the end stays the end");
        Ok((all, largest))
    }

    fn source(pieces: &[&'static str], length: Option<u64>) -> Pieces {
        Pieces {
            pieces: pieces
                .iter()
                .map(|piece| Some(Bytes::from_static(piece.as_bytes())))
                .collect(),
            length,
        }
    }

    #[test]
    fn a_source_is_held_to_its_length() {
        let (all, _) = read_all(&source(&["ab", "cd"], Some(4))).unwrap();
        assert_eq!(all, b"abcd");
        assert_eq!(read_all(&source(&["ab"], None)).unwrap().0, b"ab");
        assert_eq!(read_all(&source(&[], Some(0))).unwrap().0, b"");
        assert_eq!(read_all(&source(&[], None)).unwrap().0, b"");
        for (pieces, length, why) in [
            (&["ab", "cd"][..], 5, "1 bytes short"),
            (&[], 1, "1 bytes short"),
            (&["ab", "cd"], 3, "more than its length"),
            (&["ab", "cd"], 2, "more than its length"),
            (&["a"], 0, "more than its length"),
            (&["ab", "", "cd"], 4, "empty piece"),
        ] {
            let error = read_all(&source(pieces, Some(length))).unwrap_err();
            assert_eq!(error.code(), ErrorCode::UploadFailed);
            assert!(error.message().contains(why), "{error}");
        }
    }

    /// The piece that would make the body whole is kept back when more follows.
    #[test]
    fn a_body_that_is_wrong_is_never_whole() {
        let source = source(&["ab", "cd", "e"], Some(4));
        let mut reader = SourceReader::open(&source).unwrap();
        assert_eq!(reader.next().unwrap().unwrap(), "ab");
        assert!(reader.next().is_err());
    }

    #[test]
    fn large_pieces_are_cut() {
        let size = 3 * BODY_PIECE + 1;
        let source = Pieces {
            pieces: vec![Some(Bytes::from(vec![7; size]))],
            length: Some(size as u64),
        };
        let (all, largest) = read_all(&source).unwrap();
        assert_eq!((all.len(), largest), (size, BODY_PIECE));
    }

    #[test]
    fn an_error_keeps_its_words() {
        let source = Pieces {
            pieces: vec![Some(Bytes::from_static(b"ab")), None],
            length: None,
        };
        let error = read_all(&source).unwrap_err();
        assert_eq!(error.code(), ErrorCode::UploadFailed);
        assert!(error.message().contains("io: the tape is torn"), "{error}");
    }
}
