//! `multipart/form-data` bodies (RFC 7578), names written as browsers do (WHATWG HTML, 4.10.21.8).

mod head;
mod reader;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;

use super::{BodyReader, BodySource, FileBody};
use crate::error::{Error, ErrorCode, Result};
use crate::limits::BODY_PIECE;

use head::{check_boundary, content_type, part_head};
use reader::{MultipartReader, Segment};

/// Contents up to so many bytes are copied next to the part's head, larger ones are shared.
const SMALL: usize = 4 * 1024;
/// A `multipart/form-data` body: text fields, bytes, and files that are read as they are sent. It can be sent again. Its
/// length is known where that of each part is.
#[derive(Clone)]
pub struct Multipart {
    boundary: String,
    segments: Vec<Segment>,
    /// What follows the last segment so far.
    tail: Vec<u8>,
    /// Bytes of all segments; none when one of them does not know.
    length: Option<u64>,
}

impl std::fmt::Debug for Multipart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Multipart")
            .field("boundary", &self.boundary)
            .field("length", &self.length())
            .finish_non_exhaustive()
    }
}

impl Multipart {
    /// A body without parts, with a boundary of 128 random bits: no part can be made to hold it.
    ///
    /// # Errors
    /// `io` when the system gives no random bytes.
    pub fn new() -> Result<Multipart> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)
            .map_err(|cause| Error::new(ErrorCode::Io, format!("multipart boundary: {cause}")))?;
        let mut boundary = String::from("trunkline-");
        for byte in random {
            // Writing to a string does not fail.
            let _ = write!(boundary, "{byte:02x}");
        }
        Multipart::with_boundary(&boundary)
    }

    /// A body without parts, with a given boundary. That no part holds it is for the caller to know.
    ///
    /// # Errors
    /// `invalid_argument` for a boundary that RFC 2046, 5.1.1 does not allow: 1 to 70 letters, digits, spaces and
    /// `'()+_,-./:=?`, no space at the end.
    pub fn with_boundary(boundary: &str) -> Result<Multipart> {
        check_boundary(boundary)?;
        Ok(Multipart {
            boundary: boundary.to_owned(),
            segments: Vec::new(),
            tail: Vec::new(),
            length: Some(0),
        })
    }

    /// The value of the request's `content-type`.
    pub fn content_type(&self) -> String {
        content_type(&self.boundary)
    }

    /// Adds a text field. The value is sent as it is; its line ends are not changed.
    ///
    /// # Errors
    /// `invalid_argument` for a name with a NUL.
    pub fn text(&mut self, name: &str, value: &str) -> Result<&mut Multipart> {
        self.begin(name, None, None)?;
        self.content(Bytes::copy_from_slice(value.as_bytes()));
        Ok(self)
    }

    /// Adds bytes, with a filename where they are to be a file. Without a content type that of the filename's extension is
    /// sent, else `application/octet-stream`; without a filename none.
    ///
    /// # Errors
    /// `invalid_argument` for a name or filename with a NUL, `invalid_header` for a content type that cannot be sent.
    pub fn bytes(
        &mut self,
        name: &str,
        data: impl Into<Bytes>,
        filename: Option<&str>,
        content_type: Option<&str>,
    ) -> Result<&mut Multipart> {
        self.begin(name, filename, content_type)?;
        self.content(data.into());
        Ok(self)
    }

    /// Adds a file, read when it is sent. Without a filename that of its path is sent; content type as for
    /// [`Multipart::bytes`].
    ///
    /// # Errors
    /// As [`Multipart::bytes`].
    pub fn file(
        &mut self,
        name: &str,
        file: FileBody,
        filename: Option<&str>,
        content_type: Option<&str>,
    ) -> Result<&mut Multipart> {
        let of_path = file
            .path()
            .file_name()
            .map(std::ffi::OsStr::to_string_lossy);
        let filename = filename.map(Cow::Borrowed).or(of_path).map(Cow::into_owned);
        self.source(name, Arc::new(file), filename.as_deref(), content_type)
    }

    /// Adds what a source gives; the rest as for [`Multipart::bytes`].
    ///
    /// # Errors
    /// As [`Multipart::bytes`].
    pub fn source(
        &mut self,
        name: &str,
        source: Arc<dyn BodySource>,
        filename: Option<&str>,
        content_type: Option<&str>,
    ) -> Result<&mut Multipart> {
        self.begin(name, filename, content_type)?;
        let length = source.length();
        let name = name.to_owned();
        self.push(Segment::Source { name, source }, length);
        self.tail.extend_from_slice(b"\r\n");
        Ok(self)
    }

    fn begin(&mut self, name: &str, filename: Option<&str>, kind: Option<&str>) -> Result<()> {
        let head = part_head(&self.boundary, name, filename, kind)?;
        self.tail.extend_from_slice(head.as_bytes());
        Ok(())
    }

    fn content(&mut self, data: Bytes) {
        if data.len() <= SMALL {
            self.tail.extend_from_slice(&data);
        } else {
            let length = data.len() as u64;
            self.push(Segment::Bytes(data), Some(length));
        }
        self.tail.extend_from_slice(b"\r\n");
        if self.tail.len() >= BODY_PIECE {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let tail = std::mem::take(&mut self.tail);
        let length = tail.len() as u64;
        self.length = sum(self.length, Some(length));
        self.segments.push(Segment::Bytes(Bytes::from(tail)));
    }

    fn push(&mut self, segment: Segment, length: Option<u64>) {
        self.flush();
        self.length = sum(self.length, length);
        self.segments.push(segment);
    }

    /// What follows the last segment, with the delimiter that closes the body.
    fn end(&self) -> Bytes {
        [&self.tail[..], b"--", self.boundary.as_bytes(), b"--\r\n"]
            .concat()
            .into()
    }
}

