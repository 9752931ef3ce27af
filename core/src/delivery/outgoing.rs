//! What the caller writes to a request after submission: a streamed body. A bounded queue.

use std::collections::VecDeque;
use std::task::Waker;

use bytes::Bytes;
use http::HeaderMap;

use crate::error::{Error, ErrorCode, Result};

/// What comes next of a streamed body.
pub(crate) enum UploadPiece {
    Data(Bytes),
    End(Option<HeaderMap>),
    Failed(String),
    /// Nothing yet.
    Pending,
}

/// A streamed request body on its way from the caller to the connection.
#[derive(Default)]
pub(crate) struct Upload {
    pieces: VecDeque<Bytes>,
    queued: usize,
    /// What was promised as the length, and how much of that is still to be written.
    left: Option<u64>,
    finished: bool,
    trailers: Option<HeaderMap>,
    failed: Option<String>,
    /// A write was refused; the caller wants to hear of room.
    refused: bool,
    /// A piece was handed to a connection, so the body cannot be sent again.
    pub(crate) touched: bool,
    /// The request no longer takes a body.
    closed: bool,
    /// The end of the body was handed to the connection.
    pub(crate) complete: bool,
    /// Why the caller's side could not give the rest of the body.
    pub(crate) broken: Option<Error>,
    /// Who sends the body and waits for more of it.
    reader: Option<Waker>,
}

impl Upload {
    pub(crate) fn new(length: Option<u64>) -> Upload {
        Upload {
            left: length,
            ..Upload::default()
        }
    }

    pub(crate) fn write(&mut self, data: Bytes, bound: usize) -> Result<Option<Waker>> {
        self.writable()?;
        // A piece larger than the bound is taken when the queue is empty, so that no write can be refused for ever.
        if self.queued > 0 && self.queued + data.len() > bound {
            self.refused = true;
            return Err(Error::new(ErrorCode::Again, "the upload queue is full"));
        }
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(data.len() as u64).ok_or_else(|| {
                Error::new(
                    ErrorCode::InvalidArgument,
                    format!(
                        "{} bytes are more than the {left} that are left of the body's length",
                        data.len()
                    ),
                )
            })?;
        }
        self.queued += data.len();
        if !data.is_empty() {
            self.pieces.push_back(data);
        }
        Ok(self.reader.take())
    }

    pub(crate) fn finish(&mut self, trailers: Option<HeaderMap>) -> Result<Option<Waker>> {
        self.writable()?;
        if let Some(left @ 1..) = self.left {
            return Err(Error::new(
                ErrorCode::InvalidState,
                format!("the body is {left} bytes short of its length"),
            ));
        }
        self.finished = true;
        self.trailers = trailers;
        Ok(self.reader.take())
    }

    pub(crate) fn fail(&mut self, why: String) -> Result<Option<Waker>> {
        self.writable()?;
        self.failed = Some(why);
        Ok(self.reader.take())
    }

    fn writable(&self) -> Result<()> {
        if self.finished || self.failed.is_some() {
            return Err(Error::new(
                ErrorCode::InvalidState,
                "the body has been finished already",
            ));
        }
        if self.closed {
            return Err(Error::new(
                ErrorCode::InvalidState,
                "the request takes no more of its body",
            ));
        }
        Ok(())
    }

    /// The next piece, and whether a refused writer is to be told of room. `reader` is woken when there is more.
    pub(crate) fn next(&mut self, reader: &Waker) -> (UploadPiece, bool) {
        if let Some(why) = self.failed.take() {
            return (UploadPiece::Failed(why), false);
        }
        if let Some(data) = self.pieces.pop_front() {
            self.touched = true;
            self.queued -= data.len();
            let room = self.queued == 0 && std::mem::take(&mut self.refused);
            return (UploadPiece::Data(data), room);
        }
        if self.finished {
            self.touched = true;
            self.complete = true;
            return (UploadPiece::End(self.trailers.take()), false);
        }
        self.reader = Some(reader.clone());
        (UploadPiece::Pending, std::mem::take(&mut self.refused))
    }

    /// Whoever sends it waits for the caller to write more.
    pub(crate) fn is_starved(&self) -> bool {
        self.reader.is_some()
    }

    /// Takes no more; what is queued is dropped. True when a refused writer is to be told.
    pub(crate) fn close(&mut self) -> bool {
        self.closed = true;
        self.pieces.clear();
        self.queued = 0;
        std::mem::take(&mut self.refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code<T>(result: Result<T>) -> ErrorCode {
        match result {
            Ok(_) => panic!("no error"),
            Err(error) => error.code(),
        }
    }

    #[test]
    fn an_upload_is_bounded_and_told_of_room() {
        let mut upload = Upload::default();
        let reader = Waker::noop();
        // A piece beyond the bound is taken when nothing else is there, so that no write is refused for ever.
        upload.write(Bytes::from_static(&[0; 30]), 10).unwrap();
        assert_eq!(
            code(upload.write(Bytes::from_static(b"x"), 10)),
            ErrorCode::Again
        );
        let (piece, room) = upload.next(reader);
        assert!(matches!(piece, UploadPiece::Data(data) if data.len() == 30) && room);
        assert!(matches!(upload.next(reader), (UploadPiece::Pending, false)));
        upload.write(Bytes::from_static(b"12345"), 10).unwrap();
        upload.write(Bytes::from_static(b"12345"), 10).unwrap();
        assert_eq!(
            code(upload.write(Bytes::from_static(b"x"), 10)),
            ErrorCode::Again
        );
        upload.finish(None).unwrap();
        assert_eq!(
            code(upload.write(Bytes::from_static(b"x"), 10)),
            ErrorCode::InvalidState
        );
        assert_eq!(code(upload.finish(None)), ErrorCode::InvalidState);
        assert!(matches!(upload.next(reader).0, UploadPiece::Data(_)));
        assert!(matches!(upload.next(reader).0, UploadPiece::Data(_)));
        assert!(matches!(upload.next(reader).0, UploadPiece::End(None)));
        assert!(upload.complete && upload.touched);
    }
}
