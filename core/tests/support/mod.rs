//! What the core's tests share.

pub mod expect;
pub mod options;
