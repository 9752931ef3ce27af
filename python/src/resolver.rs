//! Names to addresses by a function of Python's.
//!
//! The reactor only puts a look-up into a queue: threads of their own ask the function, so that it may wait, and the
//! interpreter's lock is never waited for on the reactor. They end when there is nothing to look up.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::thread;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use trunkline::{Resolve, limits};

use crate::engine::Engine;
use crate::parts::lock;

struct Job {
    host: String,
    port: u16,
    lookup: trunkline::Lookup,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    threads: usize,
}

struct Shared {
    /// Called with host, port and a `Lookup`.
    begin: Py<PyAny>,
    queue: Mutex<Queue>,
    /// Knows the event loop that the client belongs to.
    engine: OnceLock<Weak<Engine>>,
}

/// Asks a function of Python's.
#[derive(Clone)]
pub(crate) struct Resolver(Arc<Shared>);

impl Resolver {
    pub(crate) fn new(begin: Py<PyAny>) -> Resolver {
        Resolver(Arc::new(Shared {
            begin,
            queue: Mutex::default(),
            engine: OnceLock::new(),
        }))
    }

    /// Tells whose event loop the look-ups may use.
    pub(crate) fn serve(&self, engine: &Arc<Engine>) {
        let _ = self.0.engine.set(Arc::downgrade(engine));
    }
}

impl Resolve for Resolver {
    fn resolve(&self, host: &str, port: u16, lookup: trunkline::Lookup) {
        let mut queue = lock(&self.0.queue);
        queue.jobs.push_back(Job {
            host: host.to_owned(),
            port,
            lookup,
        });
        if queue.threads >= limits::RESOLVER_THREADS {
            return;
        }
        queue.threads += 1;
        drop(queue);
        let shared = Arc::clone(&self.0);
        let started = thread::Builder::new()
            .name("trunkline-resolve".to_owned())
            .spawn(move || shared.work());
        if started.is_err() {
            let mut queue = lock(&self.0.queue);
            queue.threads -= 1;
            // Nobody would come for them; a look-up that is dropped has failed.
            let lost = (queue.threads == 0).then(|| std::mem::take(&mut queue.jobs));
            drop(queue);
            drop(lost);
        }
    }
}

impl Shared {
    fn work(&self) {
        loop {
            let mut queue = lock(&self.queue);
            let Some(job) = queue.jobs.pop_front() else {
                queue.threads -= 1;
                return;
            };
            drop(queue);
            // Nobody may be waiting any more.
            if !job.lookup.is_abandoned() {
                // An interpreter that ends asks nothing any more: the look-up is dropped, and so has failed.
                Python::try_attach(|py| self.ask(py, job));
            }
        }
    }

    fn ask(&self, py: Python<'_>, job: Job) {
        let engine = self.engine.get().and_then(Weak::upgrade);
        let lookup = Lookup {
            port: job.port,
            event_loop: engine.and_then(|engine| engine.event_loop(py)),
            open: Mutex::new(Some(job.lookup)),
        };
        match Bound::new(py, lookup) {
            Ok(lookup) => {
                let given = (job.host, job.port, &lookup);
                if let Err(error) = self.begin.bind(py).call1(given) {
                    lookup.get().give(Err(told(py, &error)));
                }
            }
            Err(error) => error.write_unraisable(py, None),
        }
    }
}

fn told(py: Python<'_>, error: &PyErr) -> io::Error {
    let kind = error.get_type(py);
    let name = kind
        .name()
        .map_or_else(|_| String::new(), |name| name.to_string());
    io::Error::other(format!("{name}: {}", error.value(py)))
}

/// One name that is being looked up. Dropped without an outcome, the look-up has failed.
#[pyclass(frozen, module = "trunkline._native")]
pub(crate) struct Lookup {
    port: u16,
    /// The event loop that the client belongs to; None for a blocking one.
    #[pyo3(get)]
    event_loop: Option<Py<PyAny>>,
    open: Mutex<Option<trunkline::Lookup>>,
}

impl Lookup {
    fn give(&self, outcome: io::Result<Vec<SocketAddr>>) {
        let open = lock(&self.open).take();
        if let Some(open) = open {
            open.finish(outcome);
        }
    }
}

#[pymethods]
impl Lookup {
    /// Ends the look-up with these IP addresses.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "PyO3 makes the list for the call"
    )]
    fn finish(&self, addresses: Vec<String>) -> PyResult<()> {
        let mut parsed = Vec::with_capacity(addresses.len());
        for address in &addresses {
            let ip: IpAddr = address.parse().map_err(|_| {
                PyValueError::new_err(format!(
                    "the resolver gave {address:?}, which is no IP address"
                ))
            })?;
            parsed.push(SocketAddr::new(ip, self.port));
        }
        self.give(Ok(parsed));
        Ok(())
    }

    /// Ends the look-up: there is no address.
    fn fail(&self, why: String) {
        self.give(Err(io::Error::other(why)));
    }
}
