//! The library's log, handed to a function of the caller's.

use std::cell::Cell;
use std::ffi::c_void;
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use engine::{Error, ErrorCode};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, set_global_default};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::boundary::call;
use crate::callback::{Function, UserData, trunk_destroy_callback};
use crate::status::trunk_status;
use crate::view::trunk_view;

/// How much is logged: one of `TRUNK_LOG_*`.
pub type trunk_log_level = i32;

/// Nothing.
pub const TRUNK_LOG_OFF: trunk_log_level = 0;
/// What the library cannot do.
pub const TRUNK_LOG_ERROR: trunk_log_level = 1;
/// What looks wrong but does no harm yet.
pub const TRUNK_LOG_WARN: trunk_log_level = 2;
/// Connections made and lost.
pub const TRUNK_LOG_INFO: trunk_log_level = 3;
/// What each request goes through.
pub const TRUNK_LOG_DEBUG: trunk_log_level = 4;
/// Every frame.
pub const TRUNK_LOG_TRACE: trunk_log_level = 5;

/// Takes a line of the log: where it comes from, and the message with its fields as ` name=value`.
///
/// Threads: any thread, also several at once. It must not block. What the library would log because of it is left out.
/// Valid until: the views live until the function returns.
pub type trunk_log_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        level: trunk_log_level,
        target: trunk_view,
        message: trunk_view,
    ),
>;

type Sink = Function<unsafe extern "C" fn(*mut c_void, trunk_log_level, trunk_view, trunk_view)>;

static LEVEL: AtomicI32 = AtomicI32::new(TRUNK_LOG_OFF);
static SINK: RwLock<Option<Arc<Sink>>> = RwLock::new(None);
static INSTALLED: OnceLock<bool> = OnceLock::new();

thread_local! {
    static LOGGING: Cell<bool> = const { Cell::new(false) };
}

struct Bridge;

/// By the numbers of the levels.
const FILTERS: [LevelFilter; 6] = [
    LevelFilter::OFF,
    LevelFilter::ERROR,
    LevelFilter::WARN,
    LevelFilter::INFO,
    LevelFilter::DEBUG,
    LevelFilter::TRACE,
];

fn number(level: Level) -> trunk_log_level {
    match level {
        Level::ERROR => TRUNK_LOG_ERROR,
        Level::WARN => TRUNK_LOG_WARN,
        Level::INFO => TRUNK_LOG_INFO,
        Level::DEBUG => TRUNK_LOG_DEBUG,
        _ => TRUNK_LOG_TRACE,
    }
}

impl Subscriber for Bridge {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Whether a level is on is asked as well, by what is no event.
        if !metadata.is_span() && self.enabled(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        number(*metadata.level()) <= LEVEL.load(Ordering::Relaxed)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let level = usize::try_from(LEVEL.load(Ordering::Relaxed)).ok()?;
        FILTERS.get(level).copied()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        // Read without a lock held during the call; a line because of the callback itself would never end.
        let sink = SINK.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(sink) = sink else { return };
        if LOGGING
            .try_with(|logging| logging.replace(true))
            .unwrap_or(true)
        {
            return;
        }
        let mut line = Line::default();
        event.record(&mut line);
        let message = line.message + &line.fields;
        let metadata = event.metadata();
        // SAFETY: the contract: the callback may be called on any thread until the hook was; it does not unwind.
        unsafe {
            (sink.pointer)(
                sink.user_data.0,
                number(*metadata.level()),
                trunk_view::of_text(metadata.target()),
                trunk_view::of_text(&message),
            );
        }
        drop(sink);
        let _ = LOGGING.try_with(|logging| logging.set(false));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Line {
    fn push(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => self.message.write_fmt(value),
            name => write!(self.fields, " {name}={value}"),
        };
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, format_args!("{value:?}"));
    }
}

/// Hands the library's log, up to `level`, to `callback`, in place of a former one. A callback of NULL, or the level
/// `TRUNK_LOG_OFF`, ends it. The log is that of the whole process.
///
/// Ownership: on success `user_data` belongs to the library until `destroy` (NULL allowed) is called with it, once no
/// call of `callback` is running any more; without a callback `destroy` is called at once. On failure it stays the
/// caller's.
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for a level that there is not; `TRUNK_ERROR_BUSY` where the program, written in
/// Rust, has a log of its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_set_log_callback(
    level: trunk_log_level,
    callback: trunk_log_callback,
    user_data: *mut c_void,
    destroy: trunk_destroy_callback,
) -> trunk_status {
    call(|| {
        if !(TRUNK_LOG_OFF..=TRUNK_LOG_TRACE).contains(&level) {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                format!("there is no log level {level}"),
            ));
        }
        if !*INSTALLED.get_or_init(|| set_global_default(Bridge).is_ok()) {
            return Err(Error::new(ErrorCode::Busy, "the process has a log already"));
        }
        let sink = match callback {
            Some(callback) if level != TRUNK_LOG_OFF => {
                Some(Arc::new(Function::new(callback, user_data, destroy)))
            }
            _ => {
                UserData(user_data).destroy(destroy);
                None
            }
        };
        LEVEL.store(
            if sink.is_some() { level } else { TRUNK_LOG_OFF },
            Ordering::Relaxed,
        );
        let former = {
            let mut current = SINK.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, sink)
        };
        drop(former);
        tracing::callsite::rebuild_interest_cache();
        Ok(())
    })
}
