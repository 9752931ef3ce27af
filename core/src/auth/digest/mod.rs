//! Digest (RFC 7616, and RFC 2617 where a server is older).

mod hash;

use http::HeaderValue;
use http::header::GetAll;

use super::AuthRequest;
use super::challenge::{Challenge, challenges, parameters};
use super::credential;
use super::memory::Turn;
use crate::error::Result;
use crate::limits;

use hash::Algorithm;
pub(super) use hash::{hex, random};

/// What is protected (RFC 7616, 3.3, `qop`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protection {
    /// As in RFC 2069: no counter, no nonce of the client.
    Legacy,
    /// Method and target.
    Request,
    /// Method, target and body.
    Integrity,
}

/// A challenge that can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DigestChallenge {
    pub(super) realm: Vec<u8>,
    pub(super) nonce: Vec<u8>,
    /// The nonce that a session began with.
    first_nonce: Vec<u8>,
    opaque: Option<Vec<u8>>,
    algorithm: Algorithm,
    session: bool,
    /// Whether the challenge names its algorithm; one that does not is older and may not know the name.
    named: bool,
    protection: Protection,
    userhash: bool,
    utf8: bool,
    stale: bool,
}

impl DigestChallenge {
    /// The strongest challenge that can be answered, the first of equals. `whole` tells that the body can be hashed.
    pub(super) fn strongest(fields: &GetAll<'_, HeaderValue>, whole: bool) -> Option<Self> {
        let mut best: Option<Self> = None;
        let all = fields.iter().flat_map(|field| challenges(field.as_bytes()));
        for challenge in all.take(limits::CHALLENGES) {
            if let Some(found) = DigestChallenge::read(&challenge, whole)
                && best
                    .as_ref()
                    .is_none_or(|best| found.algorithm > best.algorithm)
            {
                best = Some(found);
            }
        }
        best
    }

    fn read(challenge: &Challenge<'_>, whole: bool) -> Option<Self> {
        if !challenge.scheme.eq_ignore_ascii_case(b"digest") {
            return None;
        }
        let given = &challenge.parameters;
        let algorithm = given.get("algorithm");
        let named = algorithm.is_some();
        let (algorithm, session) = Algorithm::named(algorithm.unwrap_or(b"MD5"))?;
        let protection = match given.get("qop").map(<[u8]>::trim_ascii) {
            None | Some(b"") => Protection::Legacy,
            Some(offers) => {
                let offers = |wanted: &[u8]| {
                    offers
                        .split(|byte| *byte == b',')
                        .any(|offer| offer.trim_ascii().eq_ignore_ascii_case(wanted))
                };
                if offers(b"auth") {
                    Protection::Request
                } else if offers(b"auth-int") && whole {
                    Protection::Integrity
                } else {
                    return None;
                }
            }
        };
        if session && protection == Protection::Legacy {
            // Its key needs the client's nonce, which the older form does not send.
            return None;
        }
        let (realm, nonce) = (given.get("realm")?, given.get("nonce")?);
        let opaque = given.get("opaque");
        let kept = realm.len() + nonce.len() + opaque.map_or(0, <[u8]>::len);
        if kept > limits::DIGEST_CHALLENGE_BYTES {
            return None;
        }
        Some(DigestChallenge {
            realm: realm.to_vec(),
            nonce: nonce.to_vec(),
            first_nonce: nonce.to_vec(),
            opaque: opaque.map(<[u8]>::to_vec),
            algorithm,
            session,
            named,
            protection,
            userhash: given.is("userhash", "true"),
            utf8: given.is("charset", "UTF-8"),
            stale: given.is("stale", "true"),
        })
    }

    /// Whether the peer says that only the nonce of the refused request was wrong.
    pub(super) fn is_stale(&self) -> bool {
        self.stale
    }

    /// Whether the refused request used this very nonce, so that the same would be sent again.
    pub(super) fn refuses(&self, sent: Option<&[u8]>) -> bool {
        sent == Some(&self.nonce)
    }

    /// The same challenge with the peer's next nonce. A session's key stays that of its first (RFC 7616, 3.4.2).
    pub(super) fn with_nonce(&self, nonce: Vec<u8>) -> Self {
        DigestChallenge {
            nonce,
            ..self.clone()
        }
    }
}

/// The nonce of a credential that was sent.
pub(super) fn nonce_of(field: &HeaderValue) -> Option<Vec<u8>> {
    let sent = challenges(field.as_bytes()).into_iter().next()?;
    let digest = sent.scheme.eq_ignore_ascii_case(b"digest");
    sent.parameters
        .get("nonce")
        .filter(|_| digest)
        .map(<[u8]>::to_vec)
}

