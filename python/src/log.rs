//! The core's log, handed to Python's `logging`.
//!
//! The core may log while it holds a lock, and a thread that holds the interpreter may wait for that lock: so nothing is
//! handed over where it happens, but by a thread of its own, over a bounded queue. What finds it full is left out.

use std::fmt::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, SystemTime};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, set_global_default};
use tracing::{Event, Level, Metadata, Subscriber};

/// Lines that may wait for the interpreter.
const QUEUE: usize = 4096;
/// How long the end of the process waits for lines under way.
const FLUSH: Duration = Duration::from_secs(1);

/// The lowest level that is logged, as Python numbers them.
static LEVEL: AtomicU8 = AtomicU8::new(OFF);
static QUEUED: OnceLock<SyncSender<Message>> = OnceLock::new();

/// Above every level.
const OFF: u8 = u8::MAX;

enum Message {
    Line(Line),
    /// Somebody waits until all before it was handed over.
    Flush(SyncSender<()>),
}

struct Line {
    level: u8,
    target: &'static str,
    text: String,
    time: SystemTime,
}

/// The level by Python's numbers; `trace` is below its `DEBUG`.
fn number(level: Level) -> u8 {
    match level {
        Level::ERROR => 40,
        Level::WARN => 30,
        Level::INFO => 20,
        Level::DEBUG => 10,
        _ => 5,
    }
}

struct Bridge;

impl Subscriber for Bridge {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Hints ask whether an event is worth making: they count as events.
        if !metadata.is_span() && self.enabled(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        number(*metadata.level()) >= LEVEL.load(Ordering::Relaxed)
            && metadata.target().starts_with("trunkline")
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match LEVEL.load(Ordering::Relaxed) {
            0..=5 => LevelFilter::TRACE,
            6..=10 => LevelFilter::DEBUG,
            11..=20 => LevelFilter::INFO,
            21..=30 => LevelFilter::WARN,
            31..=40 => LevelFilter::ERROR,
            _ => LevelFilter::OFF,
        })
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let Some(queue) = QUEUED.get() else { return };
        let mut text = Text::default();
        event.record(&mut text);
        let metadata = event.metadata();
        let line = Line {
            level: number(*metadata.level()),
            target: metadata.target(),
            text: text.message + &text.fields,
            time: SystemTime::now(),
        };
        // A full queue must not hold up the reactor.
        let _ = queue.try_send(Message::Line(line));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(self.fields, " {}={value}", field.name());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
    }
}

fn hand_over(line: Line) {
    let since = line.time.duration_since(SystemTime::UNIX_EPOCH);
    let created = since.unwrap_or_default().as_secs_f64();
    // Without an interpreter, at the end of the process, there is nobody to tell.
    Python::try_attach(|py| {
        let emit = || {
            py.import("trunkline._logging")?
                .call_method1("emit", (line.level, line.target, line.text, created))
        };
        if let Err(error) = emit() {
            error.write_unraisable(py, None);
        }
    });
}

fn serve(queue: &Receiver<Message>) {
    while let Ok(message) = queue.recv() {
        match message {
            Message::Line(line) => hand_over(line),
            Message::Flush(done) => {
                let _ = done.send(());
            }
        }
    }
}

fn install() -> std::io::Result<SyncSender<Message>> {
    let (sender, receiver) = sync_channel(QUEUE);
    std::thread::Builder::new()
        .name("trunkline-log".to_owned())
        .spawn(move || serve(&receiver))?;
    // Nobody else can have a log here: this library has its own copy of `tracing`.
    let _ = set_global_default(Bridge);
    Ok(sender)
}

/// Has what is at least as important as `level` (Python's number) handed to `logging`; above 40 nothing is.
#[pyfunction]
pub(crate) fn set_log_level(level: u8) -> PyResult<()> {
    if LEVEL.load(Ordering::Relaxed) == level {
        return Ok(());
    }
    if QUEUED.get().is_none() && level < OFF {
        let queue = install().map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        let _ = QUEUED.set(queue);
    }
    LEVEL.store(level, Ordering::Relaxed);
    tracing::callsite::rebuild_interest_cache();
    Ok(())
}

/// Waits until what was logged so far was handed over, a second at most.
#[pyfunction]
pub(crate) fn flush_log(py: Python<'_>) {
    let Some(queue) = QUEUED.get() else { return };
    py.detach(|| {
        let (sender, done) = sync_channel(1);
        // In a forked child nobody empties the queue: a full one is not waited for.
        if queue.try_send(Message::Flush(sender)).is_ok() {
            let _ = done.recv_timeout(FLUSH);
        }
    });
}
