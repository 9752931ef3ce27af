//! The examples of the RFCs, and challenges that are meant to mislead.

use std::sync::Arc;

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, Method};

use super::*;

fn strongest(fields: &[&str], whole: bool) -> Option<DigestChallenge> {
    let mut headers = HeaderMap::new();
    for field in fields {
        headers.append(
            WWW_AUTHENTICATE,
            HeaderValue::from_bytes(field.as_bytes()).unwrap(),
        );
    }
    DigestChallenge::strongest(&headers.get_all(WWW_AUTHENTICATE), whole)
}

struct Asked<'a> {
    user: &'a str,
    password: &'a str,
    url: &'a str,
    cnonce: &'a str,
    body: Option<&'a [u8]>,
}

fn answer(challenge: DigestChallenge, asked: &Asked<'_>) -> String {
    let turn = Turn {
        challenge: Arc::new(challenge),
        cnonce: asked.cnonce.to_owned(),
        count: 1,
    };
    let request = AuthRequest {
        method: &Method::GET,
        url: asked.url,
        host: "",
        headers: &HeaderMap::new(),
        body: asked.body,
        source: None,
    };
    let target = request.target(false);
    let text = compute(
        &turn,
        asked.user,
        asked.password,
        &request,
        &target,
        asked.cnonce,
    );
    String::from_utf8(text).unwrap()
}

const MUFASA: Asked<'_> = Asked {
    user: "Mufasa",
    password: "Circle of Life",
    url: "http://www.example.org/dir/index.html",
    cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    body: Some(b""),
};

fn rfc_7616(algorithm: &str) -> String {
    format!(
        "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
         nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
         opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
    )
}

