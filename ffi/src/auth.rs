//! Credentials: what they are made of, and functions of the caller's that choose them.

use std::ffi::c_void;
use std::path::PathBuf;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use engine::{Auth, AuthRequest, AwsPayload, AwsSigV4, Error, ErrorCode, Result};
use http::{HeaderMap, Method};

use crate::boundary::value;
use crate::callback::{Function, trunk_destroy_callback};
use crate::handle::{self, trunk_auth_request, trunk_request_options};
use crate::policy::{PolicyHolder, PolicyMut};
use crate::request_url::RequestSettings;
use crate::status::{TRUNK_OK, trunk_status};
use crate::view::trunk_view;

/// Chooses the credentials of a request: it calls one of `trunk_request_options_set_auth_*`, but not that for callbacks, on
/// `credentials`, or none for a request without credentials, and answers `TRUNK_OK`. Any other status ends the request
/// with that error.
///
/// Threads: the thread that runs the reactor, as for `trunk_part_callback`; for several requests also several at once. It
/// is asked when a request is about to be sent, and again when the credentials were refused.
/// Valid until: `request` and `credentials` live until the function returns.
pub type trunk_auth_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        request: *const trunk_auth_request,
        credentials: *mut trunk_request_options,
    ) -> trunk_status,
>;

type Choose = unsafe extern "C" fn(
    *mut c_void,
    *const trunk_auth_request,
    *mut trunk_request_options,
) -> trunk_status;

/// What of a body an AWS signature covers.
pub type trunk_aws_payload = u32;
/// The SHA-256 of the body; of a streamed one nothing. This is the default.
pub const TRUNK_AWS_PAYLOAD_SIGNED: trunk_aws_payload = 0;
/// Nothing: `UNSIGNED-PAYLOAD`, which not every service takes. Only TLS protects such a body.
pub const TRUNK_AWS_PAYLOAD_UNSIGNED: trunk_aws_payload = 1;
/// As `TRUNK_AWS_PAYLOAD_SIGNED`; but a body that is a file or a form with files is signed in chunks of 64 KiB as it is sent
/// (`STREAMING-AWS4-HMAC-SHA256-PAYLOAD`, in the coding `aws-chunked`). For S3.
pub const TRUNK_AWS_PAYLOAD_STREAMING: trunk_aws_payload = 2;

/// Where a request leads that is never sent so.
pub(crate) const NOWHERE: &str = "http://localhost/";

/// Memory of the core's that outlives the handle through which it is seen.
struct Borrowed(trunk_view);

// SAFETY: the library never looks behind the view; who reads it keeps to the contract.
unsafe impl Send for Borrowed {}
// SAFETY: as above.
unsafe impl Sync for Borrowed {}

/// What is to be authenticated, for as long as a callback looks at it.
pub(crate) struct AuthRequestObject {
    method: Method,
    url: String,
    host: String,
    headers: HeaderMap,
    body: Borrowed,
}

impl AuthRequestObject {
    fn new(request: &AuthRequest<'_>) -> AuthRequestObject {
        AuthRequestObject {
            method: request.method.clone(),
            url: request.url.to_owned(),
            host: request.host.to_owned(),
            headers: request.headers.clone(),
            body: Borrowed(request.body.map_or(trunk_view::NONE, trunk_view::of)),
        }
    }
}

fn choose(function: &Function<Choose>, request: &AuthRequest<'_>) -> Result<Auth> {
    let credentials = Mutex::new(RequestSettings::new("GET", NOWHERE)?);
    let (status, credentials) = handle::lend(credentials, |credentials| {
        handle::lend(AuthRequestObject::new(request), |request| {
            // SAFETY: the contract: the callback may be called until its destroy hook was; it does not unwind.
            function.call(|choose, user_data| unsafe {
                choose(
                    user_data,
                    ptr::without_provenance(request),
                    ptr::without_provenance_mut(credentials),
                )
            })
        })
    })?;
    let (status, _) = status?;
    if status != TRUNK_OK {
        let code = u16::try_from(status).ok().and_then(ErrorCode::from_number);
        return Err(Error::new(
            code.unwrap_or(ErrorCode::InvalidArgument),
            format!("the callback for credentials answered {status}"),
        ));
    }
    let mut credentials = credentials.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(credentials.request.policy().auth.take().unwrap_or_default())
}

/// # Safety
/// As for [`trunk_view::text`]; so it is for the functions below.
pub(crate) unsafe fn basic(user: trunk_view, password: trunk_view) -> Result<Auth> {
    // SAFETY: the caller's promise.
    let (user, password) = unsafe { (user.text("the user")?, password.text("the password")?) };
    Ok(Auth::Basic {
        user: user.to_owned(),
        password: password.to_owned(),
    })
}

/// # Safety
/// As for [`basic`].
pub(crate) unsafe fn digest(user: trunk_view, password: trunk_view) -> Result<Auth> {
    // SAFETY: the caller's promise.
    let (user, password) = unsafe { (user.text("the user")?, password.text("the password")?) };
    Ok(Auth::Digest {
        user: user.to_owned(),
        password: password.to_owned(),
    })
}

/// # Safety
/// As for [`basic`].
pub(crate) unsafe fn bearer(token: trunk_view) -> Result<Auth> {
    // SAFETY: the caller's promise.
    Ok(Auth::Bearer(unsafe { token.text("the token") }?.to_owned()))
}

