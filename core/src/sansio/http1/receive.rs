//! An answer, as far as it has come.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;

use super::upload::Upload;
use super::{BodyPart, Flow, HttpError};
use crate::error::{Error, ErrorCode};
use crate::limits::INFORMATIONAL;
use crate::protocol::http1::failure;
use crate::sansio::exchange::PartHandler;

type Sending = Pin<Box<dyn Future<Output = hyper::Result<Response<Incoming>>> + Send>>;

/// Informational answers that came.
type Informed = Arc<Mutex<VecDeque<Response<()>>>>;

/// What an answer has come to.
pub(super) enum Step {
    /// Nothing, until there is more.
    Pending,
    Informational(Response<()>),
    /// The peer speaks another protocol from here on.
    Upgraded(Response<()>),
    Head(Response<()>),
    Part(PartHandler, BodyPart),
    Trailers(HeaderMap),
    Failed(HttpError),
}

enum Stage {
    Head(Sending),
    Body(Counted),
    /// Trailers, or the end, were told of last.
    Ended,
}

/// The body of an answer, and how much of it has come.
struct Counted {
    body: Incoming,
    /// Of `content-length`, where that tells its length.
    expected: Option<u64>,
    received: u64,
}

impl Counted {
    /// What broke the body off.
    fn fault(&self, cause: hyper::Error) -> HttpError {
        let error = failure(cause, "http/1.1 body");
        match self.expected {
            Some(expected)
                if error.code() == ErrorCode::ConnectionClosed && self.received < expected =>
            {
                HttpError::InvalidBodyLength {
                    expected,
                    received: self.received,
                    cut_off: true,
                }
            }
            _ => error.into(),
        }
    }
}

/// An answer that is being received.
pub(super) struct Receive {
    stage: Stage,
    informed: Informed,
    counted: u32,
    may_upgrade: bool,
    connects: bool,
    /// Who takes the parts; out while it is called.
    handler: Option<PartHandler>,
    paused: bool,
    /// It was to go on while its handler was out.
    resumed: bool,
    end_told: bool,
}

impl Receive {
    /// Sends a request.
    pub(super) fn new(
        sender: &mut SendRequest<Upload>,
        mut request: Request<Upload>,
        may_upgrade: bool,
    ) -> Receive {
        let informed = Informed::default();
        let came = Arc::clone(&informed);
        hyper::ext::on_informational(&mut request, move |response| {
            let mut head = Response::new(());
            *head.status_mut() = response.status();
            *head.headers_mut() = response.headers().clone();
            came.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push_back(head);
        });
        Receive {
            connects: request.method() == http::Method::CONNECT,
            stage: Stage::Head(Box::pin(sender.send_request(request))),
            informed,
            counted: 0,
            may_upgrade,
            handler: None,
            paused: false,
            resumed: false,
            end_told: false,
        }
    }

    /// The end was told of.
    pub(super) fn is_done(&self) -> bool {
        self.end_told
    }

    pub(super) fn read(&mut self, handler: PartHandler) -> Option<PartHandler> {
        self.handler.replace(handler)
    }

    /// The handler is back; it is given back where it has replaced itself.
    pub(super) fn put_back(&mut self, handler: PartHandler, flow: Flow) -> Option<PartHandler> {
        self.paused = flow == Flow::Pause && !std::mem::take(&mut self.resumed);
        if self.handler.is_some() {
            return Some(handler);
        }
        self.handler = Some(handler);
        None
    }

    pub(super) fn resume(&mut self) {
        self.resumed = self.handler.is_none();
        self.paused = false;
    }

    /// One step on.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Step {
        let came = self
            .informed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        if let Some(response) = came {
            self.counted += 1;
            if self.counted > INFORMATIONAL {
                return malformed(&format!("more than {INFORMATIONAL} informational answers"));
            }
            return Step::Informational(response);
        }
        match &mut self.stage {
            Stage::Head(sending) => match sending.as_mut().poll(cx) {
                Poll::Pending => Step::Pending,
                Poll::Ready(Ok(response)) => self.head(response),
                Poll::Ready(Err(cause)) => Step::Failed(failure(cause, "http/1.1").into()),
            },
            Stage::Body(_) => self.body(cx),
            Stage::Ended => self.end(),
        }
    }

    fn head(&mut self, response: Response<Incoming>) -> Step {
        let (head, body) = response.into_parts();
        let switched = head.status == StatusCode::SWITCHING_PROTOCOLS
            || (self.connects && head.status.is_success());
        if switched {
            if !self.may_upgrade {
                return malformed("the peer speaks another protocol, for which nobody has asked");
            }
            return Step::Upgraded(Response::from_parts(head, ()));
        }
        if head.headers.contains_key(TRANSFER_ENCODING) && head.headers.contains_key(CONTENT_LENGTH)
        {
            return malformed(
                "the answer has both transfer-encoding and content-length (RFC 9112, 6.1)",
            );
        }
        let length = head.headers.get(CONTENT_LENGTH);
        self.stage = Stage::Body(Counted {
            body,
            expected: length.and_then(|value| value.to_str().ok()?.parse().ok()),
            received: 0,
        });
        Step::Head(Response::from_parts(head, ()))
    }

    fn body(&mut self, cx: &mut Context<'_>) -> Step {
        let Stage::Body(counted) = &mut self.stage else {
            return Step::Pending;
        };
        if self.paused {
            return Step::Pending;
        }
        let Some(handler) = self.handler.take() else {
            return Step::Pending;
        };
        loop {
            let step = match Pin::new(&mut counted.body).poll_frame(cx) {
                Poll::Pending => Step::Pending,
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) if data.is_empty() => continue,
                    Ok(data) => {
                        counted.received += data.len() as u64;
                        return Step::Part(handler, BodyPart::Data(data));
                    }
                    Err(frame) => match frame.into_trailers() {
                        Ok(trailers) => {
                            self.stage = Stage::Ended;
                            Step::Trailers(trailers)
                        }
                        Err(_) => continue,
                    },
                },
                Poll::Ready(None) => {
                    self.stage = Stage::Ended;
                    self.handler = Some(handler);
                    return self.end();
                }
                Poll::Ready(Some(Err(cause))) => Step::Failed(counted.fault(cause)),
            };
            self.handler = Some(handler);
            return step;
        }
    }

    fn end(&mut self) -> Step {
        if self.end_told || self.paused {
            return Step::Pending;
        }
        let Some(handler) = self.handler.take() else {
            return Step::Pending;
        };
        self.end_told = true;
        Step::Part(handler, BodyPart::End)
    }
}

fn malformed(what: &str) -> Step {
    let error = Error::new(ErrorCode::Http1Malformed, format!("http/1.1: {what}"));
    Step::Failed(HttpError::from(error))
}
