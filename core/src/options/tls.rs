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

/// TLS options of a manager.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// Whom to trust.
    pub verify: Verify,
    /// The certificate shown to the peer when it asks for one.
    pub identity: Option<ClientIdentity>,
    /// The name checked and sent (SNI) in place of the URL's host.
    pub hostname: Option<String>,
    /// Append session secrets here in the NSS key log format. Default: the file named by `SSLKEYLOGFILE`, if set.
    pub key_log: Option<PathBuf>,
}
