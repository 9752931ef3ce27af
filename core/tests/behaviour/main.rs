//! The promises of the library, each shown on both drives where it can differ.

#[path = "../kit/mod.rs"]
mod kit;

mod bodies;
mod callbacks;
mod credit;
mod deadlines;
mod ends;
mod mutations;
mod neighbours;
mod polling;
mod pool;
mod pool_http2;
mod replay;
mod tls;
