//! Options of a manager and of a request: credentials. A field `authorization` given with the request goes before them.

use std::ffi::c_void;

use engine::Auth;

use crate::auth::{
    aws_date, aws_payload, aws_sigv4, basic, bearer, callback as chosen, change_aws_sigv4, digest,
    literal, netrc, trunk_auth_callback, trunk_aws_payload,
};
use crate::callback::trunk_destroy_callback;
use crate::handle::{trunk_manager_options, trunk_request_options};
use crate::policy::set_policy;
use crate::status::trunk_status;
use crate::view::trunk_view;

/// Sends no credentials of its own, those in the URL excepted. This is the default.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_auth_none(
    options: *mut trunk_manager_options,
) -> trunk_status {
    set_policy!(options, auth, Auth::None)
}

/// Sends user and password in the clear (RFC 7617), as UTF-8. The user holds no colon. What cannot be sent
/// ends the request with `TRUNK_ERROR_INVALID_ARGUMENT`; so it is with the other credentials.
///
/// Ownership: The views are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_auth_basic(
    options: *mut trunk_manager_options,
    user: trunk_view,
    password: trunk_view,
) -> trunk_status {
    // SAFETY: the contract: a view that is an argument may be read during the call.
    set_policy!(options, auth, unsafe { basic(user, password) }?)
}

/// Sends a token (RFC 6750).
///
/// Ownership: `token` is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_auth_bearer(
    options: *mut trunk_manager_options,
    token: trunk_view,
) -> trunk_status {
    // SAFETY: the contract: a view that is an argument may be read during the call.
    set_policy!(options, auth, unsafe { bearer(token) }?)
}

/// Sends this as the whole value of the field `authorization`.
///
/// Ownership: `value` is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_auth_literal(
    options: *mut trunk_manager_options,
    value: trunk_view,
) -> trunk_status {
    // SAFETY: the contract: a view that is an argument may be read during the call.
    set_policy!(options, auth, unsafe { literal(value) }?)
}

/// Proves the password without showing it, once the server asks for that (RFC 7616): MD5, SHA-256, SHA-512-256, and their
/// sessions.
///
/// Ownership: The views are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_auth_digest(
    options: *mut trunk_manager_options,
    user: trunk_view,
    password: trunk_view,
) -> trunk_status {
    // SAFETY: the contract: a view that is an argument may be read during the call.
    set_policy!(options, auth, unsafe { digest(user, password) }?)
}

/// Sends user and password that this netrc file has for the host, and none where it does not name the host. With the empty
/// view the file is the one that the variable `NETRC` names, else `~/.netrc`, else `~/_netrc`, and may be missing.
///
/// Ownership: `path` is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_auth_netrc(
    options: *mut trunk_manager_options,
    path: trunk_view,
) -> trunk_status {
    // SAFETY: the contract: a view that is an argument may be read during the call.
    set_policy!(options, auth, unsafe { netrc(path) }?)
}

/// Signs the request as Amazon's services ask for (signature version 4). The empty view as session token stands for none, as
/// region for `us-east-1`.
///
/// Ownership: The views are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_auth_aws_sigv4(
    options: *mut trunk_manager_options,
    access_key: trunk_view,
    secret_key: trunk_view,
    session_token: trunk_view,
    service: trunk_view,
    region: trunk_view,
) -> trunk_status {
    // SAFETY: the contract: a view that is an argument may be read during the call.
    set_policy!(options, auth, unsafe {
        aws_sigv4(access_key, secret_key, session_token, service, region)
    }?)
}

/// The date of the signature that `trunk_manager_options_set_auth_aws_sigv4` has set before, in seconds since 1970, in place of
/// the present: for tests and for requests that are signed beforehand. `TRUNK_ERROR_INVALID_STATE` where the credentials
/// are others.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_aws_sigv4_date(
    options: *mut trunk_manager_options,
    seconds: i64,
) -> trunk_status {
    change_aws_sigv4(options, |signer| {
        signer.date = Some(aws_date(seconds)?);
        Ok(())
    })
}

/// What of the body the signature covers that `trunk_manager_options_set_auth_aws_sigv4` has set before.
/// `TRUNK_ERROR_INVALID_STATE` where the credentials are others.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_aws_sigv4_payload(
    options: *mut trunk_manager_options,
    payload: trunk_aws_payload,
) -> trunk_status {
    change_aws_sigv4(options, |signer| {
        signer.payload = aws_payload(payload)?;
        Ok(())
    })
}

