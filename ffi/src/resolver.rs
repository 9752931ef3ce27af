//! Addresses of host names: by hand, and by a function of the caller's.

use std::ffi::c_void;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use engine::{Error, ErrorCode, Lookup, Resolve, Result};

use crate::boundary::{call, value};
use crate::callback::{Function, UserData, trunk_destroy_callback};
use crate::handle::{self, trunk_manager_options, trunk_resolve};
use crate::options::change;
use crate::status::{TRUNK_OK, trunk_status};
use crate::view::{array, trunk_view};

/// Looks up a host name: it hands `resolve` to `trunk_resolve_finish` or `trunk_resolve_fail`, now or later, on any thread.
///
/// Ownership: `resolve` belongs to the callee until one of the two has taken it, which one must do in any case, also where
/// nobody waits any more.
/// Threads: the thread that runs the reactor, as for `trunk_part_callback`; for several look-ups also several at once.
pub type trunk_resolve_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, resolve: *mut trunk_resolve)>;

type Ask = unsafe extern "C" fn(*mut c_void, *mut trunk_resolve);

/// A look-up that C has in its hands.
pub(crate) struct ResolveObject {
    host: String,
    port: u16,
    /// Taken at its end.
    lookup: Mutex<Option<Lookup>>,
}

impl ResolveObject {
    fn end(&self, outcome: io::Result<Vec<SocketAddr>>) {
        let lookup = self
            .lookup
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(lookup) = lookup {
            lookup.finish(outcome);
        }
    }

    fn is_abandoned(&self) -> bool {
        let lookup = self.lookup.lock().unwrap_or_else(PoisonError::into_inner);
        lookup.as_ref().is_none_or(Lookup::is_abandoned)
    }
}

/// The resolver of a manager.
struct Resolver(Function<Ask>);

impl Resolve for Resolver {
    fn resolve(&self, host: &str, port: u16, lookup: Lookup) {
        // Where no handle can be made the look-up is dropped, and so has failed.
        value((), || {
            let resolve = handle::insert(ResolveObject {
                host: host.to_owned(),
                port,
                lookup: Mutex::new(Some(lookup)),
            })?;
            // SAFETY: the contract: the callback may be called until its destroy hook was; it does not unwind.
            self.0.call(|ask, user_data| unsafe {
                ask(user_data, ptr::without_provenance_mut(resolve));
            });
            Ok(())
        });
    }
}

/// The IP address of an argument.
///
/// # Errors
/// `invalid_argument`.
pub(crate) fn ip_address(text: &str) -> Result<IpAddr> {
    text.parse().map_err(|_| {
        Error::new(
            ErrorCode::InvalidArgument,
            format!("{text:?} is not an IP address"),
        )
    })
}

/// Lets `host` and `port` stand for these addresses (IP addresses in text form, separated by commas), before any
/// resolver is asked. May be called for several hosts.
///
/// Ownership: the views are copied.
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_add_resolve(
    options: *mut trunk_manager_options,
    host: trunk_view,
    port: u16,
    addresses: trunk_view,
) -> trunk_status {
    change(options, |options| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let (host, addresses) =
            unsafe { (host.text("the host")?, addresses.text("the addresses")?) };
        let parse = |text: &str| Ok(SocketAddr::new(ip_address(text.trim())?, port));
        let addresses = addresses
            .split(',')
            .map(parse)
            .collect::<Result<Vec<_>>>()?;
        options.resolve.push((host.to_owned(), port, addresses));
        Ok(())
    })
}

/// Lets `callback` look up host names, in place of the system's resolver. It is never asked for what
/// `trunk_manager_options_add_resolve` names, for IP addresses, or for `localhost` and the names below it. The deadline of
/// the phase holds for it, too. NULL, the default, goes back to the system's resolver.
///
/// Ownership: on success `user_data` belongs to the library until `destroy` (NULL allowed) is called with it, once neither
/// options nor managers need the callback any more; look-ups may be unfinished even then. Without a callback `destroy` is
/// called at once. On failure it stays the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_resolver(
    options: *mut trunk_manager_options,
    callback: trunk_resolve_callback,
    user_data: *mut c_void,
    destroy: trunk_destroy_callback,
) -> trunk_status {
    let status = change(options, |options| {
        let resolver = callback.map(|callback| -> Arc<dyn Resolve> {
            Arc::new(Resolver(Function::new(callback, user_data, destroy)))
        });
        let former = &mut options.connection.resolver;
        Ok(std::mem::replace(former, resolver))
    });
    if status == TRUNK_OK && callback.is_none() {
        UserData(user_data).destroy(destroy);
    }
    status
}

/// Reads a look-up.
fn read<T>(resolve: *const trunk_resolve, neutral: T, read: impl FnOnce(&ResolveObject) -> T) -> T {
    value(neutral, || {
        handle::get::<ResolveObject>(resolve.addr()).map(|resolve| read(&resolve))
    })
}

/// The host name that is looked up, in lower case.
///
/// Valid until: the view lives until the look-up is finished or has failed.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_resolve_host(resolve: *const trunk_resolve) -> trunk_view {
    read(resolve, trunk_view::NONE, |resolve| {
        trunk_view::of_text(&resolve.host)
    })
}

/// The port that its addresses will be connected to.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_resolve_port(resolve: *const trunk_resolve) -> u16 {
    read(resolve, 0, |resolve| resolve.port)
}

/// Whether nobody waits for a look-up any more, so that its outcome does not matter.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_resolve_is_abandoned(resolve: *const trunk_resolve) -> bool {
    read(resolve, false, ResolveObject::is_abandoned)
}

/// Ends a look-up with `count` IP addresses in text form, the preferred one first. None is a failure as well, and of more
/// than 64 the first 64 are taken.
///
/// Ownership: `resolve` is given back; `addresses` (NULL allowed with a count of 0) are copied.
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for what is no IP address; then the look-up is as before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_resolve_finish(
    resolve: *mut trunk_resolve,
    addresses: *const trunk_view,
    count: usize,
) -> trunk_status {
    call(|| {
        let port = handle::get::<ResolveObject>(resolve.addr())?.port;
        // SAFETY: the contract: an array that is an argument holds as many as are said.
        let addresses = unsafe { array(addresses, count, "addresses") }?;
        let parse = |address: &trunk_view| {
            // SAFETY: the contract: a view in an argument may be read during the call.
            let address = unsafe { address.text("an address") }?;
            Ok(SocketAddr::new(ip_address(address)?, port))
        };
        let addresses = addresses.iter().map(parse).collect::<Result<_>>()?;
        handle::remove::<ResolveObject>(resolve.addr())?.end(Ok(addresses));
        Ok(())
    })
}

/// Ends a look-up without an address: the requests that wait for it end with `TRUNK_ERROR_RESOLVE_FAILED`, whose message
/// holds `why`.
///
/// Ownership: `resolve` is given back; `why` is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_resolve_fail(
    resolve: *mut trunk_resolve,
    why: trunk_view,
) -> trunk_status {
    call(|| {
        handle::get::<ResolveObject>(resolve.addr())?;
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let why = unsafe { why.text("the reason") }?;
        let resolve = handle::remove::<ResolveObject>(resolve.addr())?;
        resolve.end(Err(io::Error::other(why)));
        Ok(())
    })
}
