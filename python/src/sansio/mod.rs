//! Connections that own no socket (`trunkline.sansio`): bytes go in and out by calls, events come out.

mod events;
mod exchanges;
mod http;
mod link;
mod made;
mod websocket;

use pyo3::prelude::*;

/// Adds the classes.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<http::Http2Client>()?;
    module.add_class::<http::Http1Client>()?;
    module.add_class::<websocket::SansIoWebSocket>()?;
    module.add_class::<websocket::Handshake>()?;
    module.add_class::<events::Answer>()?;
    module.add_class::<events::AnswerData>()?;
    module.add_class::<events::AnswerTrailers>()?;
    module.add_class::<events::AnswerEnd>()?;
    module.add_class::<events::AnswerFailed>()?;
    module.add_class::<events::ConnectionFailed>()?;
    module.add_class::<events::PingAnswered>()?;
    module.add_class::<events::Promised>()?;
    module.add_class::<events::Upgraded>()?;
    module.add_class::<events::Closed>()
}
