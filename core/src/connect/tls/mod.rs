//! TLS by rustls: trust, client certificates, pins, ALPN, key log.

mod configuration;
mod key_log;
mod verify;

use std::sync::{Arc, OnceLock};

use rustls::client::verify_server_name;
use rustls::server::ParsedCertificate;
use rustls::{AlertDescription, CertificateError, ClientConfig};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::{Error, ErrorCode, Result};
use crate::options::{HttpVersions, TlsOptions, Verify};

use configuration::Configuration;
use verify::{Checked, Pin};

/// The TLS side of a manager; its configuration is made at the first use, for the platform's trust store is slow to read.
pub(crate) struct Tls {
    options: TlsOptions,
    pins: Arc<[Pin]>,
    base: OnceLock<Result<Configuration>>,
    by_version: [OnceLock<Arc<ClientConfig>>; 4],
}

/// A stream after its handshake.
pub(super) struct Secured<S> {
    pub(super) stream: TlsStream<S>,
    /// HTTP/2 was negotiated.
    pub(super) http2: bool,
    /// Version and cipher.
    pub(super) description: String,
}

impl Tls {
    /// # Errors
    /// `invalid_argument` for certificates, keys or pins that cannot be read, and for no version at all.
    pub(crate) fn new(options: TlsOptions) -> Result<Tls> {
        if options.min_version > options.max_version {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                "the oldest TLS version is newer than the newest",
            ));
        }
        if let Some(name) = options.sni.as_deref().filter(|name| !name.is_empty()) {
            server_name(name)
                .map_err(|error| Error::new(ErrorCode::InvalidArgument, error.message()))?;
        }
        let tls = Tls {
            pins: Pin::parse_all(&options.pins)?.into(),
            options,
            base: OnceLock::new(),
            by_version: Default::default(),
        };
        if tls.options.verify != Verify::Platform || tls.options.identity.is_some() {
            tls.base()?;
        }
        Ok(tls)
    }

    fn base(&self) -> Result<&Configuration> {
        self.base
            .get_or_init(|| Configuration::new(&self.options, &self.pins))
            .as_ref()
            .map_err(Clone::clone)
    }

    fn config(&self, versions: HttpVersions) -> Result<Arc<ClientConfig>> {
        let slot = &self.by_version[versions as usize];
        if let Some(config) = slot.get() {
            return Ok(Arc::clone(config));
        }
        let mut config = self.base()?.client.clone();
        config.alpn_protocols = match versions {
            HttpVersions::Auto | HttpVersions::Upgrade => {
                vec![b"h2".to_vec(), b"http/1.1".to_vec()]
            }
            HttpVersions::Http1 => vec![b"http/1.1".to_vec()],
            HttpVersions::Http2 => vec![b"h2".to_vec()],
        };
        Ok(Arc::clone(slot.get_or_init(|| Arc::new(config))))
    }

    /// As [`Tls::config`], but checks `name`, whatever name is sent.
    fn config_checking(
        &self,
        versions: HttpVersions,
        name: ServerName<'static>,
    ) -> Result<Arc<ClientConfig>> {
        let mut config = (*self.config(versions)?).clone();
        let verifier = Checked {
            name: Some(name),
            ..self.base()?.verifier.clone()
        };
        config
            .dangerous()
            .set_certificate_verifier(Arc::new(verifier));
        Ok(Arc::new(config))
    }

    /// Whether a peer's certificate tells for whom it speaks: it was checked, and for the URL's host.
    pub(super) fn vouches_for_names(&self) -> bool {
        let options = &self.options;
        options.verify != Verify::Nobody && options.hostname.is_none() && options.sni.is_none()
    }

    /// Secures a stream to `host`, where `versions` may be spoken.
    pub(super) async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        host: &str,
        versions: HttpVersions,
    ) -> Result<Secured<S>> {
        let name = self.options.hostname.as_deref().unwrap_or(host);
        let checked = server_name(name)?;
        let (config, sent) = match self.options.sni.as_deref() {
            None | Some("") => (self.config(versions)?, checked),
            Some(sni) => (self.config_checking(versions, checked)?, server_name(sni)?),
        };
        let stream = TlsConnector::from(config)
            .connect(sent, stream)
            .await
            .map_err(|cause| failure(name, cause))?;
        let (_, session) = stream.get_ref();
        let http2 = session.alpn_protocol() == Some(b"h2");
        if versions == HttpVersions::Http2 && !http2 {
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
        Ok(Secured {
            stream,
            http2,
            description,
        })
    }
}

/// Whether a certificate that is trusted is valid for this host, too.
pub(super) fn is_named(certificate: &CertificateDer<'_>, host: &str) -> bool {
    let (Ok(certificate), Ok(name)) = (ParsedCertificate::try_from(certificate), server_name(host))
    else {
        return false;
    };
    verify_server_name(&certificate, &name).is_ok()
}

fn server_name(name: &str) -> Result<ServerName<'static>> {
    let bare = name
        .trim_start_matches('[')
        .trim_end_matches(']')
        .trim_end_matches('.');
    ServerName::try_from(bare.to_owned()).map_err(|_| {
        Error::new(
            ErrorCode::InvalidUrl,
            format!("{name:?} cannot be the name of a TLS server"),
        )
    })
}

fn failure(name: &str, cause: std::io::Error) -> Error {
    let known = cause
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let code = match known {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            ErrorCode::TlsCertificate
        }
        Some(
            rustls::Error::NoApplicationProtocol
            | rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol),
        ) => ErrorCode::ProtocolNotNegotiated,
        _ => ErrorCode::TlsFailed,
    };
    let text = match known.and_then(explain) {
        Some(words) => format!("TLS with {name}: {words}"),
        None => format!("TLS with {name}: {cause}"),
    };
    Error::new(code, text).with_source(cause)
}

/// Plain words for what rustls tells by the protocol's names.
fn explain(cause: &rustls::Error) -> Option<String> {
    let words = match cause {
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) => {
            return Some(other.0.to_string());
        }
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "the issuer of the peer's certificate is not trusted"
        }
        rustls::Error::AlertReceived(alert) => match alert {
            AlertDescription::ProtocolVersion => {
                "the peer speaks none of the TLS versions that are allowed"
            }
            AlertDescription::HandshakeFailure => "the peer finds no parameters to agree on",
            AlertDescription::CertificateRequired => "the peer demands a client certificate",
            AlertDescription::UnknownCA => {
                "the peer does not trust the issuer of the client certificate"
            }
            AlertDescription::UnrecognisedName => "the peer does not serve this name",
            _ => return None,
        },
        _ => return None,
    };
    Some(words.to_owned())
}
