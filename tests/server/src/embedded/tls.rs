//! Certificates made for the occasion, and the TLS settings that use them.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The server's certificate, and the files that hold what a client needs.
pub(super) struct Identity {
    pub(super) ca: PathBuf,
    pub(super) client_cert: PathBuf,
    pub(super) client_key: PathBuf,
    authority: CertificateDer<'static>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivatePkcs8KeyDer<'static>,
}

impl Identity {
    /// Makes an authority, a certificate for `localhost` and `127.0.0.1`, one for a client; writes them as PEM files.
    pub(super) fn write(directory: &Path) -> Outcome<Self> {
        let authority = authority()?;
        let mut server =
            CertificateParams::new(["localhost", "127.0.0.1", "::1"].map(str::to_owned))?;
        server
            .distinguished_name
            .push(DnType::CommonName, "localhost");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let server_key = KeyPair::generate()?;
        let server = server.signed_by(&server_key, &authority)?;
        let mut client = CertificateParams::new(["client.test".to_owned()])?;
        client
            .distinguished_name
            .push(DnType::CommonName, "Trunkline test client");
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let client_key = KeyPair::generate()?;
        let client = client.signed_by(&client_key, &authority)?;

        let put = |name: &str, text: String| -> Outcome<PathBuf> {
            let path = directory.join(name);
            std::fs::write(&path, text)?;
            Ok(path)
        };
        put("server.pem", server.pem())?;
        put("server.key", server_key.serialize_pem())?;
        Ok(Self {
            ca: put("ca.pem", authority.pem())?,
            client_cert: put("client.pem", client.pem())?,
            client_key: put("client.key", client_key.serialize_pem())?,
            authority: authority.der().clone(),
            chain: vec![server.der().clone()],
            key: PrivatePkcs8KeyDer::from(server_key.serialize_der()),
        })
    }

    /// Settings that offer these protocols, and demand a client certificate if told so.
    pub(super) fn server_config(
        &self,
        protocols: &[&str],
        demand_client: bool,
    ) -> Outcome<ServerConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?;
        let builder = if demand_client {
            let mut roots = RootCertStore::empty();
            roots.add(self.authority.clone())?;
            builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?,
            )
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::Pkcs8(self.key.clone_key());
        let mut config = builder.with_single_cert(self.chain.clone(), key)?;
        config.alpn_protocols = protocols
            .iter()
            .map(|protocol| protocol.as_bytes().to_vec())
            .collect();
        Ok(config)
    }
}

fn authority() -> Outcome<CertifiedIssuer<'static, KeyPair>> {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "Trunkline test authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}
