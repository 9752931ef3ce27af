//! Signature version 4 of Amazon's services: AWS4-HMAC-SHA256 in header fields.

mod canonical;

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::{digest, hmac};
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use time::OffsetDateTime;

use super::digest::hex;
use super::{AuthRequest, credential};
use crate::error::{Error, ErrorCode, Result};

pub(super) const DATE: HeaderName = HeaderName::from_static("x-amz-date");
pub(super) const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
pub(super) const CONTENT: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// What of the body is signed. A field `x-amz-content-sha256` of the request is signed in place of either.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AwsPayload {
    /// Its SHA-256; of a streamed body nothing, as with [`AwsPayload::Unsigned`]. The default.
    #[default]
    Signed,
    /// Nothing: `UNSIGNED-PAYLOAD`, which not every service takes. Only TLS protects such a body.
    Unsigned,
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
    pub(super) fn sign(&self, request: &AuthRequest<'_>) -> Result<Vec<(HeaderName, HeaderValue)>> {
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
        if self.is_s3() || content == canonical::UNSIGNED {
            added.push((CONTENT, credential::value("AWS content", &content)?));
        }

        let canonical = canonical::request(request, &added, &content, self.is_s3());
        let day = time.split('T').next().unwrap_or(&time);
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let hash = sha256(&canonical.text);
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hash}");
        let signature = hex(keyed(&self.key(day), &to_sign).as_ref());
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={}, Signature={signature}",
            self.access_key, canonical.signed
        );
        let value = credential::value("AWS credential", authorization.as_bytes())?;
        added.push((AUTHORIZATION, value));
        Ok(added)
    }

    /// What stands for the body.
    fn content(&self, request: &AuthRequest<'_>) -> Vec<u8> {
        match (request.headers.get(CONTENT), self.payload, request.body) {
            (Some(told), ..) => told.as_bytes().to_vec(),
            (None, AwsPayload::Signed, Some(body)) => sha256(body).into_bytes(),
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
