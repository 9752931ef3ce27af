//! Text as it comes: lines, server-sent events and characters, from pieces that are cut anywhere.
//!
//! These engines are fed by hand and know no request, so that every binding can wrap them.

mod charset;
mod lines;
mod server_sent_events;
mod utf8;

pub use charset::{TextDecoder, charset_of};
pub use lines::Lines;
pub use server_sent_events::{ServerSentEvent, ServerSentEvents};
pub(crate) use utf8::Utf8;
