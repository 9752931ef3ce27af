//! The hashes of digest, and its random bytes.

use std::fmt::Write;

use aws_lc_rs::{digest as sha, rand};
use md5::{Digest as _, Md5};

use crate::error::{Error, ErrorCode, Result};

/// Ordered by strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Algorithm {
    Md5,
    Sha256,
    Sha512Half,
}

impl Algorithm {
    /// The algorithm of this name, and whether it hashes a session's key.
    pub(super) fn named(name: &[u8]) -> Option<(Algorithm, bool)> {
        let name = name.to_ascii_lowercase();
        let plain = name.strip_suffix(b"-sess");
        let algorithm = match plain.unwrap_or(&name) {
            b"md5" => Algorithm::Md5,
            b"sha-256" => Algorithm::Sha256,
            b"sha-512-256" => Algorithm::Sha512Half,
            _ => return None,
        };
        Some((algorithm, plain.is_some()))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha512Half => "SHA-512-256",
        }
    }

    /// The hash of these parts with colons between them, in lower-case hexadecimal digits.
    pub(super) fn hash(self, parts: &[&[u8]]) -> String {
        match self {
            Algorithm::Md5 => {
                let mut hash = Md5::new();
                colons(parts, |bytes| hash.update(bytes));
                hex(&hash.finalize())
            }
            Algorithm::Sha256 => secure(&sha::SHA256, parts),
            Algorithm::Sha512Half => secure(&sha::SHA512_256, parts),
        }
    }
}

fn secure(algorithm: &'static sha::Algorithm, parts: &[&[u8]]) -> String {
    let mut hash = sha::Context::new(algorithm);
    colons(parts, |bytes| hash.update(bytes));
    hex(hash.finish().as_ref())
}

fn colons(parts: &[&[u8]], mut add: impl FnMut(&[u8])) {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            add(b":");
        }
        add(part);
    }
}

/// Lower-case hexadecimal digits.
pub(in crate::auth) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// A client's nonce: 128 random bits.
pub(in crate::auth) fn random() -> Result<String> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes)
        .map_err(|_| Error::new(ErrorCode::Io, "the system has no random bytes for a digest"))?;
    Ok(hex(&bytes))
}