/// # Safety
/// As for [`basic`].
pub(crate) unsafe fn literal(value: trunk_view) -> Result<Auth> {
    // SAFETY: the caller's promise.
    Ok(Auth::Literal(
        unsafe { value.text("the value") }?.to_owned(),
    ))
}

/// # Safety
/// As for [`basic`].
pub(crate) unsafe fn netrc(path: trunk_view) -> Result<Auth> {
    // SAFETY: the caller's promise.
    let path = unsafe { path.text("the path") }?;
    Ok(Auth::Netrc((!path.is_empty()).then(|| PathBuf::from(path))))
}

/// # Safety
/// As for [`basic`].
pub(crate) unsafe fn aws_sigv4(
    access_key: trunk_view,
    secret_key: trunk_view,
    session_token: trunk_view,
    service: trunk_view,
    region: trunk_view,
) -> Result<Auth> {
    // SAFETY: the caller's promise.
    let (access_key, secret_key, session_token, service, region) = unsafe {
        (
            access_key.text("the access key")?,
            secret_key.text("the secret key")?,
            session_token.text("the session token")?,
            service.text("the service")?,
            region.text("the region")?,
        )
    };
    let mut signer = AwsSigV4::new(access_key, secret_key, service);
    if !session_token.is_empty() {
        signer.session_token = Some(session_token.to_owned());
    }
    if !region.is_empty() {
        region.clone_into(&mut signer.region);
    }
    Ok(Auth::AwsSigV4(signer))
}

/// Changes the signature of requests that options hold.
pub(crate) fn change_aws_sigv4<P: PolicyHolder>(
    options: *mut P,
    change: impl FnOnce(&mut AwsSigV4) -> Result<()>,
) -> trunk_status {
    P::change_policy(options, |policy| {
        let auth = match policy {
            PolicyMut::Defaults(policy) => Some(&mut policy.auth),
            PolicyMut::Overrides(policy) => policy.auth.as_mut(),
        };
        match auth {
            Some(Auth::AwsSigV4(signer)) => change(signer),
            _ => Err(Error::new(
                ErrorCode::InvalidState,
                "the credentials are not auth_aws_sigv4, which is to be set first",
            )),
        }
    })
}

/// The time of a signature, in seconds since 1970.
pub(crate) fn aws_date(seconds: i64) -> Result<SystemTime> {
    let since = u64::try_from(seconds).ok().map(Duration::from_secs);
    since
        .and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since))
        .ok_or_else(|| {
            Error::new(
                ErrorCode::InvalidArgument,
                format!("no signature has the date {seconds}"),
            )
        })
}

/// What of a body is signed.
pub(crate) fn aws_payload(payload: trunk_aws_payload) -> Result<AwsPayload> {
    match payload {
        TRUNK_AWS_PAYLOAD_SIGNED => Ok(AwsPayload::Signed),
        TRUNK_AWS_PAYLOAD_UNSIGNED => Ok(AwsPayload::Unsigned),
        TRUNK_AWS_PAYLOAD_STREAMING => Ok(AwsPayload::Streaming),
        other => Err(Error::new(
            ErrorCode::InvalidArgument,
            format!("no way to sign a body has the number {other}"),
        )),
    }
}

/// Lets a function of the caller's choose.
///
/// # Errors
/// `null_pointer`; then the user data stays the caller's.
pub(crate) fn callback(
    callback: trunk_auth_callback,
    user_data: *mut c_void,
    destroy: trunk_destroy_callback,
) -> Result<Auth> {
    let callback =
        callback.ok_or_else(|| Error::new(ErrorCode::NullPointer, "the callback is NULL"))?;
    let function = Function::new(callback, user_data, destroy);
    Ok(Auth::Callback(Arc::new(move |request| {
        choose(&function, request)
    })))
}

/// Reads a view of what is to be authenticated.
fn read(
    request: *const trunk_auth_request,
    read: impl FnOnce(&AuthRequestObject) -> trunk_view,
) -> trunk_view {
    value(trunk_view::NONE, || {
        handle::get::<AuthRequestObject>(request.addr()).map(|request| read(&request))
    })
}

/// The method of a request that is to be authenticated.
///
/// Valid until: the view lives as long as the request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_auth_request_method(request: *const trunk_auth_request) -> trunk_view {
    read(request, |request| {
        trunk_view::of_text(request.method.as_str())
    })
}

/// Its absolute URL.
///
/// Valid until: the view lives as long as the request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_auth_request_url(request: *const trunk_auth_request) -> trunk_view {
    read(request, |request| trunk_view::of_text(&request.url))
}

/// The name of its host, without the port.
///
/// Valid until: the view lives as long as the request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_auth_request_host(request: *const trunk_auth_request) -> trunk_view {
    read(request, |request| trunk_view::of_text(&request.host))
}

/// The first value of its header field with this name, in any case; its `data` is NULL where there is none. After a
/// challenge the field `authorization` is what was refused.
///
/// Valid until: the view lives as long as the request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_auth_request_header(
    request: *const trunk_auth_request,
    name: trunk_view,
) -> trunk_view {
    value(trunk_view::NONE, || {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let name = unsafe { name.text("the name") }?;
        let request = handle::get::<AuthRequestObject>(request.addr())?;
        let found = request.headers.get(name);
        Ok(found.map_or(trunk_view::NONE, |value| trunk_view::of(value.as_bytes())))
    })
}

/// Its body, where that was given whole; its `data` is NULL for a streamed one.
///
/// Valid until: the view lives as long as the request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_auth_request_body(request: *const trunk_auth_request) -> trunk_view {
    read(request, |request| request.body.0)
}
