//! An HTTP/2 client connection (RFC 9113) that owns no socket: h2 over a transport in memory.

mod body;
mod client;
mod error;
mod h2c;
mod settings;
mod state;
mod stream;
mod upload;
mod waker;

use http::{HeaderMap, Request, Response};

pub use body::{RequestBody, ResponseBody};
pub use client::Http2Client;
pub use error::Http2Error;
pub use h2c::upgrade_request;

pub use settings::Http2Settings;

pub use super::Flow;

/// Called with the head of an answer and its body.
pub type ResponseHandler = Box<dyn FnOnce(Response<()>, ResponseBody) + Send>;
/// Called with an informational answer (1xx).
pub type InformationalHandler = Box<dyn FnMut(Response<()>) + Send>;
/// Called with the trailers of an answer, after the last of its data.
pub type TrailersHandler = Box<dyn FnOnce(HeaderMap) + Send>;
/// Called with what ended one stream, or the connection. Nothing follows it there.
pub type ErrorHandler = Box<dyn FnOnce(Http2Error) + Send>;
/// Called with a request that the server promises to answer. What it gives takes the answer; `None` refuses it
/// (`RST_STREAM` with CANCEL; RFC 9113, 8.4.2).
pub type PushHandler = Box<dyn FnMut(Request<()>) -> Option<Handlers> + Send>;
/// Called when a ping was answered; dropped when it never will be.
pub type PingHandler = Box<dyn FnOnce() + Send>;
/// Called with each part of a body.
pub type PartHandler = Box<dyn FnMut(BodyPart) -> Flow + Send>;
/// Called with true once what was written has gone to the transport, with false when it never will.
pub type FlushHandler = Box<dyn FnOnce(bool) + Send>;
/// Called once there is room for more of a body.
pub type RoomHandler = Box<dyn FnOnce() + Send>;

/// What is called as a request is answered: the informational answers, the response, the parts of its body, the
/// trailers, and at any time instead of the rest the error.
pub struct Handlers {
    pub(super) response: Option<ResponseHandler>,
    pub(super) error: Option<ErrorHandler>,
    pub(super) trailers: Option<TrailersHandler>,
    pub(super) informational: Option<InformationalHandler>,
}

impl Handlers {
    /// What every request needs: who takes the answer, and who the error of its stream.
    pub fn new(
        response: impl FnOnce(Response<()>, ResponseBody) + Send + 'static,
        error: impl FnOnce(Http2Error) + Send + 'static,
    ) -> Handlers {
        Handlers {
            response: Some(Box::new(response)),
            error: Some(Box::new(error)),
            trailers: None,
            informational: None,
        }
    }

    /// Who takes the trailers. Without it they are read and dropped.
    #[must_use]
    pub fn on_trailers(mut self, handler: impl FnOnce(HeaderMap) + Send + 'static) -> Handlers {
        self.trailers = Some(Box::new(handler));
        self
    }

    /// Who takes the informational answers, [`crate::limits::INFORMATIONAL`] at most. Without it they are dropped.
    #[must_use]
    pub fn on_informational(
        mut self,
        handler: impl FnMut(Response<()>) + Send + 'static,
    ) -> Handlers {
        self.informational = Some(Box::new(handler));
        self
    }
}

/// A part of the body of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyPart {
    /// Bytes of it.
    Data(bytes::Bytes),
    /// It is complete; trailers came before this.
    End,
}
