//! Who is let in: by nobody's word, under another name than the one that is sent, by the public key.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, OtherError, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::error::{Error, ErrorCode, Result};

type Outcome<T> = std::result::Result<T, rustls::Error>;

/// The SHA-256 of a certificate's `SubjectPublicKeyInfo` (RFC 7469, 2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pin([u8; 32]);

impl Pin {
    /// `sha256//BASE64`, one or more with `;` between.
    pub(super) fn parse_all(texts: &[String]) -> Result<Vec<Pin>> {
        let parse = |text: &str| {
            let hash = BASE64.decode(text.strip_prefix("sha256//")?).ok()?;
            hash.try_into().ok().map(Pin)
        };
        texts
            .iter()
            .flat_map(|text| text.split(';'))
            .map(|text| {
                parse(text.trim()).ok_or_else(|| {
                    Error::new(
                        ErrorCode::InvalidArgument,
                        format!("pin {text:?} is not sha256// and the base64 of 32 bytes"),
                    )
                })
            })
            .collect()
    }

    fn of(certificate: &CertificateDer<'_>) -> Outcome<Pin> {
        let key = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &key);
        let mut pin = [0; 32];
        pin.copy_from_slice(hash.as_ref());
        Ok(Pin(pin))
    }
}

/// The certificate's public key has none of the expected pins.
#[derive(Debug)]
struct WrongPin(Pin);

impl fmt::Display for WrongPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = BASE64.encode(self.0.0);
        write!(
            f,
            "the public key's pin sha256//{found} is none of the expected ones"
        )
    }
}

impl std::error::Error for WrongPin {}

/// Checks by another verifier, then the pins.
#[derive(Debug, Clone)]
pub(super) struct Checked {
    pub(super) inner: Arc<dyn ServerCertVerifier>,
    /// The name to check in place of the one that was sent.
    pub(super) name: Option<ServerName<'static>>,
    /// One of them must be met, if there are any.
    pub(super) pins: Arc<[Pin]>,
}

impl ServerCertVerifier for Checked {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Outcome<ServerCertVerified> {
        let name = self.name.as_ref().unwrap_or(name);
        let verified = self
            .inner
            .verify_server_cert(end_entity, intermediates, name, ocsp, now)?;
        if !self.pins.is_empty() {
            let found = Pin::of(end_entity)?;
            if !self.pins.contains(&found) {
                let wrong = OtherError(Arc::new(WrongPin(found)));
                return Err(CertificateError::Other(wrong).into());
            }
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Outcome<HandshakeSignatureValid> {
        self.inner
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Outcome<HandshakeSignatureValid> {
        self.inner
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Accepts every certificate, as [`crate::options::Verify::Nobody`] asks; signatures are still checked.
#[derive(Debug)]
pub(super) struct AcceptAnyone {
    pub(super) provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AcceptAnyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Outcome<ServerCertVerified> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Outcome<HandshakeSignatureValid> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Outcome<HandshakeSignatureValid> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_read_as_curl_writes_them() {
        // The example of curl's manual, CURLOPT_PINNEDPUBLICKEY.
        let one = "sha256//YhKJKSzoTt2b5FP18fvpHo7fJYqQCjAa3HWY3tvRMwE=";
        let two = "sha256//t62CeU2tQiqkexU74Gxa2eg7fRbEgoChTociMee9wno=";
        let read = |texts: &[&str]| {
            let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
            Pin::parse_all(&texts)
        };
        let pins = read(&[one, two]).unwrap();
        assert_eq!(pins[0].0[..3], [0x62, 0x12, 0x89]);
        assert_eq!(read(&[&format!("{one};{two}")]).unwrap(), pins);
        assert!(read(&[]).unwrap().is_empty());
        let short = "sha256//AAAA";
        for bad in ["", "sha256//", short, "sha256/x", &one[8..], "x;y", "; "] {
            let error = read(&[bad]).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument, "{bad}");
        }
    }
}
