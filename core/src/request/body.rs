//! Request bodies.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::{BodySource, FileBody, Multipart};

/// The body of a request.
#[derive(Clone, Default)]
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
    /// Pulled from a source as the connection takes it; it can be sent again.
    Source(Arc<dyn BodySource>),
}

impl Body {
    /// The length in bytes, where it is known beforehand.
    pub(crate) fn length(&self) -> Option<u64> {
        match self {
            Body::Empty => Some(0),
            Body::Whole(bytes) => Some(bytes.len() as u64),
            Body::Streamed { length } => *length,
            Body::Source(source) => source.length(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Body::Empty => return f.write_str("Empty"),
            Body::Whole(_) => "Whole",
            Body::Streamed { .. } => "Streamed",
            Body::Source(_) => "Source",
        };
        f.debug_struct(name)
            .field("length", &self.length())
            .finish()
    }
}

impl From<Arc<dyn BodySource>> for Body {
    fn from(source: Arc<dyn BodySource>) -> Body {
        Body::Source(source)
    }
}

impl From<FileBody> for Body {
    fn from(file: FileBody) -> Body {
        Body::Source(Arc::new(file))
    }
}

impl From<Multipart> for Body {
    fn from(multipart: Multipart) -> Body {
        Body::Source(Arc::new(multipart))
    }
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
