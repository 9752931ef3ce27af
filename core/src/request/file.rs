//! A body that is a file, or a part of one, read as the connection takes it.

use std::fmt::Display;
use std::fs::{File, Metadata, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::source::upload_failed;
use super::{BodyReader, BodySource};
use crate::error::{Error, ErrorCode, Result};
use crate::limits::BODY_PIECE;

/// A regular file, or a part of one, as a request's body. Nothing of it is held in memory but the piece that is being
/// sent. It is opened when the request is sent, each time that it is.
#[derive(Debug, Clone)]
pub struct FileBody {
    path: Arc<Path>,
    offset: u64,
    length: u64,
    /// The file's size, where it must stay what it was: when the body goes to the file's end.
    size: Option<u64>,
}

impl FileBody {
    /// The whole file. A size that has changed when it is sent, or changes meanwhile, is `upload_failed`.
    ///
    /// # Errors
    /// `io` for a file that cannot be looked at, `invalid_argument` for what is not a regular file.
    pub fn new(path: impl Into<PathBuf>) -> Result<FileBody> {
        FileBody::range(path, 0, None)
    }

    /// `length` bytes from `offset`, both in bytes; without a length all from `offset` to the end. With one the file may
    /// grow, but not so shrink that the range ends before `length` bytes; without one its size must stay what it is.
    ///
    /// # Errors
    /// As [`FileBody::new`]; `invalid_argument` for a range that is not in the file.
    pub fn range(path: impl Into<PathBuf>, offset: u64, length: Option<u64>) -> Result<FileBody> {
        let path: Arc<Path> = Arc::from(path.into());
        let metadata = std::fs::metadata(&path)
            .map_err(|cause| Error::new(ErrorCode::Io, named(&path, &cause)).with_source(cause))?;
        let bad = |why: &str| Error::new(ErrorCode::InvalidArgument, named(&path, why));
        if !metadata.is_file() {
            return Err(bad("it is not a regular file"));
        }
        let size = metadata.len();
        let there = size
            .checked_sub(offset)
            .ok_or_else(|| bad(&format!("offset {offset} is past its size, {size} bytes")))?;
        if let Some(length) = length.filter(|length| *length > there) {
            return Err(bad(&format!(
                "{length} bytes from offset {offset} go past its size, {size} bytes"
            )));
        }
        Ok(FileBody {
            offset,
            length: length.unwrap_or(there),
            size: length.is_none().then_some(size),
            path,
        })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file is still as long as it must be.
    fn check(&self, metadata: &Metadata) -> Result<()> {
        let now = metadata.len();
        let why = match self.size {
            Some(size) if now != size => {
                format!("its size has changed from {size} to {now} bytes")
            }
            None if now < self.offset + self.length => format!(
                "it has shrunk to {now} bytes, {} from offset {} were to be sent",
                self.length, self.offset
            ),
            _ => return Ok(()),
        };
        Err(upload_failed(named(&self.path, why)))
    }

    fn failed(&self, cause: std::io::Error) -> Error {
        upload_failed(named(&self.path, &cause)).with_source(cause)
    }
}

impl BodySource for FileBody {
    fn open(&self) -> Result<Box<dyn BodyReader>> {
        let file = OpenOptions::new()
            .read(true)
            // A pipe that has taken the file's place meanwhile must not hold the reactor.
            .custom_flags(libc::O_NONBLOCK)
            .open(&self.path)
            .map_err(|cause| self.failed(cause))?;
        let metadata = file.metadata().map_err(|cause| self.failed(cause))?;
        if !metadata.is_file() {
            let why = "it is not a regular file any more";
            return Err(upload_failed(named(&self.path, why)));
        }
        self.check(&metadata)?;
        Ok(Box::new(FileReader {
            file,
            position: self.offset,
            left: self.length,
            body: self.clone(),
        }))
    }

    fn length(&self) -> Option<u64> {
        Some(self.length)
    }
}

fn named(path: &Path, why: impl Display) -> String {
    format!("file {:?}: {why}", path.to_string_lossy())
}

struct FileReader {
    file: File,
    position: u64,
    left: u64,
    body: FileBody,
}

impl BodyReader for FileReader {
    fn read(&mut self) -> Result<Option<Bytes>> {
        if self.left == 0 {
            let metadata = self.file.metadata();
            let metadata = metadata.map_err(|cause| self.body.failed(cause))?;
            self.body.check(&metadata)?;
            return Ok(None);
        }
        let mut piece = vec![0; self.left.min(BODY_PIECE as u64) as usize];
        let read = loop {
            match self.file.read_at(&mut piece, self.position) {
                Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => {}
                read => break read.map_err(|cause| self.body.failed(cause))?,
            }
        };
        if read == 0 {
            let why = format!("it ends {} bytes short of what was to be sent", self.left);
            return Err(upload_failed(named(&self.body.path, why)));
        }
        piece.truncate(read);
        self.position += read as u64;
        self.left -= read as u64;
        Ok(Some(Bytes::from(piece)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::source::tests::read_all;
    use super::*;

    fn file(content: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        file
    }

    #[test]
    fn the_whole_file_and_ranges_of_it() {
        let content: Vec<u8> = (0..BODY_PIECE * 2 + 5)
            .map(|index| (index % 251) as u8)
            .collect();
        let file = file(&content);
        let size = content.len() as u64;
        for (offset, length) in [
            (0, None),
            (1, None),
            (size, None),
            (0, Some(0)),
            (3, Some(BODY_PIECE as u64)),
            (size - 1, Some(1)),
        ] {
            let body = FileBody::range(file.path(), offset, length).unwrap();
            let end = offset + length.unwrap_or(size - offset);
            assert_eq!(body.length(), Some(end - offset));
            // Twice, for it can be sent again.
            for _ in 0..2 {
                let (all, largest) = read_all(&body).unwrap();
                assert!(largest <= BODY_PIECE);
                assert!(all == content[offset as usize..end as usize]);
            }
        }
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        let file = file(b"four");
        let code = |offset, length| {
            let error = FileBody::range(file.path(), offset, length).unwrap_err();
            assert!(error.message().contains(file.path().to_str().unwrap()));
            error.code()
        };
        assert_eq!(code(5, None), ErrorCode::InvalidArgument);
        assert_eq!(code(0, Some(5)), ErrorCode::InvalidArgument);
        assert_eq!(code(4, Some(1)), ErrorCode::InvalidArgument);
        assert_eq!(code(1, Some(u64::MAX)), ErrorCode::InvalidArgument);
        let code = |path: &str| FileBody::new(path).unwrap_err().code();
        assert_eq!(code("/nowhere/at all"), ErrorCode::Io);
        assert_eq!(code("/nul\0byte"), ErrorCode::Io);
        assert_eq!(code("/"), ErrorCode::InvalidArgument);
        assert_eq!(code("/dev/null"), ErrorCode::InvalidArgument);
    }

    fn fails(body: &FileBody, why: &str) {
        let error = read_all(body).unwrap_err();
        assert_eq!(error.code(), ErrorCode::UploadFailed);
        assert!(error.message().contains(why), "{error}");
        assert!(error.message().contains(body.path().to_str().unwrap()));
    }

    #[test]
    fn a_size_that_has_changed_is_an_error() {
        let mut file = file(b"0123456789");
        let whole = FileBody::new(file.path()).unwrap();
        let end = FileBody::range(file.path(), 8, None).unwrap();
        let range = FileBody::range(file.path(), 2, Some(6)).unwrap();
        file.write_all(b"more").unwrap();
        fails(&whole, "changed from 10 to 14 bytes");
        fails(&end, "changed from 10 to 14 bytes");
        assert_eq!(read_all(&range).unwrap().0, b"234567");
        file.as_file().set_len(7).unwrap();
        fails(&whole, "changed from 10 to 7 bytes");
        fails(&range, "shrunk to 7 bytes");
        let path = file.path().to_owned();
        drop(file);
        fails(&whole, "No such file");
        std::fs::create_dir(&path).unwrap();
        fails(&whole, "not a regular file any more");
        std::fs::remove_dir(&path).unwrap();
    }

    #[test]
    fn a_size_that_changes_on_the_way_is_an_error() {
        for size in [0, BODY_PIECE as u64, BODY_PIECE as u64 + 2, 10_000_000] {
            let file = file(&vec![b'x'; 3 * BODY_PIECE]);
            let body = FileBody::new(file.path()).unwrap();
            let mut reader = body.open().unwrap();
            let first = reader.read().unwrap().unwrap();
            assert_eq!(first.len(), BODY_PIECE);
            file.as_file().set_len(size).unwrap();
            let mut read = first.len();
            let error = loop {
                match reader.read() {
                    Ok(Some(piece)) => read += piece.len(),
                    Ok(None) => panic!("{size}: the change was not seen"),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.code(), ErrorCode::UploadFailed);
            assert!(read <= 3 * BODY_PIECE, "{read}");
        }
    }
}
