//! Cookie jars, which managers may share.

use std::path::Path;
use std::ptr;
use std::sync::Arc;

use engine::{CookieJar, Result};

use crate::boundary::{Out, call};
use crate::handle::{self, trunk_cookie_jar, trunk_manager_options};
use crate::options::change;
use crate::status::trunk_status;
use crate::view::trunk_view;

fn get(jar: *const trunk_cookie_jar) -> Result<Arc<CookieJar>> {
    handle::get(jar.addr())
}

/// Makes an empty jar.
///
/// Ownership: the caller frees `*jar`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_cookie_jar_new(jar: *mut *mut trunk_cookie_jar) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(jar, "jar") }?;
        out.set(ptr::without_provenance_mut(handle::insert(
            CookieJar::new(),
        )?));
        Ok(())
    })
}

/// Gives a jar back; managers that were made with it keep its cookies. NULL is let pass.
///
/// Errors: `TRUNK_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_cookie_jar_free(jar: *mut trunk_cookie_jar) -> trunk_status {
    call(|| handle::free::<CookieJar>(jar.addr()).map(drop))
}

/// Adds the cookies of a file in the format of Netscape, curl and browsers. `*count` is how many were taken: those whose
/// time is over, and those that RFC 6265bis forbids, are left out.
///
/// Errors: `TRUNK_ERROR_IO` where the file cannot be read, `TRUNK_ERROR_INVALID_ARGUMENT` where it is malformed or too
/// large. Then the jar is as before.
/// Threads: reads a file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_cookie_jar_load(
    jar: *mut trunk_cookie_jar,
    path: trunk_view,
    count: *mut usize,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written, a view that is an argument may be read.
        let (out, path) = unsafe { (Out::new(count, "count"), path.text("the path")?) };
        let jar = get(jar)?;
        let out = out?;
        out.set(jar.load(Path::new(path))?);
        Ok(())
    })
}

/// Writes all cookies, those of the session too, to a file in the format of Netscape, curl and browsers. The file is
/// replaced as a whole, and only its owner may read it.
///
/// Errors: `TRUNK_ERROR_IO` where it cannot be written; then a file that was there is as before.
/// Threads: writes a file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_cookie_jar_save(
    jar: *const trunk_cookie_jar,
    path: trunk_view,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let path = unsafe { path.text("the path") }?;
        get(jar)?.save(Path::new(path))
    })
}

/// Takes one cookie as if `url` had sent it, for example `theme=dark; Path=/; Max-Age=3600`.
///
/// Ownership: the views are copied.
/// Errors: `TRUNK_ERROR_INVALID_URL`; `TRUNK_ERROR_INVALID_ARGUMENT` for a cookie that this URL could not set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_cookie_jar_set(
    jar: *mut trunk_cookie_jar,
    url: trunk_view,
    set_cookie: trunk_view,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let (url, cookie) = unsafe { (url.text("the url")?, set_cookie.text("the cookie")?) };
        get(jar)?.set(url, cookie)
    })
}

/// Removes all cookies.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_cookie_jar_clear(jar: *mut trunk_cookie_jar) -> trunk_status {
    call(|| {
        get(jar)?.clear();
        Ok(())
    })
}

/// How many cookies there are whose time is not over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_cookie_jar_count(
    jar: *const trunk_cookie_jar,
    count: *mut usize,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(count, "count") };
        let count = get(jar)?.cookies().len();
        out?.set(count);
        Ok(())
    })
}

/// The jar of the managers made with these options, which is used where cookies are switched on
/// (`trunk_manager_options_set_cookies`). Managers may share one. By default, and
/// with NULL, each has one of its own, which is empty at first.
///
/// Ownership: the jar stays the caller's, who may free it at once.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_cookie_jar(
    options: *mut trunk_manager_options,
    jar: *const trunk_cookie_jar,
) -> trunk_status {
    change(options, |options| {
        options.cookie_jar = if jar.is_null() {
            None
        } else {
            Some(CookieJar::clone(&*get(jar)?))
        };
        Ok(())
    })
}
