//! WebSocket (RFC 6455) on tungstenite's frame layer, with permessage-deflate (RFC 7692), over a connection of its own or a
//! stream of an HTTP/2 connection (RFC 8441).

mod buffers;
mod deflate;
mod extension;
mod handshake;
mod keep_alive;
mod mask;
mod receiver;
mod sender;
mod session;
mod transport;

pub(crate) use deflate::{Deflater, Inflater};
pub(crate) use extension::Agreed;
pub(crate) use handshake::{check_http1, check_http2, detached, prepare_http1, prepare_http2};
pub(crate) use receiver::{Accepts, Receiver};
pub(crate) use sender::Sender;
pub(crate) use session::{Session, Setup};
pub(crate) use transport::{Http2Stream, Transport};

#[cfg(test)]
mod tests;
