//! A body that is signed piece by piece as it is sent: STREAMING-AWS4-HMAC-SHA256-PAYLOAD in the coding aws-chunked.

use aws_lc_rs::hmac;
use bytes::{Bytes, BytesMut};

use super::{hex, keyed, sha256};

/// The bytes of a chunk, the last ones excepted. Amazon asks for 8 KiB at least.
const CHUNK: usize = 64 * 1024;
/// What stands around a chunk besides the digits of its size and its bytes.
const AROUND: usize = ";chunk-signature=".len() + 64 + "\r\n".len() + "\r\n".len();

/// What the chunks of one body are signed with.
#[derive(Clone)]
pub(crate) struct ChunkSigner {
    pub(super) key: hmac::Tag,
    pub(super) time: String,
    pub(super) scope: String,
    /// The signature that the next one is built upon: of the head, then of the chunk before.
    pub(super) previous: String,
}

impl ChunkSigner {
    /// The bytes of a chunk, but of the last ones.
    pub(crate) const CHUNK: usize = CHUNK;

    /// The next chunk as it is sent. An empty one is the end.
    pub(crate) fn chunk(&mut self, data: &[u8]) -> Bytes {
        let to_sign = format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{}\n{}\n{}",
            self.time,
            self.scope,
            self.previous,
            sha256(b""),
            sha256(data)
        );
        self.previous = hex(keyed(&self.key, &to_sign).as_ref());
        let head = format!("{:x};chunk-signature={}\r\n", data.len(), self.previous);
        let mut chunk = BytesMut::with_capacity(head.len() + data.len() + 2);
        chunk.extend_from_slice(head.as_bytes());
        chunk.extend_from_slice(data);
        chunk.extend_from_slice(b"\r\n");
        chunk.freeze()
    }

    /// The length, as it is sent, of a body of so many bytes.
    pub(crate) fn encoded_length(length: u64) -> u64 {
        let sent = |size: u64| format!("{size:x}").len() as u64 + AROUND as u64 + size;
        let (full, rest) = (length / CHUNK as u64, length % CHUNK as u64);
        let last = if rest > 0 { sent(rest) } else { 0 };
        full * sent(CHUNK as u64) + last + sent(0)
    }
}
