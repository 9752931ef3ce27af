//! Signature version 4 of Amazon's services: AWS4-HMAC-SHA256 in header fields.

mod canonical;
mod chunks;

pub(crate) use chunks::ChunkSigner;

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::{digest, hmac};
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, HeaderName, HeaderValue};
use time::OffsetDateTime;

use super::digest::hex;
use super::{AuthRequest, Authorized, credential};
use crate::error::{Error, ErrorCode, Result};

pub(super) const DATE: HeaderName = HeaderName::from_static("x-amz-date");
pub(super) const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
pub(super) const CONTENT: HeaderName = HeaderName::from_static("x-amz-content-sha256");

const LENGTH: HeaderName = HeaderName::from_static("x-amz-decoded-content-length");
/// What stands for a body whose chunks are signed.
const STREAMING: &[u8] = b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD";

/// What of the body is signed. A field `x-amz-content-sha256` of the request is signed in place of either.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AwsPayload {
    /// Its SHA-256; of a streamed body nothing, as with [`AwsPayload::Unsigned`]. The default.
    #[default]
    Signed,
    /// Nothing: `UNSIGNED-PAYLOAD`, which not every service takes. Only TLS protects such a body.
    Unsigned,
    /// As [`AwsPayload::Signed`]; but a body that is pulled from a source of known length, such as a file, is signed in
    /// chunks of 64 KiB as it is sent (`STREAMING-AWS4-HMAC-SHA256-PAYLOAD`, in the coding `aws-chunked`), so that it need
    /// not be read twice. For S3.
    Streaming,
}

/// Signs requests to Amazon's services and to those that follow them. Its `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct AwsSigV4 {
    /// The access key's id.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: String,
    /// The token of temporary credentials, sent as `x-amz-security-token`. Default none.
    pub session_token: Option<String>,
    /// The service's name, such as `s3`. Paths of S3 are signed as they are, all others normalised and encoded again.
    pub service: String,
    /// The region. Default `us-east-1`.
    pub region: String,
    /// The time of the signature, to the second. Default now.
    pub date: Option<SystemTime>,
    /// What of the body is signed.
    pub payload: AwsPayload,
}

impl fmt::Debug for AwsSigV4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsSigV4")
            .field("service", &self.service)
            .field("region", &self.region)
            .field("date", &self.date)
            .field("payload", &self.payload)
            .finish_non_exhaustive()
    }
}

impl AwsSigV4 {
    /// Keys and service; everything else as by default.
    pub fn new(
        access_key: impl Into<String>,
        secret_key: impl Into<String>,
        service: impl Into<String>,
    ) -> AwsSigV4 {
        AwsSigV4 {
            access_key: access_key.into(),
            secret_key: secret_key.into(),
            session_token: None,
            service: service.into(),
            region: "us-east-1".to_owned(),
            date: None,
            payload: AwsPayload::default(),
        }
    }

    /// `authorization` and the fields that it signs besides the request's own.
    ///
    /// # Errors
    /// `invalid_argument` for a control character in a credential, or a date outside the years 1970 to 9999.
    pub(super) fn sign(&self, request: &AuthRequest<'_>) -> Result<Authorized> {
        for (what, text) in [
            ("AWS access key", self.access_key.as_str()),
            ("AWS secret key", &self.secret_key),
            (
                "AWS session token",
                self.session_token.as_deref().unwrap_or(""),
            ),
            ("AWS service", &self.service),
            ("AWS region", &self.region),
        ] {
            credential::check(what, text)?;
        }
        let time = timestamp(self.date.unwrap_or_else(SystemTime::now))?;
        let mut added = vec![(DATE, credential::value("AWS date", time.as_bytes())?)];
        if let Some(token) = &self.session_token {
            added.push((
                TOKEN,
                credential::value("AWS session token", token.as_bytes())?,
            ));
        }
        let content = self.content(request);
        if content == STREAMING
            && let Some(length) = request.source
        {
            added.push((LENGTH, HeaderValue::from(length)));
            added.push((CONTENT_ENCODING, chunked(request.headers)?));
        }
        if self.is_s3() || content == canonical::UNSIGNED || content == STREAMING {
            added.push((CONTENT, credential::value("AWS content", &content)?));
        }

        let canonical = canonical::request(request, &added, &content, self.is_s3());
        let day = time.split('T').next().unwrap_or(&time);
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let hash = sha256(&canonical.text);
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hash}");
        let key = self.key(day);
        let signature = hex(keyed(&key, &to_sign).as_ref());
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={}, Signature={signature}",
            self.access_key, canonical.signed
        );
        let value = credential::value("AWS credential", authorization.as_bytes())?;
        added.push((AUTHORIZATION, value));
        let chunks = (content == STREAMING && request.source.is_some()).then_some(ChunkSigner {
            key,
            time,
            scope,
            previous: signature,
        });
        Ok(Authorized {
            fields: added,
            chunks,
        })
    }

    /// What stands for the body.
    fn content(&self, request: &AuthRequest<'_>) -> Vec<u8> {
        match (request.headers.get(CONTENT), self.payload, request.body) {
            (Some(told), ..) => told.as_bytes().to_vec(),
            (None, AwsPayload::Signed | AwsPayload::Streaming, Some(body)) => {
                sha256(body).into_bytes()
            }
            (None, AwsPayload::Streaming, None) if request.source.is_some() => STREAMING.to_vec(),
            (None, ..) => canonical::UNSIGNED.to_vec(),
        }
    }

    /// Whether paths are taken as they are and the content's hash is always sent.
    fn is_s3(&self) -> bool {
        matches!(
            self.service.as_str(),
            "s3" | "s3express" | "s3-object-lambda" | "s3-outposts"
        )
    }

    /// The key of one day, region and service.
    fn key(&self, day: &str) -> hmac::Tag {
        let secret = hmac::Key::new(
            hmac::HMAC_SHA256,
            format!("AWS4{}", self.secret_key).as_bytes(),
        );
        let day = hmac::sign(&secret, day.as_bytes());
        let region = keyed(&day, &self.region);
        keyed(&keyed(&region, &self.service), "aws4_request")
    }
}

/// The codings of a body that is sent in signed chunks.
fn chunked(headers: &HeaderMap) -> Result<HeaderValue> {
    let mut codings = b"aws-chunked".to_vec();
    for coding in headers.get_all(CONTENT_ENCODING) {
        codings.push(b',');
        codings.extend_from_slice(coding.as_bytes());
    }
    credential::value("content-encoding", &codings)
}

fn keyed(key: &hmac::Tag, text: &str) -> hmac::Tag {
    hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()),
        text.as_bytes(),
    )
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// The time in ISO 8601's basic form, UTC.
fn timestamp(at: SystemTime) -> Result<String> {
    let wrong = || {
        Error::new(
            ErrorCode::InvalidArgument,
            "the date of the AWS signature is outside the years 1970 to 9999",
        )
    };
    let seconds = at
        .duration_since(UNIX_EPOCH)
        .map_err(|_| wrong())?
        .as_secs();
    let seconds = i64::try_from(seconds).map_err(|_| wrong())?;
    let at = OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| wrong())?;
    let (hour, minute, second) = at.to_hms();
    Ok(format!(
        "{:04}{:02}{:02}T{hour:02}{minute:02}{second:02}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
    ))
}

#[cfg(test)]
mod tests;
