//! Options of the sockets, and a resolver of the program's own.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use atomic_waker::AtomicWaker;

/// How connections are opened, to targets and to proxies.
#[derive(Clone)]
pub struct ConnectionOptions {
    /// The local address to connect from. Only addresses of its family are tried then. Default: the system chooses.
    pub local_address: Option<IpAddr>,
    /// The network interface to connect over, by its name (`SO_BINDTODEVICE`; elsewhere than on Linux connecting
    /// fails). The system may demand `CAP_NET_RAW`. Default: the system chooses.
    pub interface: Option<String>,
    /// `TCP_NODELAY`: small pieces are sent at once. Default yes.
    pub nodelay: bool,
    /// TCP's own probes of a connection on which nothing moves. Default none, as in libcurl: deadlines and HTTP/2 PING
    /// find dead peers without traffic that nobody asked for.
    pub keep_alive: Option<TcpKeepAlive>,
    /// Asked for addresses in place of the system's resolver. Overrides, addresses and `localhost` never come to it.
    pub resolver: Option<Arc<dyn Resolve>>,
}

impl Default for ConnectionOptions {
    fn default() -> ConnectionOptions {
        ConnectionOptions {
            local_address: None,
            interface: None,
            nodelay: true,
            keep_alive: None,
            resolver: None,
        }
    }
}

impl fmt::Debug for ConnectionOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionOptions")
            .field("local_address", &self.local_address)
            .field("interface", &self.interface)
            .field("nodelay", &self.nodelay)
            .field("keep_alive", &self.keep_alive)
            .field("resolver", &self.resolver.is_some())
            .finish()
    }
}

/// TCP keep-alive. The system counts in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpKeepAlive {
    /// Silence before the first probe. Default 60 s.
    pub idle: Duration,
    /// From one probe to the next. Default 60 s.
    pub interval: Duration,
    /// Unanswered probes after which the connection is lost. Default 9.
    pub count: u32,
}

impl Default for TcpKeepAlive {
    fn default() -> TcpKeepAlive {
        TcpKeepAlive {
            idle: Duration::from_secs(60),
            interval: Duration::from_secs(60),
            count: 9,
        }
    }
}

/// Names to addresses, by the program.
pub trait Resolve: Send + Sync {
    /// Looks up `host` and gives the outcome to `lookup`, now or later, on any thread. It is called on the thread that
    /// runs the reactor and must not block. `port` is what the addresses are to have.
    fn resolve(&self, host: &str, port: u16, lookup: Lookup);
}

#[derive(Default)]
struct Shared {
    outcome: Mutex<Option<io::Result<Vec<SocketAddr>>>>,
    waker: AtomicWaker,
}

impl Shared {
    fn give(&self, outcome: io::Result<Vec<SocketAddr>>) {
        let mut slot = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(outcome);
        drop(slot);
        self.waker.wake();
    }
}

/// One name that is being looked up. Dropped without an outcome, the look-up has failed.
pub struct Lookup(Option<Arc<Shared>>);

impl Lookup {
    pub(crate) fn new() -> (Lookup, Outcome) {
        let shared = Arc::new(Shared::default());
        (Lookup(Some(Arc::clone(&shared))), Outcome(shared))
    }

    /// Ends the look-up. No address is a failure as well.
    pub fn finish(mut self, outcome: io::Result<Vec<SocketAddr>>) {
        if let Some(shared) = self.0.take() {
            shared.give(outcome);
        }
    }

    /// Whether nobody waits for it any more.
    pub fn is_abandoned(&self) -> bool {
        self.0
            .as_ref()
            .is_none_or(|shared| Arc::strong_count(shared) == 1)
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        if let Some(shared) = self.0.take() {
            shared.give(Err(io::Error::other("the resolver gave no outcome")));
        }
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lookup(..)")
    }
}

/// Where the outcome of a look-up arrives.
pub(crate) struct Outcome(Arc<Shared>);

impl Outcome {
    pub(crate) async fn wait(self) -> io::Result<Vec<SocketAddr>> {
        poll_fn(|cx| {
            self.0.waker.register(cx.waker());
            let mut slot = self
                .0
                .outcome
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            slot.take().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}
