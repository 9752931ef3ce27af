//! Exchanges on engines that speak HTTP, whichever version: who takes an answer, the bodies of both sides, what goes wrong.

mod body;
mod calls;
mod engine;
mod error;
mod pieces;
mod shared;

use http::{HeaderMap, Response};

pub(super) use body::{Carrier, Key};
pub use body::{RequestBody, RequestHandle, ResponseBody};
pub(super) use calls::{Call, Calls};
pub(super) use engine::engine;
pub use error::HttpError;
pub(super) use pieces::Pieces;
pub(super) use shared::{Machine, Shared};

pub use super::Flow;

/// Called with the head of an answer and its body.
pub type ResponseHandler = Box<dyn FnOnce(Response<()>, ResponseBody) + Send>;
/// Called with an informational answer (1xx).
pub type InformationalHandler = Box<dyn FnMut(Response<()>) + Send>;
/// Called where the peer has upgraded an HTTP/1.1 connection: with the head of its answer, and with the bytes that came behind
/// it. The connection is the program's then.
pub type UpgradeHandler = Box<dyn FnOnce(Response<()>, bytes::Bytes) + Send>;
/// Called with the trailers of an answer, after the last of its data.
pub type TrailersHandler = Box<dyn FnOnce(HeaderMap) + Send>;
/// Called with what ended one stream, or the connection. Nothing follows it there.
pub type ErrorHandler = Box<dyn FnOnce(HttpError) + Send>;
/// Called with each part of a body.
pub type PartHandler = Box<dyn FnMut(BodyPart) -> Flow + Send>;
/// Called with true once what was written has gone to the transport, with false when it never will.
pub type FlushHandler = Box<dyn FnOnce(bool) + Send>;
/// Called once there is room for more of a body.
pub type RoomHandler = Box<dyn FnOnce() + Send>;

/// What is called as a request is answered: the informational answers, the response, the parts of its body, the
/// trailers, and at any time instead of the rest the error.
pub struct Handlers {
    pub(in crate::sansio) response: Option<ResponseHandler>,
    pub(in crate::sansio) error: Option<ErrorHandler>,
    pub(in crate::sansio) trailers: Option<TrailersHandler>,
    pub(in crate::sansio) informational: Option<InformationalHandler>,
    pub(in crate::sansio) upgrade: Option<UpgradeHandler>,
}

impl Handlers {
    /// What every request needs: who takes the answer, and who the error of its stream.
    pub fn new(
        response: impl FnOnce(Response<()>, ResponseBody) + Send + 'static,
        error: impl FnOnce(HttpError) + Send + 'static,
    ) -> Handlers {
        Handlers {
            response: Some(Box::new(response)),
            error: Some(Box::new(error)),
            trailers: None,
            informational: None,
            upgrade: None,
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

    /// Who takes the connection where the peer upgrades it: after a 101, or a CONNECT that succeeds. It ends the exchange, and
    /// there are no more on this connection. Without it a 101 is an error. HTTP/2 has no upgrades.
    #[must_use]
    pub fn on_upgrade(
        mut self,
        handler: impl FnOnce(Response<()>, bytes::Bytes) + Send + 'static,
    ) -> Handlers {
        self.upgrade = Some(Box::new(handler));
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
