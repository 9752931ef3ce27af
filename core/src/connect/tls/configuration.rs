//! What rustls is told, made of the options.

use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::key_log::KeyLog;
use super::verify::{AcceptAnyone, Checked, Pin};
use crate::error::{Error, ErrorCode, Result};
use crate::options::{TlsOptions, TlsVersion, Verify};

fn bad(what: &str, cause: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorCode::InvalidArgument, format!("{what}: {cause}"))
}

/// A configuration without ALPN, and the verifier in it.
pub(super) struct Configuration {
    pub(super) client: ClientConfig,
    pub(super) verifier: Checked,
}

impl Configuration {
    pub(super) fn new(options: &TlsOptions, pins: &Arc<[Pin]>) -> Result<Configuration> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = Checked {
            inner: verifier(&options.verify, &provider)?,
            name: None,
            pins: Arc::clone(pins),
        };
        let range = options.min_version..=options.max_version;
        let versions: Vec<_> = [(TlsVersion::Tls13, &TLS13), (TlsVersion::Tls12, &TLS12)]
            .into_iter()
            .filter_map(|(version, known)| range.contains(&version).then_some(known))
            .collect();
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .map_err(|cause| bad("TLS versions", &cause))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier.clone()));
        let mut client = match &options.identity {
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
        client.key_log = match &options.key_log {
            None => Arc::new(rustls::KeyLogFile::new()),
            Some(path) => Arc::new(KeyLog::open(path).map_err(|cause| bad("key log", &cause))?),
        };
        client.enable_sni = options.sni.as_deref() != Some("");
        // Sessions are remembered by the name sent, and a resumed one is not checked again: under one sent name the
        // session of one checked name must not serve another.
        if !options.resumption || options.sni.is_some() {
            client.resumption = Resumption::disabled();
        }
        Ok(Configuration { client, verifier })
    }
}

fn verifier(
    verify: &Verify,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>> {
    let provider = Arc::clone(provider);
    Ok(match verify {
        Verify::Platform => {
            let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(|cause| {
                Error::new(
                    ErrorCode::TlsFailed,
                    format!("the platform's trust store cannot be read: {cause}"),
                )
            })?;
            Arc::new(verifier)
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
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|cause| bad("CA certificate", &cause))?
        }
        Verify::Nobody => Arc::new(AcceptAnyone { provider }),
    })
}
