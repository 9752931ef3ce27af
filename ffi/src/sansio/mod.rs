//! Protocol engines that own no socket. `engine` drives all of them, `exchange`, `upload` and `answer` are requests on those
//! that speak HTTP; each protocol has a file of its own besides.

mod answer;
mod engine;
mod error;
mod exchange;
mod fields;
mod handshake;
mod hooks;
mod http1;
mod http2;
mod settings;
mod table;
mod upload;
mod websocket;

pub(crate) use answer::AnswerObject;
pub(crate) use engine::EngineObject;
pub(crate) use handshake::HandshakeObject;
pub(crate) use upload::UploadObject;
