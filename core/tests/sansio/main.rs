//! Connections that own no socket, against servers in memory and servers that do as they are told.

mod adversary;
mod cuts;
mod http1;
mod http2_behaviour;
mod http2_faults;
mod http2_handles;
mod http2_pump;
mod http2_upgrade;
mod record;
mod scripted;
mod server;
mod websocket;
