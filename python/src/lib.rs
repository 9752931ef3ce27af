//! The native half of the Python package `trunkline`: it translates between Python and the core and decides nothing.

mod auth;
mod awaitable;
mod binding;
mod channel;
mod collect;
mod connection;
mod cookies;
mod engine;
mod errors;
mod exchange;
mod fetch;
mod frames;
mod har;
mod headers;
mod heap;
mod info;
mod listener;
mod log;
mod looking;
mod manager;
mod options;
mod parts;
mod pings;
mod policy;
mod prepare;
mod receive;
mod resolver;
mod response;
mod sansio;
mod source;
mod text;
mod timeout;
mod view;
mod waiting;
mod websocket;
mod websocket_async;
mod websocket_options;

use pyo3::prelude::*;

/// Requests are many small allocations: this allocator takes less time for them than the platform's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The native half of the package `trunkline`.
#[pymodule(gil_used = false)]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("version", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(errors::error_table, module)?)?;
    module.add_class::<timeout::Timeout>()?;
    module.add_class::<headers::Headers>()?;
    module.add_class::<info::ConnectionInfo>()?;
    module.add_class::<info::Timings>()?;
    module.add_class::<info::Summary>()?;
    module.add_class::<parts::Head>()?;
    module.add_class::<parts::Data>()?;
    module.add_class::<parts::Trailers>()?;
    module.add_class::<parts::Frame>()?;
    module.add_class::<parts::Done>()?;
    module.add_class::<parts::Redirect>()?;
    module.add_class::<parts::Writable>()?;
    module.add_class::<parts::Reconnected>()?;
    module.add_class::<parts::Latency>()?;
    module.add_class::<policy::Attempt>()?;
    module.add_class::<response::Response>()?;
    module.add_function(wrap_pyfunction!(log::set_log_level, module)?)?;
    module.add_function(wrap_pyfunction!(log::flush_log, module)?)?;
    module.add_function(wrap_pyfunction!(source::build_url, module)?)?;
    module.add_function(wrap_pyfunction!(source::form, module)?)?;
    module.add_class::<text::LineReader>()?;
    module.add_class::<text::EventReader>()?;
    module.add_class::<text::ServerSentEvent>()?;
    module.add_function(wrap_pyfunction!(text::text_of, module)?)?;
    module.add_function(wrap_pyfunction!(text::encoding_of, module)?)?;
    module.add_class::<cookies::Cookie>()?;
    module.add_class::<cookies::CookieJar>()?;
    module.add_function(wrap_pyfunction!(cookies::cookies_of, module)?)?;
    module.add_class::<har::HarLog>()?;
    module.add_class::<resolver::Lookup>()?;
    sansio::register(module)?;
    module.add_class::<manager::Manager>()?;
    module.add_class::<exchange::Exchange>()?;
    module.add_class::<receive::AsyncExchange>()?;
    module.add_class::<websocket::WebSocket>()?;
    module.add_class::<websocket_async::AsyncWebSocket>()?;
    Ok(())
}
