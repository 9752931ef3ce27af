//! Bodies that are made while they are sent.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use tokio::sync::mpsc;

/// What every answer's body is turned into.
pub(super) type AnyBody = BoxBody<Bytes, hyper::Error>;

/// Octet `i` of the pattern is `i % PERIOD`.
const PERIOD: usize = 251;

/// A piece of the pattern, a whole number of periods long, so that each further piece is the same.
static PIECE: LazyLock<Bytes> = LazyLock::new(|| {
    (0..PERIOD * 256)
        .map(|index| (index % PERIOD) as u8)
        .collect()
});

/// A body that is at hand.
pub(super) fn whole(octets: impl Into<Bytes>) -> AnyBody {
    Full::new(octets.into()).map_err(never).boxed()
}

/// So many octets of the pattern, of a length that is told beforehand or not.
pub(super) fn patterned(length: u64, told: bool) -> AnyBody {
    Patterned { left: length, told }.map_err(never).boxed()
}

/// A body whose frames come from a task; it ends when the sender is dropped.
pub(super) fn channel() -> (mpsc::Sender<Frame<Bytes>>, AnyBody) {
    let (sender, receiver) = mpsc::channel(4);
    (sender, Channel(receiver).map_err(never).boxed())
}

fn never(never: Infallible) -> hyper::Error {
    match never {}
}

struct Patterned {
    left: u64,
    told: bool,
}

impl Body for Patterned {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let length = self.left.min(PIECE.len() as u64);
        self.left -= length;
        Poll::Ready(Some(Ok(Frame::data(PIECE.slice(..length as usize)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        if self.told {
            SizeHint::with_exact(self.left)
        } else {
            SizeHint::default()
        }
    }
}

struct Channel(mpsc::Receiver<Frame<Bytes>>);

impl Body for Channel {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|frame| frame.map(Ok))
    }
}
