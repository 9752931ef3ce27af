//! Protocol engines that own no socket: bytes go in and out by calls. Whoever owns a transport (an event loop of its own,
//! a serial line, a test) has with them the protocols of this crate. They start no thread, set no timer and need no runtime.
//!
//! All are an [`Engine`], which is driven by a loop that asks what to do and reports what came of it:
//!
//! - [`ReadOperation`] says whether to read; what was read is given to `read`, the end of it to `read_eof`;
//! - [`WriteOperation`] says what to write; what came of it is told to `report_write_result`;
//! - where there is nothing to do, `yield_reader` and `yield_writer` take a function that is called once there is.
//!
//! Handlers are called from inside these calls, on the thread that makes them, with no lock held: they may call
//! everything, on the same connection too.

pub mod exchange;
mod frames;
pub mod http1;
pub mod http2;
mod memory;
mod pump;
pub mod websocket;

pub use memory::Vectors;

/// What to do next with the side of a transport that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOperation {
    /// Read, and give what came to `read`, or the end to `read_eof`.
    Read,
    /// Nothing can be taken in now: wait for `yield_reader`.
    Yield,
    /// Nothing will be read any more.
    Close,
}

/// What to do next with the side of a transport that is written.
#[derive(Debug, Clone)]
pub enum WriteOperation {
    /// Write these, or the first of them, and tell `report_write_result` how many bytes that were.
    Write(Vectors),
    /// There is nothing to write: wait for `yield_writer`.
    Yield,
    /// Nothing will be written any more.
    Close {
        /// Bytes that were never written, because the transport took no more.
        unsent: u64,
    },
}

/// What came of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteResult {
    /// So many bytes were written.
    Written(usize),
    /// The transport takes no more.
    Closed,
}

/// A function that is called once there is something to do again.
pub type WakeHandler = Box<dyn FnOnce() + Send>;

/// What has failed in the program that drives an engine.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// How every engine is driven. It may be used from any thread; handlers run on the thread whose call they are due in.
pub trait Engine: Send + Sync {
    /// What to do with the side of the transport that is read.
    fn next_read_operation(&self) -> ReadOperation;

    /// Takes in what was read, and calls the handlers that are due. The bytes that were consumed; the rest is to be given
    /// again. It is less than all where what the connection has to write waits, or after its end.
    fn read(&self, bytes: &[u8]) -> usize;

    /// The transport has ended. What is not complete fails.
    fn read_eof(&self);

    /// What to do with the side of the transport that is written.
    fn next_write_operation(&self) -> WriteOperation;

    /// What came of writing what [`Engine::next_write_operation`] gave.
    fn report_write_result(&self, result: WriteResult);

    /// Calls `handler` once there may be something to read for.
    fn yield_reader(&self, handler: WakeHandler);

    /// Calls `handler` once there may be something to write, at once if there is.
    fn yield_writer(&self, handler: WakeHandler);

    /// The program has failed at something that this connection needs: the handlers of errors are told.
    fn report_exn(&self, cause: Cause);

    /// Nothing more will be read and nothing written.
    fn is_closed(&self) -> bool;
}

/// How what comes in goes on after a piece of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// With the next piece as soon as it is there.
    Continue,
    /// Not before `resume`; what the peer may send meanwhile is bounded.
    Pause,
}
