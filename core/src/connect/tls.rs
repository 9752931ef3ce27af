//! TLS by rustls: trust, client certificates, ALPN, key log.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::TlsConnector;

use super::Stream;
use crate::drive::Io;
use crate::error::{Error, ErrorCode, Phase, Result};
use crate::options::{HttpVersions, TlsOptions, Verify};
use crate::request::Target;

/// The TLS side of a manager; its configuration is made at the first use, for the platform's trust store is slow to read.
pub(crate) struct Tls {
    options: TlsOptions,
    base: OnceLock<Result<ClientConfig>>,
    by_version: [OnceLock<Arc<ClientConfig>>; 3],
}

impl Tls {
    /// # Errors
    /// `invalid_argument` for certificates or keys that cannot be read.
    pub(crate) fn new(options: TlsOptions) -> Result<Tls> {
        let tls = Tls {
            options,
            base: OnceLock::new(),
            by_version: Default::default(),
        };
        if tls.options.verify != Verify::Platform || tls.options.identity.is_some() {
            tls.base()?;
        }
        Ok(tls)
    }

    fn base(&self) -> Result<&ClientConfig> {
        self.base
            .get_or_init(|| configuration(&self.options))
            .as_ref()
            .map_err(Clone::clone)
    }

    fn config(&self, versions: HttpVersions) -> Result<Arc<ClientConfig>> {
        let slot = &self.by_version[versions as usize];
        if let Some(config) = slot.get() {
            return Ok(Arc::clone(config));
        }
        let mut config = self.base()?.clone();
        config.alpn_protocols = match versions {
            HttpVersions::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            HttpVersions::Http1 => vec![b"http/1.1".to_vec()],
            HttpVersions::Http2 => vec![b"h2".to_vec()],
        };
        Ok(Arc::clone(slot.get_or_init(|| Arc::new(config))))
    }

    /// The stream, whether HTTP/2 was negotiated, and a description of version and cipher.
    pub(crate) async fn handshake(
        &self,
        io: Io,
        target: &Target,
    ) -> Result<(Stream, bool, String)> {
        let name = self.options.hostname.as_deref().unwrap_or(&target.host);
        let bare = name
            .trim_start_matches('[')
            .trim_end_matches(']')
            .trim_end_matches('.');
        let server = ServerName::try_from(bare.to_owned()).map_err(|_| {
            Error::new(
                ErrorCode::InvalidUrl,
                format!("{name:?} cannot be the name of a TLS server"),
            )
        })?;
        let connector = TlsConnector::from(self.config(target.versions)?);
        let stream = connector
            .connect(server, io)
            .await
            .map_err(|cause| failure(name, cause))?;
        let (_, session) = stream.get_ref();
        let http2 = session.alpn_protocol() == Some(b"h2");
        if target.versions == HttpVersions::Http2 && !http2 {
            return Err(Error::new(
                ErrorCode::ProtocolNotNegotiated,
                format!("{name} does not offer HTTP/2 over TLS (ALPN h2)"),
            ));
        }
        let version = session
            .protocol_version()
            .and_then(|version| version.as_str())
            .unwrap_or("TLS");
        let cipher = session
            .negotiated_cipher_suite()
            .and_then(|suite| suite.suite().as_str())
            .unwrap_or("");
        let description = format!("{} {cipher}", version.replace('_', "."));
        Ok((Stream::Tls(Box::new(stream)), http2, description))
    }
}

fn failure(name: &str, cause: std::io::Error) -> Error {
    let code = match cause
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            ErrorCode::TlsCertificate
        }
        Some(rustls::Error::NoApplicationProtocol) => ErrorCode::ProtocolNotNegotiated,
        Some(rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol)) => {
            ErrorCode::ProtocolNotNegotiated
        }
        _ => ErrorCode::TlsFailed,
    };
    Error::new(code, format!("TLS with {name}: {cause}"))
        .in_phase(Phase::Tls)
        .with_source(cause)
}

fn configuration(options: &TlsOptions) -> Result<ClientConfig> {
    let bad = |what: &str, cause: &dyn std::fmt::Display| {
        Error::new(ErrorCode::InvalidArgument, format!("{what}: {cause}"))
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|cause| bad("TLS versions", &cause))?;
    let builder = match &options.verify {
        Verify::Platform => {
            let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(|cause| {
                Error::new(
                    ErrorCode::TlsFailed,
                    format!("the platform's trust store cannot be read: {cause}"),
                )
            })?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verifier))
        }
        Verify::Ca(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|cause| bad("CA certificate", &cause))?;
                roots
                    .add(certificate)
                    .map_err(|cause| bad("CA certificate", &cause))?;
            }
            if roots.is_empty() {
                return Err(bad("CA certificate", &"no PEM certificate found"));
            }
            builder.with_root_certificates(roots)
        }
        Verify::Nobody => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AcceptAnyone { provider })),
    };
    let mut config = match &options.identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain = CertificateDer::pem_slice_iter(&identity.certificate)
                .collect::<std::result::Result<Vec<_>, _>>()
                .map_err(|cause| bad("client certificate", &cause))?;
            if chain.is_empty() {
                return Err(bad("client certificate", &"no PEM certificate found"));
            }
            let key = PrivateKeyDer::from_pem_slice(&identity.key)
                .map_err(|cause| bad("client key", &cause))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|cause| bad("client certificate", &cause))?
        }
    };
    config.key_log = match &options.key_log {
        None => Arc::new(rustls::KeyLogFile::new()),
        Some(path) => Arc::new(KeyLog::open(path).map_err(|cause| bad("key log", &cause))?),
    };
    Ok(config)
}

/// Secrets in the NSS key log format, appended to a file.
#[derive(Debug)]
struct KeyLog(Mutex<File>);

impl KeyLog {
    fn open(path: &PathBuf) -> std::io::Result<KeyLog> {
        use std::os::unix::fs::OpenOptionsExt;
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)?;
        Ok(KeyLog(Mutex::new(file)))
    }
}

impl rustls::KeyLog for KeyLog {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        use std::fmt::Write as _;
        let mut line = format!("{label} ");
        for byte in client_random {
            let _ = write!(line, "{byte:02x}");
        }
        line.push(' ');
        for byte in secret {
            let _ = write!(line, "{byte:02x}");
        }
        line.push('\n');
        // A full disk must not end a connection.
        let _ = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write_all(line.as_bytes());
    }
}

/// Accepts every certificate, as [`Verify::Nobody`] asks; signatures are still checked.
#[derive(Debug)]
struct AcceptAnyone {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AcceptAnyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
