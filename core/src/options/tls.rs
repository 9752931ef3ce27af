//! TLS options.

use std::path::PathBuf;

/// Whom to trust.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Verify {
    /// The platform's trust store.
    #[default]
    Platform,
    /// These certificates (PEM, one or more), and no others.
    Ca(Vec<u8>),
    /// Nobody is checked: the peer may be anyone. For tests only.
    Nobody,
}

/// A client certificate with its key, both PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// The certificate, then its intermediates.
    pub certificate: Vec<u8>,
    /// The private key (PKCS#8, PKCS#1 or SEC1).
    pub key: Vec<u8>,
}

impl std::fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientIdentity(..)")
    }
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

/// TLS options of a manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsOptions {
    /// Whom to trust.
    pub verify: Verify,
    /// The certificate shown to the peer when it asks for one.
    pub identity: Option<ClientIdentity>,
    /// The name checked and sent (SNI) in place of the URL's host.
    pub hostname: Option<String>,
    /// The name sent (SNI) in place of the one that is checked; empty: none is sent. Sessions are not resumed then, for they
    /// are remembered by the name sent, and a resumed one is not checked again. Default: the name that is checked.
    pub sni: Option<String>,
    /// The oldest version spoken. Default TLS 1.2.
    pub min_version: TlsVersion,
    /// The newest version spoken. Default TLS 1.3.
    pub max_version: TlsVersion,
    /// Public keys of which the peer's certificate must have one, whatever `verify` says: each `sha256//` and the base64 of
    /// the SHA-256 of its `SubjectPublicKeyInfo` (RFC 7469, 2.4), several also in one string with `;` between, as curl's
    /// `--pinnedpubkey` has it. Default: any.
    pub pins: Vec<String>,
    /// Whether sessions are resumed, which saves most of the next handshake with the same peer. Default yes.
    pub resumption: bool,
    /// Append session secrets here in the NSS key log format. Default: the file named by `SSLKEYLOGFILE`, if set.
    pub key_log: Option<PathBuf>,
}

impl Default for TlsOptions {
    fn default() -> TlsOptions {
        TlsOptions {
            verify: Verify::default(),
            identity: None,
            hostname: None,
            sni: None,
            min_version: TlsVersion::Tls12,
            max_version: TlsVersion::Tls13,
            pins: Vec::new(),
            resumption: true,
            key_log: None,
        }
    }
}
