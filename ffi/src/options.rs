//! Options of a manager: who runs it, what it speaks, how long it waits.

use std::path::PathBuf;
use std::ptr;
use std::sync::Mutex;
use std::time::Duration;

use engine::{Drive, Error, ErrorCode, HttpVersions, ManagerOptions, Result};

use crate::boundary::{Out, call, limit};
use crate::handle::{self, trunk_manager_options};
use crate::status::trunk_status;
use crate::view::trunk_view;

/// Which HTTP versions may be used: one of `TRUNK_HTTP_*`.
pub type trunk_http = i32;

/// HTTP/2 where TLS negotiates it (ALPN), else HTTP/1.1. Clear text is HTTP/1.1.
pub const TRUNK_HTTP_AUTO: trunk_http = 0;
/// HTTP/1.1 only.
pub const TRUNK_HTTP_1: trunk_http = 1;
/// HTTP/2 only; in clear text by prior knowledge (RFC 9113, 3.3).
pub const TRUNK_HTTP_2: trunk_http = 2;
/// As `TRUNK_HTTP_AUTO`, but in clear text HTTP/1.1 that asks for HTTP/2 (`Upgrade: h2c`; RFC 7540, 3.2). Only a request
/// without a body asks; until the peer has answered, for 1 s at most, others to the origin wait. A peer that does not want
/// to is spoken with by HTTP/1.1. A proxy that forwards is not asked: an upgrade does not go past it.
pub const TRUNK_HTTP_UPGRADE: trunk_http = 3;

/// The versions of an argument.
///
/// # Errors
/// `invalid_argument`.
pub(crate) fn http_versions(versions: trunk_http) -> Result<HttpVersions> {
    match versions {
        TRUNK_HTTP_AUTO => Ok(HttpVersions::Auto),
        TRUNK_HTTP_1 => Ok(HttpVersions::Http1),
        TRUNK_HTTP_2 => Ok(HttpVersions::Http2),
        TRUNK_HTTP_UPGRADE => Ok(HttpVersions::Upgrade),
        _ => Err(Error::new(
            ErrorCode::InvalidArgument,
            format!("there is no HTTP version choice {versions}"),
        )),
    }
}

/// What a manager is made with.
#[derive(Clone, Default)]
pub(crate) struct ManagerSettings {
    pub(crate) options: ManagerOptions,
    /// What relative URLs of requests are appended to.
    pub(crate) base_url: Option<String>,
}

/// Changes the options behind a handle.
pub(crate) fn change<T>(
    options: *mut trunk_manager_options,
    change: impl FnOnce(&mut ManagerOptions) -> Result<T>,
) -> trunk_status {
    call(|| {
        handle::change::<ManagerSettings, T>(options.addr(), |settings| {
            change(&mut settings.options)
        })
    })
}

/// Makes options, each at its default.
///
/// Ownership: the caller frees `*options`; managers made with them keep a copy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_new(
    options: *mut *mut trunk_manager_options,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(options, "options") }?;
        out.set(ptr::without_provenance_mut(handle::insert(Mutex::new(
            ManagerSettings::default(),
        ))?));
        Ok(())
    })
}

/// Gives options back. NULL is let pass.
///
/// Errors: `TRUNK_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_free(options: *mut trunk_manager_options) -> trunk_status {
    call(|| handle::free::<Mutex<ManagerSettings>>(options.addr()).map(drop))
}

/// Lets `threads` background threads run the reactor, each with a reactor of its own. The default is one.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for 0 or more than 1024.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_drive_threads(
    options: *mut trunk_manager_options,
    threads: usize,
) -> trunk_status {
    change(options, |options| {
        if !(1..=1024).contains(&threads) {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                "there are 1 to 1024 threads",
            ));
        }
        options.drive = Drive::Threads(threads);
        Ok(())
    })
}

/// Lets no thread run the reactor but those that are inside `trunk_manager_poll`, `trunk_request_recv` or
/// `trunk_manager_shutdown`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_drive_inline(
    options: *mut trunk_manager_options,
) -> trunk_status {
    change(options, |options| {
        options.drive = Drive::Inline;
        Ok(())
    })
}

