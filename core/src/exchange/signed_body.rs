//! A body that is signed in chunks as it is sent.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::auth::ChunkSigner;
use crate::error::Result;
use crate::request::{Body, BodyReader, BodySource, SourceReader};

/// The body as it is sent.
pub(super) fn signed_body(signer: ChunkSigner, body: Arc<dyn BodySource>) -> Body {
    Body::Source(Arc::new(SignedBody { signer, body }))
}

struct SignedBody {
    signer: ChunkSigner,
    body: Arc<dyn BodySource>,
}

impl BodySource for SignedBody {
    fn open(&self) -> Result<Box<dyn BodyReader>> {
        Ok(Box::new(SignedReader {
            signer: self.signer.clone(),
            body: SourceReader::open(&*self.body)?,
            held: BytesMut::new(),
            ended: false,
        }))
    }

    fn length(&self) -> Option<u64> {
        self.body.length().map(ChunkSigner::encoded_length)
    }
}

struct SignedReader {
    signer: ChunkSigner,
    body: SourceReader,
    /// Bytes of the chunk that is not full yet.
    held: BytesMut,
    ended: bool,
}

impl BodyReader for SignedReader {
    fn read(&mut self) -> Result<Option<Bytes>> {
        if self.ended {
            return Ok(None);
        }
        while self.held.len() < ChunkSigner::CHUNK {
            match self.body.next()? {
                Some(piece) => self.held.extend_from_slice(&piece),
                None => break,
            }
        }
        let size = self.held.len().min(ChunkSigner::CHUNK);
        let data = self.held.split_to(size);
        self.ended = data.is_empty();
        Ok(Some(self.signer.chunk(&data)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use http::{HeaderMap, Method};

    use super::*;
    use crate::auth::{Auth, AuthRequest, AwsPayload, AwsSigV4, Challenges};

    /// A body of one letter, in pieces of 1000.
    struct Letters(usize);

    impl BodySource for Letters {
        fn open(&self) -> Result<Box<dyn BodyReader>> {
            Ok(Box::new(Letters(self.0)))
        }

        fn length(&self) -> Option<u64> {
            Some(self.0 as u64)
        }
    }

    impl BodyReader for Letters {
        fn read(&mut self) -> Result<Option<Bytes>> {
            let size = self.0.min(1000);
            self.0 -= size;
            Ok((size > 0).then(|| Bytes::from(vec![b'a'; size])))
        }
    }

    fn read(source: &dyn BodySource) -> Vec<u8> {
        let mut reader = SourceReader::open(source).unwrap();
        let mut sent = Vec::new();
        while let Some(piece) = reader.next().unwrap() {
            sent.extend_from_slice(&piece);
        }
        sent
    }

    #[test]
    fn the_length_is_told_beforehand_and_holds() {
        let signer = AwsSigV4 {
            date: Some(UNIX_EPOCH + Duration::from_secs(1_369_353_600)),
            payload: AwsPayload::Streaming,
            ..AwsSigV4::new("key", "secret", "s3")
        };
        for length in [0, 1, 15, 16, 65535, 65536, 65537, 131_072] {
            let request = AuthRequest {
                method: &Method::PUT,
                url: "http://h/",
                host: "h",
                headers: &HeaderMap::new(),
                body: None,
                source: Some(length),
            };
            let authorized = Auth::AwsSigV4(signer.clone())
                .authorize(&request, "http://h", &Challenges::default())
                .unwrap();
            let letters = Arc::new(Letters(usize::try_from(length).unwrap()));
            let Body::Source(source) = signed_body(authorized.chunks.unwrap(), letters) else {
                panic!("it has a source");
            };
            let sent = read(&*source);
            assert_eq!(source.length(), Some(sent.len() as u64));
            // Each time from its beginning.
            assert!(sent == read(&*source));
        }
    }
}
