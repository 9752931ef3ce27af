//! The manager: owns the reactors, the pools and the limits; everything hangs off one.

mod statistics;

use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Instant;

use crate::delivery::{Delivery, Event, RequestHandle};
use crate::error::Result;
use crate::options::ManagerOptions;
use crate::request::Request;

pub use statistics::Statistics;
pub(crate) use statistics::{Counters, add};

/// Opens, pools and supervises connections, and hands answers over part by part. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Manager {
    inner: Arc<()>,
}

impl Manager {
    /// stub
    pub fn new(_options: ManagerOptions) -> Result<Manager> { todo!() }
    /// stub
    pub fn submit(&self, _request: Request, _delivery: Delivery) -> Result<RequestHandle> { todo!() }
    /// stub
    pub fn poll(&self, _batch: &mut Vec<Event>, _max: usize, _deadline: Option<Instant>) -> Result<usize> { todo!() }
    /// stub
    pub fn descriptor(&self) -> Result<RawFd> { todo!() }
    /// stub
    pub fn shutdown(&self, _deadline: Instant) -> Result<bool> { todo!() }
    /// stub
    pub fn close(&self) { todo!() }
    /// stub
    pub fn statistics(&self) -> Statistics { todo!() }
}
