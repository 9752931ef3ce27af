//! Options of a manager: TLS.

use std::fs;
use std::path::PathBuf;

use engine::{ClientIdentity, Error, ErrorCode, Result, TlsOptions, TlsVersion, Verify};

use crate::handle::trunk_manager_options;
use crate::options::change;
use crate::status::trunk_status;
use crate::view::trunk_view;

/// A version of TLS: one of `TRUNK_TLS_*`.
pub type trunk_tls_version = i32;

/// TLS 1.2 (RFC 5246).
pub const TRUNK_TLS_1_2: trunk_tls_version = 12;
/// TLS 1.3 (RFC 8446).
pub const TRUNK_TLS_1_3: trunk_tls_version = 13;

/// Trusts these certificate authorities, or the platform's trust store.
///
/// # Safety
/// As for [`trunk_view::bytes`].
pub(crate) unsafe fn set_ca(tls: &mut TlsOptions, pem: trunk_view) -> Result<()> {
    // SAFETY: the caller's promise.
    let pem = unsafe { pem.bytes() }?;
    tls.verify = if pem.is_empty() {
        Verify::Platform
    } else {
        Verify::Ca(pem.to_vec())
    };
    Ok(())
}

/// Switches the check of peers off, or on again.
pub(crate) fn set_verify(tls: &mut TlsOptions, verify: bool) {
    match (verify, &tls.verify) {
        (false, _) => tls.verify = Verify::Nobody,
        (true, Verify::Nobody) => tls.verify = Verify::Platform,
        (true, _) => {}
    }
}

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
        unsafe { set_ca(&mut options.tls, pem) }
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
        set_verify(&mut options.tls, verify);
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

/// The name that is sent (SNI) in place of the one that is checked; the empty view sends none. Sessions are not resumed
/// then. By default the name that is checked is sent.
///
/// Ownership: `name` is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_tls_sni(
    options: *mut trunk_manager_options,
    name: trunk_view,
) -> trunk_status {
    change(options, |options| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        options.tls.sni = Some(unsafe { name.text("the name") }?.to_owned());
        Ok(())
    })
}

/// The version of an argument.
///
/// # Errors
/// `invalid_argument`.
fn tls_version(version: trunk_tls_version) -> Result<TlsVersion> {
    match version {
        TRUNK_TLS_1_2 => Ok(TlsVersion::Tls12),
        TRUNK_TLS_1_3 => Ok(TlsVersion::Tls13),
        _ => Err(Error::new(
            ErrorCode::InvalidArgument,
            format!("there is no TLS version {version}"),
        )),
    }
}

/// The oldest and the newest version that are spoken. The default is `TRUNK_TLS_1_2` to `TRUNK_TLS_1_3`. An oldest that is
/// newer than the newest makes `trunk_manager_new` fail.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_tls_versions(
    options: *mut trunk_manager_options,
    oldest: trunk_tls_version,
    newest: trunk_tls_version,
) -> trunk_status {
    change(options, |options| {
        (options.tls.min_version, options.tls.max_version) =
            (tls_version(oldest)?, tls_version(newest)?);
        Ok(())
    })
}

/// Public keys of which the peer's certificate must have one, whatever else is checked: each `sha256//` and the base64 of
/// the SHA-256 of its `SubjectPublicKeyInfo`, several with `;` between them, as curl's `--pinnedpubkey` has it. The empty
/// view takes them back. What is no pin makes `trunk_manager_new` fail.
///
/// Ownership: `pins` are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_tls_pins(
    options: *mut trunk_manager_options,
    pins: trunk_view,
) -> trunk_status {
    change(options, |options| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let pins = unsafe { pins.optional("the pins") }?;
        options.tls.pins = pins.map(str::to_owned).into_iter().collect();
        Ok(())
    })
}

/// Whether sessions are resumed, which saves most of the next handshake with the same peer. The default is yes.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_tls_resumption(
    options: *mut trunk_manager_options,
    resumption: bool,
) -> trunk_status {
    change(options, |options| {
        options.tls.resumption = resumption;
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
