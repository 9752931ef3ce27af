//! Names to addresses. Literals and `localhost` need no resolver; other names go to the program's own, if it has one,
//! or to the system's, which blocks and therefore runs on threads of its own: they are started when there is work,
//! bounded, and end when there is none.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::error::{Error, ErrorCode, Result};
use crate::limits::{RESOLVED_ADDRESSES, RESOLVER_THREADS};
use crate::options::{Lookup, Outcome, Resolve};

/// How long an unused resolver thread stays.
const LINGER: Duration = Duration::from_secs(5);

struct Job {
    host: String,
    port: u16,
    lookup: Lookup,
}

#[derive(Default)]
struct Inner {
    jobs: VecDeque<Job>,
    threads: usize,
    unused: usize,
}

/// The resolver of a manager.
#[derive(Default)]
pub(crate) struct Resolver {
    /// The program's own.
    custom: Option<Arc<dyn Resolve>>,
    inner: Mutex<Inner>,
    arrived: Condvar,
}

impl Resolver {
    pub(crate) fn new(custom: Option<Arc<dyn Resolve>>) -> Resolver {
        Resolver {
            custom,
            ..Resolver::default()
        }
    }

    /// The addresses of `host`, at least one.
    pub(crate) async fn resolve(
        self: &Arc<Self>,
        overrides: &[(String, u16, Vec<SocketAddr>)],
        host: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>> {
        let given = overrides
            .iter()
            .find(|(name, at, _)| name.eq_ignore_ascii_case(host) && *at == port);
        if let Some((_, _, addresses)) = given {
            return Ok(addresses.clone());
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        // RFC 6761, 6.3: localhost and the names below it are the loopback addresses.
        let lower = host.trim_end_matches('.').to_ascii_lowercase();
        if lower == "localhost" || lower.ends_with(".localhost") {
            return Ok(vec![
                (Ipv4Addr::LOCALHOST, port).into(),
                (Ipv6Addr::LOCALHOST, port).into(),
            ]);
        }
        let failed =
            |why: String| Error::new(ErrorCode::ResolveFailed, format!("resolve {host:?}: {why}"));
        let result = self
            .begin(host, port)
            .map_err(|cause| failed(cause.to_string()))?
            .wait()
            .await;
        match result {
            Ok(addresses) if addresses.is_empty() => Err(failed("no address".to_owned())),
            Ok(mut addresses) => {
                addresses.truncate(RESOLVED_ADDRESSES);
                Ok(addresses)
            }
            Err(cause) => Err(failed(cause.to_string()).with_source(cause)),
        }
    }

    fn begin(self: &Arc<Self>, host: &str, port: u16) -> std::io::Result<Outcome> {
        let (lookup, outcome) = Lookup::new();
        match &self.custom {
            Some(custom) => custom.resolve(host, port, lookup),
            None => self.ask(Job {
                host: host.to_owned(),
                port,
                lookup,
            })?,
        }
        Ok(outcome)
    }

    fn ask(self: &Arc<Self>, job: Job) -> std::io::Result<()> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.jobs.push_back(job);
        if inner.unused >= inner.jobs.len() || inner.threads >= RESOLVER_THREADS {
            drop(inner);
            self.arrived.notify_one();
            return Ok(());
        }
        inner.threads += 1;
        drop(inner);
        let this = Arc::clone(self);
        let started = thread::Builder::new()
            .name("trunkline-resolve".to_owned())
            .spawn(move || this.work());
        started.map(drop).inspect_err(|_| {
            self.inner
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .threads -= 1;
        })
    }

    fn work(&self) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(job) = inner.jobs.pop_front() {
                drop(inner);
                // Nobody may be waiting any more.
                if !job.lookup.is_abandoned() {
                    let result = (job.host.as_str(), job.port)
                        .to_socket_addrs()
                        .map(Iterator::collect);
                    job.lookup.finish(result);
                }
                inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            inner.unused += 1;
            let (back, timeout) = self
                .arrived
                .wait_timeout(inner, LINGER)
                .unwrap_or_else(PoisonError::into_inner);
            inner = back;
            inner.unused -= 1;
            if timeout.timed_out() && inner.jobs.is_empty() {
                inner.threads -= 1;
                return;
            }
        }
    }
}