impl BodySource for Multipart {
    fn open(&self) -> Result<Box<dyn BodyReader>> {
        let mut segments = self.segments.clone();
        segments.push(Segment::Bytes(self.end()));
        Ok(Box::new(MultipartReader::new(segments)))
    }

    fn length(&self) -> Option<u64> {
        let end = self.tail.len() + self.boundary.len() + "----\r\n".len();
        sum(self.length, Some(end as u64))
    }
}

fn sum(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one?.checked_add(other?)
}

#[cfg(test)]
mod tests {
    use super::super::source::tests::{Pieces, read_all};
    use super::*;

    fn text(multipart: &Multipart) -> String {
        let (all, largest) = read_all(multipart).unwrap();
        assert!(largest <= BODY_PIECE);
        assert_eq!(
            multipart.length().unwrap_or(all.len() as u64),
            all.len() as u64
        );
        String::from_utf8(all).unwrap()
    }

    fn body() -> Multipart {
        Multipart::with_boundary("AaB03x").unwrap()
    }

    /// After the example of RFC 7578, 4.1 and that of HTML 4.01, 17.13.4.
    #[test]
    fn parts_are_written_as_the_rfc_shows() {
        let mut body = body();
        body.text("submit-name", "Larry").unwrap();
        body.bytes(
            "files",
            "... contents of file1.txt ...",
            Some("file1.txt"),
            None,
        )
        .unwrap();
        body.bytes("raw", "\0\r\n", None, None).unwrap();
        body.bytes("typed", "{}", None, Some("application/json"))
            .unwrap();
        assert_eq!(
            text(&body),
            "--AaB03x\r\n\
             Content-Disposition: form-data; name=\"submit-name\"\r\n\r\n\
             Larry\r\n\
             --AaB03x\r\n\
             Content-Disposition: form-data; name=\"files\"; filename=\"file1.txt\"\r\n\
             Content-Type: text/plain\r\n\r\n\
             ... contents of file1.txt ...\r\n\
             --AaB03x\r\n\
             Content-Disposition: form-data; name=\"raw\"\r\n\r\n\
             \0\r\n\r\n\
             --AaB03x\r\n\
             Content-Disposition: form-data; name=\"typed\"\r\n\
             Content-Type: application/json\r\n\r\n\
             {}\r\n\
             --AaB03x--\r\n"
        );
        assert_eq!(body.content_type(), "multipart/form-data; boundary=AaB03x");
    }

    #[test]
    fn boundaries_are_random() {
        let (one, other) = (Multipart::new().unwrap(), Multipart::new().unwrap());
        assert_ne!(one.boundary, other.boundary);
        assert_eq!(one.boundary.len(), "trunkline-".len() + 32);
    }

    #[test]
    fn without_parts_only_the_end_is_left() {
        assert_eq!(text(&body()), "--AaB03x--\r\n");
    }

    #[test]
    fn files_and_sources_are_streamed_in_their_place() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("photo \"1\".png");
        let content = vec![b'p'; 2 * BODY_PIECE + 1];
        std::fs::write(&path, &content).unwrap();
        let unknown = Pieces {
            pieces: vec![Some(Bytes::from_static(b"from a source"))],
            length: None,
        };
        let large = "t".repeat(SMALL + 1);
        let mut body = body();
        body.file("photo", FileBody::new(&path).unwrap(), None, None)
            .unwrap();
        assert!(body.length().is_some());
        body.text("large", &large).unwrap();
        body.source("s", Arc::new(unknown), Some("no-extension"), None)
            .unwrap();
        assert_eq!(body.length(), None, "one part does not know its own");
        let all = text(&body);
        assert_eq!(all, text(&body), "it can be sent again");
        let photo = format!(
            "--AaB03x\r\nContent-Disposition: form-data; name=\"photo\"; \
             filename=\"photo %221%22.png\"\r\nContent-Type: image/png\r\n\r\n{}\r\n--AaB03x\r\n",
            String::from_utf8(content).unwrap()
        );
        assert!(all.starts_with(&photo));
        assert!(all.contains(&format!("name=\"large\"\r\n\r\n{large}\r\n--AaB03x\r\n")));
        assert!(all.ends_with(
            "filename=\"no-extension\"\r\nContent-Type: application/octet-stream\r\n\r\n\
             from a source\r\n--AaB03x--\r\n"
        ));
    }
}
