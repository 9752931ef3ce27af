//! Requests after whose answer the connection is the caller's: upgrades and CONNECT.

use std::ptr;
use std::sync::Mutex;

use engine::Request;

use crate::boundary::{Out, call};
use crate::handle::{self, trunk_request_options};
use crate::request_options::change;
use crate::request_url::RequestSettings;
use crate::status::trunk_status;
use crate::view::trunk_view;

/// Asks to speak another protocol on the connection (RFC 9110, 7.8; HTTP/1.1 only). After a head with status 101 the
/// connection is a raw stream: the peer's bytes come as parts of kind `TRUNK_PART_DATA`, until it ends or the request is
/// cancelled. What `trunk_request_write` takes goes to the peer, and `trunk_request_finish`, without trailers, ends that
/// direction only. With another status the answer is an ordinary one.
///
/// Ownership: `protocol` is copied.
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for a request with a body or a WebSocket, `TRUNK_ERROR_INVALID_HEADER` for a
/// protocol that is no field value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_set_upgrade(
    options: *mut trunk_request_options,
    protocol: trunk_view,
) -> trunk_status {
    change(options, |request| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let protocol = unsafe { protocol.text("the protocol") }?;
        request.upgrade(protocol).map(|_| ())
    })
}

/// Makes the options of a CONNECT request (RFC 9110, 9.3.6; HTTP/1.1 only): it asks the proxy at the URL `proxy` for a
/// connection to `authority`, a host and a port with a colon between them. After a head with a status of 200 to 299 the
/// connection is a raw stream, as after `trunk_request_options_set_upgrade`, and leads to that host. The manager's own
/// proxies are left out.
///
/// Ownership: the views are copied. The caller frees `*options`.
/// Errors: `TRUNK_ERROR_INVALID_URL` for a URL as in `trunk_request_options_new`, or an authority that is not a host and
/// a port.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_new_connect(
    proxy: trunk_view,
    authority: trunk_view,
    options: *mut *mut trunk_request_options,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written, a view that is an argument may be read.
        let (out, proxy, authority) = unsafe {
            (
                Out::new(options, "options")?,
                proxy.text("the url of the proxy")?,
                authority.text("the authority")?,
            )
        };
        let request = Request::connect(proxy, authority)?;
        let settings = Mutex::new(RequestSettings::of(request, proxy));
        out.set(ptr::without_provenance_mut(handle::insert(settings)?));
        Ok(())
    })
}
