//! Request bodies.

use bytes::Bytes;

/// The body of a request.
#[derive(Debug, Clone, Default)]
pub enum Body {
    /// None.
    #[default]
    Empty,
    /// Given whole; it can be sent again.
    Whole(Bytes),
    /// Written piece by piece after submission; it cannot be sent again once a piece was taken.
    Streamed {
        /// The length in bytes, where it is known beforehand.
        length: Option<u64>,
    },
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Body {
        if bytes.is_empty() {
            Body::Empty
        } else {
            Body::Whole(bytes)
        }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Body {
        Body::from(Bytes::from(bytes))
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Body {
        Body::from(Bytes::from_static(text.as_bytes()))
    }
}
