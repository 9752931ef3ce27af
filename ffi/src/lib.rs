//! The C ABI of Trunkline. It translates and decides nothing: all behaviour is in the core.
//!
//! `handle` knows how opaque pointers are cast, `boundary` is what every exported call passes through, `view` knows
//! strings and bytes; the other files hold one group of exported functions each. `include/trunkline.h` is generated from
//! them; its opening text is the contract that the `SAFETY` comments refer to.

// The names are those of C. What a caller must keep to is said once, in the contract.
#![allow(non_camel_case_types, clippy::missing_safety_doc)]

#[cfg(not(target_pointer_width = "64"))]
compile_error!("handles are 64 bits wide: this platform is not served");

mod auth;
mod bodies;
mod boundary;
mod callback;
mod cell;
mod charset;
mod cookies;
mod fork;
mod handle;
mod har;
mod log;
mod manager;
mod message;
mod opaque;
mod options;
mod options_auth;
mod options_connection;
mod options_http2;
mod options_limits;
mod options_policy;
mod options_tls;
mod options_websocket;
mod pages;
mod part;
mod part_end;
mod policy;
mod request;
mod request_options;
mod request_policy;
mod request_url;
mod request_websocket;
mod resolver;
mod retry;
mod sansio;
mod statistics;
mod status;
mod submit;
mod tag;
mod text;
mod tunnel;
mod url;
mod version;
mod view;
mod websocket;
mod websocket_policy;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
