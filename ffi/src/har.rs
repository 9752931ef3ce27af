//! Records of exchanges, written as HTTP archives; managers may share one.

use std::path::Path;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use engine::{HarLog, Result};

use crate::boundary::{Out, call};
use crate::handle::{self, trunk_har, trunk_manager_options};
use crate::options::change;
use crate::status::trunk_status;
use crate::view::trunk_view;

/// A record, and the archive that was made of it last, for as long as C reads it.
pub(crate) struct HarObject {
    log: HarLog,
    archive: Mutex<String>,
}

fn get(har: *const trunk_har) -> Result<Arc<HarObject>> {
    handle::get(har.addr())
}

/// Makes an empty record of exchanges. It keeps the last 1000, 64 KiB of each body and 64 MiB in all; older ones go. Unless
/// `credentials` are wanted they are written as `[masked]`: the fields `authorization`, `proxy-authorization`, `cookie`
/// and `set-cookie`, and user and password of a URL. Bodies and queries are written as they are.
///
/// Ownership: the caller frees `*har`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_har_new(
    credentials: bool,
    har: *mut *mut trunk_har,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(har, "har") }?;
        let log = if credentials {
            HarLog::with_credentials()
        } else {
            HarLog::new()
        };
        let archive = Mutex::default();
        out.set(ptr::without_provenance_mut(handle::insert(HarObject {
            log,
            archive,
        })?));
        Ok(())
    })
}

/// Gives a record back. Managers that were made with it go on recording for themselves; stop it before. NULL is let pass.
///
/// Errors: `TRUNK_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_har_free(har: *mut trunk_har) -> trunk_status {
    call(|| handle::free::<HarObject>(har.addr()).map(drop))
}

/// Whether exchanges are recorded that begin from now on. The default is yes.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_har_set_recording(har: *mut trunk_har, recording: bool) -> trunk_status {
    call(|| {
        get(har)?.log.set_recording(recording);
        Ok(())
    })
}

/// The record as an HTTP archive (HAR 1.2) in JSON, which the tools of browsers open: every request, and each redirect and
/// retry on its way, in the order in which they ended. The last may come in a moment after its terminal part was taken.
///
/// Valid until: `*text` lives until the next call of this function for the same record, or until that is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_har_json(
    har: *mut trunk_har,
    text: *mut trunk_view,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(text, "text") };
        let har = get(har)?;
        let out = out?;
        let archive = har.log.to_json();
        let mut kept = har.archive.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = archive;
        out.set(trunk_view::of_text(&kept));
        Ok(())
    })
}

/// Writes the record as an HTTP archive to the file at this path. One that is new only its owner may read.
///
/// Errors: `TRUNK_ERROR_IO` where it cannot be written.
/// Threads: writes a file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_har_save(har: *const trunk_har, path: trunk_view) -> trunk_status {
    call(|| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let path = unsafe { path.text("the path") }?;
        get(har)?.log.save(Path::new(path))
    })
}

/// Forgets every exchange.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_har_clear(har: *mut trunk_har) -> trunk_status {
    call(|| {
        get(har)?.log.clear();
        Ok(())
    })
}

/// Where the managers made with these options record their exchanges; managers may share one. The default, also with NULL,
/// is nowhere.
///
/// Ownership: the record stays the caller's, who may free it at once.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_har(
    options: *mut trunk_manager_options,
    har: *const trunk_har,
) -> trunk_status {
    change(options, |options| {
        options.har = if har.is_null() {
            None
        } else {
            Some(get(har)?.log.clone())
        };
        Ok(())
    })
}
