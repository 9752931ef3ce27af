//! The body of a request: written by its owner, read by hyper.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, TRAILER};
use http_body::{Body, Frame};

use crate::error::{Error, ErrorCode};
use crate::sansio::exchange::Pieces;

/// How a body ends.
enum End {
    Open,
    Plain,
    Trailers(HeaderMap),
    /// hyper has taken it.
    Taken,
}

/// What waits for hyper to take it.
pub(super) struct Queue {
    pub(super) pieces: Pieces,
    /// Of `content-length`, what is still to come.
    left: Option<u64>,
    end: End,
    /// Nothing is taken any more.
    over: bool,
    /// Trailers of other names would never arrive (RFC 9110, 6.6.2): hyper drops them.
    announced: Vec<HeaderName>,
    waker: Option<Waker>,
}

/// The body as its owner, the connection and hyper share it.
#[derive(Clone)]
pub(super) struct Upload(Arc<Mutex<Queue>>);

impl Upload {
    /// `complete` where there is none.
    pub(super) fn new(headers: &HeaderMap, complete: bool) -> Upload {
        let length = headers.get(CONTENT_LENGTH);
        let names = headers.get_all(TRAILER).iter();
        let names = names.filter_map(|value| value.to_str().ok());
        let announced = names
            .flat_map(|value| value.split(','))
            .filter_map(|name| name.trim().parse().ok())
            .collect();
        Upload(Arc::new(Mutex::new(Queue {
            pieces: Pieces::default(),
            left: length.and_then(|value| value.to_str().ok()?.parse().ok()),
            end: if complete { End::Taken } else { End::Open },
            over: false,
            announced,
            waker: None,
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Whether more of it can be written.
    pub(super) fn is_open(&self) -> bool {
        !self.over && matches!(self.end, End::Open)
    }

    /// hyper has taken all of it. With a known length it does not ask for the end.
    pub(super) fn is_done(&self) -> bool {
        self.over
            || match self.end {
                End::Open | End::Trailers(_) => false,
                End::Plain => self.pieces.is_empty(),
                End::Taken => true,
            }
    }

    pub(super) fn finish(&mut self, trailers: Option<HeaderMap>) {
        self.end = trailers.map_or(End::Plain, End::Trailers);
        self.wake();
    }

    /// Takes nothing any more, and sends none of what waits.
    pub(super) fn shut(&mut self) {
        self.over = true;
        self.pieces.clear();
    }

    /// It was changed: hyper is to ask again.
    pub(super) fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Some(piece) = self.pieces.take(usize::MAX) {
            if let Some(left) = &mut self.left {
                // hyper would cut the rest off.
                let Some(rest) = left.checked_sub(piece.len() as u64) else {
                    self.over = true;
                    let error = Error::new(
                        ErrorCode::UploadFailed,
                        "the body is longer than its content-length",
                    );
                    return Poll::Ready(Some(Err(error)));
                };
                *left = rest;
            }
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        if self.over {
            let error = Error::new(ErrorCode::UploadFailed, "the request was given up");
            return Poll::Ready(Some(Err(error)));
        }
        match std::mem::replace(&mut self.end, End::Taken) {
            End::Open => {
                self.end = End::Open;
                self.waker = Some(cx.waker().clone());
                Poll::Pending
            }
            End::Trailers(trailers) => {
                let lost = trailers.keys().find(|name| !self.announced.contains(name));
                Poll::Ready(Some(match lost {
                    Some(name) => Err(Error::new(
                        ErrorCode::UploadFailed,
                        format!("the request did not announce its trailer {name} in `trailer`"),
                    )),
                    None => Ok(Frame::trailers(trailers)),
                }))
            }
            End::Plain | End::Taken => Poll::Ready(None),
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.lock().next(cx)
    }

    fn is_end_stream(&self) -> bool {
        let queue = self.lock();
        queue.pieces.is_empty() && matches!(queue.end, End::Taken)
    }
}
