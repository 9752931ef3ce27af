//! Options of a manager: TLS.

use std::fs;
use std::path::PathBuf;

use engine::{ClientIdentity, Error, ErrorCode, Verify};

use crate::handle::trunk_manager_options;
use crate::options::change;
use crate::status::trunk_status;
use crate::view::trunk_view;

/// Trusts these certificate authorities (PEM, one or more), and no others. The default is the platform's trust store; the
/// empty view goes back to it.
///
/// Ownership: `pem` is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_tls_ca(
    options: *mut trunk_manager_options,
    pem: trunk_view,
) -> trunk_status {
    change(options, |options| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let pem = unsafe { pem.bytes() }?;
        options.tls.verify = if pem.is_empty() {
            Verify::Platform
        } else {
            Verify::Ca(pem.to_vec())
        };
        Ok(())
    })
}

/// As `trunk_manager_options_set_tls_ca`, with the contents of the file at this path, which is read at once.
///
/// Errors: `TRUNK_ERROR_IO` when it cannot be read.
/// Threads: reads a file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_tls_ca_file(
    options: *mut trunk_manager_options,
    path: trunk_view,
) -> trunk_status {
    change(options, |options| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let path = unsafe { path.text("the path") }?;
        let pem = fs::read(path)
            .map_err(|cause| Error::new(ErrorCode::Io, format!("{path:?}: {cause}")))?;
        options.tls.verify = Verify::Ca(pem);
        Ok(())
    })
}

/// Whether peers are checked at all. `false` lets the peer be anyone, for tests only; `true` goes back to the platform's
/// trust store, unless certificate authorities were set.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_tls_verify(
    options: *mut trunk_manager_options,
    verify: bool,
) -> trunk_status {
    change(options, |options| {
        match (verify, &options.tls.verify) {
            (false, _) => options.tls.verify = Verify::Nobody,
            (true, Verify::Nobody) => options.tls.verify = Verify::Platform,
            (true, _) => {}
        }
        Ok(())
    })
}

/// The certificate (PEM, its intermediates after it) that is shown to a peer that asks for one, and its private key (PEM:
/// PKCS#8, PKCS#1 or SEC1). Two empty views take it back.
///
/// Ownership: the views are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_tls_identity(
    options: *mut trunk_manager_options,
    certificate: trunk_view,
    key: trunk_view,
) -> trunk_status {
    change(options, |options| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let (certificate, key) = unsafe { (certificate.bytes()?, key.bytes()?) };
        options.tls.identity = match (certificate.is_empty(), key.is_empty()) {
            (true, true) => None,
            (false, false) => Some(ClientIdentity {
                certificate: certificate.to_vec(),
                key: key.to_vec(),
            }),
            _ => {
                return Err(Error::new(
                    ErrorCode::InvalidArgument,
                    "a certificate and its key belong together",
                ));
            }
        };
        Ok(())
    })
}

/// The name that is checked and sent (SNI) in place of the host of the URL. The empty view takes it back.
///
/// Ownership: `name` is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_tls_hostname(
    options: *mut trunk_manager_options,
    name: trunk_view,
) -> trunk_status {
    change(options, |options| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let name = unsafe { name.text("the name") }?;
        options.tls.hostname = (!name.is_empty()).then(|| name.to_owned());
        Ok(())
    })
}

/// Appends the secrets of TLS sessions to the file at this path, in the NSS key log format. By default the file is the
/// one that the environment variable `SSLKEYLOGFILE` names, if any; the empty view goes back to that.
///
/// Ownership: `path` is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_tls_key_log(
    options: *mut trunk_manager_options,
    path: trunk_view,
) -> trunk_status {
    change(options, |options| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let path = unsafe { path.text("the path") }?;
        options.tls.key_log = (!path.is_empty()).then(|| PathBuf::from(path));
        Ok(())
    })
}