/// `nextnonce` of `authentication-info` (RFC 7616, 3.5), if it may be kept.
pub(super) fn next_nonce(field: &HeaderValue) -> Option<Vec<u8>> {
    let given = parameters(field.as_bytes())?;
    let nonce = given.get("nextnonce")?;
    (nonce.len() <= limits::DIGEST_CHALLENGE_BYTES).then(|| nonce.to_vec())
}

/// The credential for one use of a challenge, for a proxy or not; `None` where it asks for the hash of a body that is
/// streamed.
pub(super) fn respond(
    turn: &Turn,
    user: &str,
    password: &str,
    request: &AuthRequest<'_>,
    proxy: bool,
) -> Result<Option<HeaderValue>> {
    credential::check("user of digest", user)?;
    credential::check("password of digest", password)?;
    let integrity = turn.challenge.protection == Protection::Integrity;
    if integrity && request.body.is_none() {
        return Ok(None);
    }
    let target = request.target(proxy);
    let text = if turn.challenge.session {
        compute(turn, user, password, request, &target, &turn.cnonce)
    } else {
        compute(turn, user, password, request, &target, &random()?)
    };
    credential::value("digest credential", &text).map(Some)
}

/// RFC 7616, 3.4.
fn compute(
    turn: &Turn,
    user: &str,
    password: &str,
    request: &AuthRequest<'_>,
    target: &str,
    cnonce: &str,
) -> Vec<u8> {
    let challenge = turn.challenge.as_ref();
    let hash = |parts: &[&[u8]]| challenge.algorithm.hash(parts);
    let (method, uri) = (request.method.as_str().as_bytes(), target.as_bytes());

    let mut key = hash(&[user.as_bytes(), &challenge.realm, password.as_bytes()]);
    if challenge.session {
        // The session's own, whatever this request uses (3.4.2).
        key = hash(&[
            key.as_bytes(),
            &challenge.first_nonce,
            turn.cnonce.as_bytes(),
        ]);
    }
    let (qop, proof) = match challenge.protection {
        Protection::Legacy => (None, hash(&[method, uri])),
        Protection::Request => (Some("auth"), hash(&[method, uri])),
        Protection::Integrity => {
            let body = hash(&[request.body.unwrap_or_default()]);
            (Some("auth-int"), hash(&[method, uri, body.as_bytes()]))
        }
    };
    let (key, proof) = (key.as_bytes(), proof.as_bytes());
    let count = format!("{:08x}", turn.count);
    let response = match qop {
        None => hash(&[key, &challenge.nonce, proof]),
        Some(qop) => hash(&[
            key,
            &challenge.nonce,
            count.as_bytes(),
            cnonce.as_bytes(),
            qop.as_bytes(),
            proof,
        ]),
    };

    let mut fields = Fields(b"Digest ".to_vec());
    if challenge.userhash {
        let hidden = hash(&[user.as_bytes(), &challenge.realm]);
        fields.quoted("username", hidden.as_bytes());
    } else if challenge.utf8 && !user.is_ascii() {
        fields.plain("username*", &format!("UTF-8''{}", extended(user)));
    } else {
        fields.quoted("username", user.as_bytes());
    }
    fields.quoted("realm", &challenge.realm);
    fields.quoted("uri", uri);
    if challenge.named {
        let session = if challenge.session { "-sess" } else { "" };
        fields.plain(
            "algorithm",
            &format!("{}{session}", challenge.algorithm.name()),
        );
    }
    fields.quoted("nonce", &challenge.nonce);
    if let Some(qop) = qop {
        fields.plain("nc", &count);
        fields.quoted("cnonce", cnonce.as_bytes());
        fields.plain("qop", qop);
    }
    fields.quoted("response", response.as_bytes());
    if let Some(opaque) = &challenge.opaque {
        fields.quoted("opaque", opaque);
    }
    if challenge.userhash {
        fields.plain("userhash", "true");
    }
    fields.0
}

/// RFC 8187, 3.2.1: what is neither letter nor digit is escaped, which is more than need be.
fn extended(text: &str) -> percent_encoding::PercentEncode<'_> {
    percent_encoding::percent_encode(text.as_bytes(), percent_encoding::NON_ALPHANUMERIC)
}

struct Fields(Vec<u8>);

impl Fields {
    fn name(&mut self, name: &str) {
        if !self.0.ends_with(b" ") {
            self.0.extend_from_slice(b", ");
        }
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(b'=');
    }

    fn plain(&mut self, name: &str, value: &str) {
        self.name(name);
        self.0.extend_from_slice(value.as_bytes());
    }

    fn quoted(&mut self, name: &str, value: &[u8]) {
        self.name(name);
        self.0.push(b'"');
        for byte in value {
            if matches!(byte, b'"' | b'\\') {
                self.0.push(b'\\');
            }
            self.0.push(*byte);
        }
        self.0.push(b'"');
    }
}

#[cfg(test)]
mod tests;
