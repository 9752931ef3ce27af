//! Protocols on a connected stream: HTTP/1.1 by hyper, HTTP/2 by h2, WebSocket on tungstenite's frame layer.

mod adoption;
mod gate;
pub(crate) mod h2c;
pub(crate) mod http1;
pub(crate) mod http2;
mod ping;
mod preface;
mod supervise;
pub(crate) mod websocket;
mod window;

pub(crate) use gate::Gate;
pub(crate) use preface::Transport;
use supervise::Abort;