/// Lets `callback` choose the credentials of each request.
///
/// Ownership: on success `user_data` belongs to the library until `destroy` (NULL allowed) is called with it, once neither
/// options nor managers nor requests need the callback any more; on failure it stays the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_auth_callback(
    options: *mut trunk_manager_options,
    callback: trunk_auth_callback,
    user_data: *mut c_void,
    destroy: trunk_destroy_callback,
) -> trunk_status {
    set_policy!(options, auth, chosen(callback, user_data, destroy)?)
}

/// As `trunk_manager_options_set_auth_none`, for this request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_auth_none(
    options: *mut trunk_request_options,
) -> trunk_status {
    set_policy!(options, auth, Auth::None)
}

/// As `trunk_manager_options_set_auth_basic`, for this request.
///
/// Ownership: The views are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_set_auth_basic(
    options: *mut trunk_request_options,
    user: trunk_view,
    password: trunk_view,
) -> trunk_status {
    // SAFETY: the contract: a view that is an argument may be read during the call.
    set_policy!(options, auth, unsafe { basic(user, password) }?)
}

/// As `trunk_manager_options_set_auth_bearer`, for this request.
///
/// Ownership: `token` is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_set_auth_bearer(
    options: *mut trunk_request_options,
    token: trunk_view,
) -> trunk_status {
    // SAFETY: the contract: a view that is an argument may be read during the call.
    set_policy!(options, auth, unsafe { bearer(token) }?)
}

/// As `trunk_manager_options_set_auth_literal`, for this request.
///
/// Ownership: `value` is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_set_auth_literal(
    options: *mut trunk_request_options,
    value: trunk_view,
) -> trunk_status {
    // SAFETY: the contract: a view that is an argument may be read during the call.
    set_policy!(options, auth, unsafe { literal(value) }?)
}

/// As `trunk_manager_options_set_auth_digest`, for this request.
///
/// Ownership: The views are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_set_auth_digest(
    options: *mut trunk_request_options,
    user: trunk_view,
    password: trunk_view,
) -> trunk_status {
    // SAFETY: the contract: a view that is an argument may be read during the call.
    set_policy!(options, auth, unsafe { digest(user, password) }?)
}

/// As `trunk_manager_options_set_auth_netrc`, for this request.
///
/// Ownership: `path` is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_set_auth_netrc(
    options: *mut trunk_request_options,
    path: trunk_view,
) -> trunk_status {
    // SAFETY: the contract: a view that is an argument may be read during the call.
    set_policy!(options, auth, unsafe { netrc(path) }?)
}

/// As `trunk_manager_options_set_auth_aws_sigv4`, for this request.
///
/// Ownership: The views are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_set_auth_aws_sigv4(
    options: *mut trunk_request_options,
    access_key: trunk_view,
    secret_key: trunk_view,
    session_token: trunk_view,
    service: trunk_view,
    region: trunk_view,
) -> trunk_status {
    // SAFETY: the contract: a view that is an argument may be read during the call.
    set_policy!(options, auth, unsafe {
        aws_sigv4(access_key, secret_key, session_token, service, region)
    }?)
}

/// The date of the signature that `trunk_request_options_set_auth_aws_sigv4` has set before, in seconds since 1970, in place of
/// the present: for tests and for requests that are signed beforehand. `TRUNK_ERROR_INVALID_STATE` where the credentials
/// are others.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_aws_sigv4_date(
    options: *mut trunk_request_options,
    seconds: i64,
) -> trunk_status {
    change_aws_sigv4(options, |signer| {
        signer.date = Some(aws_date(seconds)?);
        Ok(())
    })
}

/// What of the body the signature covers that `trunk_request_options_set_auth_aws_sigv4` has set before.
/// `TRUNK_ERROR_INVALID_STATE` where the credentials are others.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_aws_sigv4_payload(
    options: *mut trunk_request_options,
    payload: trunk_aws_payload,
) -> trunk_status {
    change_aws_sigv4(options, |signer| {
        signer.payload = aws_payload(payload)?;
        Ok(())
    })
}

/// As `trunk_manager_options_set_auth_callback`, for this request, with the same ownership.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_set_auth_callback(
    options: *mut trunk_request_options,
    callback: trunk_auth_callback,
    user_data: *mut c_void,
    destroy: trunk_destroy_callback,
) -> trunk_status {
    set_policy!(options, auth, chosen(callback, user_data, destroy)?)
}