/// RFC 7616, 3.9.1.
#[test]
fn md5_and_sha_256_are_those_of_rfc_7616() {
    for (algorithm, response) in [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        (
            "SHA-256",
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
    ] {
        let challenge = strongest(&[&rfc_7616(algorithm)], true).unwrap();
        assert_eq!(
            answer(challenge, &MUFASA),
            format!(
                "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", \
                 algorithm={algorithm}, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, \
                 cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, response=\"{response}\", \
                 opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            )
        );
    }
}

/// RFC 7616, 3.9.2, with the values of erratum 4897: those printed are of another hash.
#[test]
fn sha_512_256_with_a_hashed_user_is_that_of_the_erratum() {
    let challenge = strongest(
        &[
            "Digest realm=\"api@example.org\", qop=\"auth\", algorithm=SHA-512-256, \
           nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\", \
           opaque=\"HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS\", charset=UTF-8, userhash=true",
        ],
        true,
    );
    let asked = Asked {
        user: "J\u{e4}s\u{f8}n Doe",
        password: "Secret, or not?",
        url: "http://api.example.org/doe.json",
        cnonce: "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
        body: None,
    };
    assert_eq!(
        answer(challenge.unwrap(), &asked),
        "Digest username=\"793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b\", \
         realm=\"api@example.org\", uri=\"/doe.json\", algorithm=SHA-512-256, \
         nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\", nc=00000001, \
         cnonce=\"NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v\", qop=auth, \
         response=\"3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5\", \
         opaque=\"HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS\", userhash=true"
    );
}

const RFC_2617: &str = "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", \
                        opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";

/// RFC 2617, 3.5, and RFC 2069, 2.4 with erratum 749.
#[test]
fn the_older_forms_are_those_of_their_rfcs() {
    let mut asked = Asked {
        password: "Circle Of Life",
        url: "http://www.nowhere.org/dir/index.html",
        cnonce: "0a4f113b",
        ..MUFASA
    };
    let challenge = strongest(&[&format!("{RFC_2617}, qop=\"auth,auth-int\"")], true).unwrap();
    let text = answer(challenge, &asked);
    assert!(
        text.contains("response=\"6629fae49393a05397450978507c4ef1\""),
        "{text}"
    );
    assert!(!text.contains("algorithm"), "{text}");

    asked.password = "CircleOfLife";
    assert_eq!(
        answer(strongest(&[RFC_2617], true).unwrap(), &asked),
        "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", uri=\"/dir/index.html\", \
         nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", response=\"1949323746fe6a43ef61f9606e7febea\", \
         opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""
    );
}

/// Worked out apart from this code, step by step by RFC 7616, 3.4.2 and 3.4.3.
#[test]
fn sessions_and_bodies_are_hashed_too() {
    let asked = Asked {
        body: Some(b"hello"),
        ..MUFASA
    };
    for (algorithm, response) in [
        ("MD5-sess", "6a1a4afa9798b44b19c2a93b62d15219"),
        (
            "SHA-256-sess",
            "84a87498d03b113c7971267b821f7ff9dec19d9a133971ebb6c8f5e22d763a57",
        ),
        (
            "sha-512-256-SESS",
            "624a95ce6eb0c4d02a07dac0bb173ab759426c02a61f702aa580f06705bd6bfd",
        ),
    ] {
        let field = rfc_7616(algorithm).replace("auth, auth-int", "auth-int");
        let challenge = strongest(&[&field], true).unwrap();
        let renewed = challenge.with_nonce(b"next".to_vec());
        let text = answer(challenge, &asked);
        assert!(
            text.contains(&format!("response=\"{response}\"")),
            "{algorithm} {text}"
        );
        assert!(text.contains("qop=auth-int"), "{text}");
        assert!(
            strongest(&[&field], false).is_none(),
            "a streamed body has no hash"
        );
        assert_eq!(
            renewed.first_nonce,
            b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
        );
    }
}

#[test]
fn the_strongest_that_is_known_wins() {
    let named = |fields: &[&str]| {
        let found = strongest(fields, true).unwrap();
        (found.algorithm, found.realm)
    };
    let (md5, sha, half) = (
        "Digest realm=m, nonce=a, qop=auth",
        "Digest realm=s, nonce=a, qop=auth, algorithm=SHA-256",
        "Digest realm=h, nonce=a, qop=auth, algorithm=SHA-512-256",
    );
    assert_eq!(named(&[md5, sha]), (Algorithm::Sha256, b"s".to_vec()));
    assert_eq!(named(&[sha, md5]), (Algorithm::Sha256, b"s".to_vec()));
    let joined = format!("Basic realm=x, {md5}, Negotiate YQ==, {half}, {sha}");
    assert_eq!(named(&[&joined]), (Algorithm::Sha512Half, b"h".to_vec()));
    let unknown = "Digest realm=u, nonce=a, qop=auth, algorithm=SHA-1024";
    assert_eq!(named(&[unknown, md5]), (Algorithm::Md5, b"m".to_vec()));
    let other = "Digest realm=o, nonce=b, qop=auth";
    assert_eq!(named(&[md5, other]), (Algorithm::Md5, b"m".to_vec()));
}

#[test]
fn what_cannot_be_answered_is_no_challenge() {
    let long = "n".repeat(limits::DIGEST_CHALLENGE_BYTES);
    for field in [
        "Basic realm=a",
        "Digest",
        "Digest realm=a",
        "Digest nonce=a",
        "Digest realm=a, nonce=b, qop=unknown",
        "Digest realm=a, nonce=b, algorithm=MD5-sess",
        "Digest realm=a, nonce=b, algorithm=token",
        "Digest realm=a, nonce=b, nonce=c",
        "Digest YWJj",
        &format!("Digest realm=a, nonce={long}"),
    ] {
        assert_eq!(strongest(&[field], true), None, "{field}");
    }
    assert!(
        strongest(
            &["dIGEST Realm=a, NONCE=b, QOP=\" AUTH \", stale=TRUE"],
            true
        )
        .unwrap()
        .is_stale()
    );
    assert!(
        !strongest(&["Digest realm=a, nonce=b, qop=\"\""], true)
            .unwrap()
            .is_stale()
    );
}

#[test]
fn quotes_and_backslashes_come_back_as_they_were() {
    let challenge = strongest(
        &[r#"Digest realm="a\"b\\c", nonce="d\\", opaque="\"""#],
        true,
    )
    .unwrap();
    assert_eq!(challenge.realm, br#"a"b\c"#);
    let asked = Asked {
        user: r#"me"\"#,
        url: "http://h/a?b=\"c",
        ..MUFASA
    };
    let text = answer(challenge, &asked);
    let sent = challenges(text.as_bytes());
    let parameters = &sent[0].parameters;
    for (name, value) in [
        ("username", r#"me"\"#),
        ("realm", r#"a"b\c"#),
        ("nonce", r"d\"),
        ("opaque", "\""),
        ("uri", "/a?b=\"c"),
    ] {
        assert_eq!(parameters.get(name), Some(value.as_bytes()), "{text}");
    }
    let value = HeaderValue::from_bytes(text.as_bytes()).unwrap();
    assert_eq!(nonce_of(&value), Some(br"d\".to_vec()));
}

#[test]
fn a_name_that_is_not_ascii_is_sent_as_the_server_reads_it() {
    let asked = Asked {
        user: "J\u{e4}s\u{f8}n Doe",
        ..MUFASA
    };
    let plain = strongest(&["Digest realm=a, nonce=b"], true).unwrap();
    assert!(answer(plain, &asked).contains("username=\"J\u{e4}s\u{f8}n Doe\""));
    let utf8 = strongest(&["Digest realm=a, nonce=b, charset=utf-8"], true).unwrap();
    assert!(answer(utf8, &asked).contains("username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, "));
}

#[test]
fn the_next_nonce_is_bounded() {
    let next = |text: &str| next_nonce(&HeaderValue::from_str(text).unwrap());
    assert_eq!(next("qop=auth, nextnonce=\"a b\""), Some(b"a b".to_vec()));
    assert_eq!(next("rspauth=\"x\""), None);
    assert_eq!(next("nextnonce=a, nextnonce=b"), None);
    assert_eq!(
        next(&format!(
            "nextnonce={}",
            "n".repeat(limits::DIGEST_CHALLENGE_BYTES + 1)
        )),
        None
    );
}

#[test]
fn nonces_of_the_client_differ() {
    let (one, two) = (random().unwrap(), random().unwrap());
    assert_eq!(one.len(), 32);
    assert_ne!(one, two);
}