/// Which HTTP versions may be used. The default is `TRUNK_HTTP_AUTO`.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_http(
    options: *mut trunk_manager_options,
    versions: trunk_http,
) -> trunk_status {
    change(options, |options| {
        options.http = http_versions(versions)?;
        Ok(())
    })
}

/// Waiting for a connection or stream of the pool, in milliseconds; 0 sets no limit. The default is none.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_pool_timeout(
    options: *mut trunk_manager_options,
    timeout_ms: u64,
) -> trunk_status {
    change(options, |options| {
        options.timeouts.pool = limit(timeout_ms);
        Ok(())
    })
}

/// Resolving the host name, in milliseconds; 0 sets no limit. The default is 10 s.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_resolve_timeout(
    options: *mut trunk_manager_options,
    timeout_ms: u64,
) -> trunk_status {
    change(options, |options| {
        options.timeouts.resolve = limit(timeout_ms);
        Ok(())
    })
}

/// Establishing the transport connection, in milliseconds; 0 sets no limit. The default is 10 s.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_connect_timeout(
    options: *mut trunk_manager_options,
    timeout_ms: u64,
) -> trunk_status {
    change(options, |options| {
        options.timeouts.connect = limit(timeout_ms);
        Ok(())
    })
}

/// The TLS handshake, in milliseconds; 0 sets no limit. The default is 10 s.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_tls_timeout(
    options: *mut trunk_manager_options,
    timeout_ms: u64,
) -> trunk_status {
    change(options, |options| {
        options.timeouts.tls = limit(timeout_ms);
        Ok(())
    })
}

/// The peer takes nothing of the request, in milliseconds; 0 sets no limit. The default is 60 s.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_write_timeout(
    options: *mut trunk_manager_options,
    timeout_ms: u64,
) -> trunk_status {
    change(options, |options| {
        options.timeouts.write = limit(timeout_ms);
        Ok(())
    })
}

/// From the request being sent to the head of the answer, in milliseconds; 0 sets no limit. The default is none.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_first_byte_timeout(
    options: *mut trunk_manager_options,
    timeout_ms: u64,
) -> trunk_status {
    change(options, |options| {
        options.timeouts.first_byte = limit(timeout_ms);
        Ok(())
    })
}

/// The answer stands still while the caller is willing to take more, in milliseconds; 0 sets no limit. The default is none.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_idle_timeout(
    options: *mut trunk_manager_options,
    timeout_ms: u64,
) -> trunk_status {
    change(options, |options| {
        options.timeouts.idle = limit(timeout_ms);
        Ok(())
    })
}

/// From submission to the end, in milliseconds; 0 sets no limit. The default is none.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_total_timeout(
    options: *mut trunk_manager_options,
    timeout_ms: u64,
) -> trunk_status {
    change(options, |options| {
        options.timeouts.total = limit(timeout_ms);
        Ok(())
    })
}

/// Connects to the unix socket at this path, whatever the host of the URL is. The empty view takes it back.
///
/// Ownership: `path` is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_unix_socket(
    options: *mut trunk_manager_options,
    path: trunk_view,
) -> trunk_status {
    change(options, |options| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let path = unsafe { path.text("the path") }?;
        options.unix_socket = (!path.is_empty()).then(|| PathBuf::from(path));
        Ok(())
    })
}

/// What is sent as `user-agent` where a request has none. The default is `trunkline/` and the version; the empty view
/// sends none.
///
/// Ownership: `user_agent` is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_user_agent(
    options: *mut trunk_manager_options,
    user_agent: trunk_view,
) -> trunk_status {
    change(options, |options| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let user_agent = unsafe { user_agent.text("the user agent") }?;
        engine::header_field("user-agent", user_agent.as_bytes())?;
        user_agent.clone_into(&mut options.user_agent);
        Ok(())
    })
}

/// How long an unused connection is kept, in milliseconds. The default is 90 s.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_idle_connection_timeout(
    options: *mut trunk_manager_options,
    timeout_ms: u64,
) -> trunk_status {
    change(options, |options| {
        options.idle_connection_timeout = Duration::from_millis(timeout_ms);
        Ok(())
    })
}
