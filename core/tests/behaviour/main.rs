//! The promises of the library, each shown on both drives where it can differ.

#[path = "../kit/mod.rs"]
mod kit;

mod bodies;
mod callbacks;
mod coalescing;
mod connection;
mod credit;
mod deadlines;
mod ends;
mod h2c;
mod h2c_faults;

mod http2_options;
mod journeys;
mod mutations;
mod neighbours;
mod polling;
mod pool;
mod pool_http2;
mod pool_http2_several;
mod proxy;
mod proxy_digest;
mod proxy_faults;
mod replay;
mod tls;
mod tls_options;
mod tunnel;
