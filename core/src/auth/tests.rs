//! The calls of the exchange, one after another.

use super::*;

const ORIGIN: &str = "http://h";

fn request<'a>(method: &'a Method, url: &'a str, headers: &'a HeaderMap) -> AuthRequest<'a> {
    AuthRequest {
        method,
        url,
        host: "h",
        headers,
        body: Some(b""),
        source: None,
    }
}

fn digest() -> Auth {
    Auth::Digest {
        user: "u".into(),
        password: "secret".into(),
    }
}

fn asks(name: HeaderName, field: &str) -> HeaderMap {
    HeaderMap::from_iter([(name, field.parse().unwrap())])
}

/// What `auth` sends before any challenge.
fn sent(auth: &Auth) -> Result<Vec<String>> {
    let headers = HeaderMap::new();
    let request = request(&Method::GET, "http://h/", &headers);
    let fields = auth
        .authorize(&request, ORIGIN, &Challenges::default())?
        .fields;
    Ok(fields
        .iter()
        .map(|(name, value)| {
            assert!(value.is_sensitive());
            format!("{name}: {}", value.to_str().unwrap())
        })
        .collect())
}

#[test]
fn each_kind_sends_its_field() {
    let basic = Auth::Basic {
        user: "u".into(),
        password: "p".into(),
    };
    assert_eq!(sent(&basic).unwrap(), ["authorization: Basic dTpw"]);
    let bearer = Auth::Bearer("t".into());
    assert_eq!(sent(&bearer).unwrap(), ["authorization: Bearer t"]);
    let literal = Auth::Literal("any thing".into());
    assert_eq!(sent(&literal).unwrap(), ["authorization: any thing"]);
    assert!(sent(&Auth::None).unwrap().is_empty());
    assert!(sent(&digest()).unwrap().is_empty());
    let chosen = Auth::Callback(Arc::new(|request| {
        Ok(Auth::Literal(request.host.to_owned()))
    }));
    assert_eq!(sent(&chosen).unwrap(), ["authorization: h"]);
    let aws = Auth::AwsSigV4(AwsSigV4::new("a", "b", "s3"));
    assert_eq!(sent(&aws).unwrap().len(), 3);

    let headers = HeaderMap::new();
    let request = request(&Method::GET, "http://h/", &headers);
    let memory = Challenges::default();
    let fields = basic.authorize_proxy(&request, "p", &memory).unwrap();
    assert_eq!(
        fields,
        [(PROXY_AUTHORIZATION, HeaderValue::from_static("Basic dTpw"))]
    );
    let error = aws.authorize_proxy(&request, "p", &memory).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unsupported);
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let again = Auth::Callback(Arc::new(|_| Ok(Auth::None)));
    let nested = Auth::Callback(Arc::new(move |_| Ok(again.clone())));
    for auth in [
        Auth::Literal("a\r\nb: c".into()),
        Auth::Bearer("a b".into()),
        Auth::Basic {
            user: "a\n".into(),
            password: String::new(),
        },
        nested,
    ] {
        assert_eq!(
            sent(&auth).unwrap_err().code(),
            ErrorCode::InvalidArgument,
            "{auth:?}"
        );
    }
    let fails = Auth::Callback(Arc::new(|_| Err(Error::new(ErrorCode::Cancelled, "no"))));
    assert_eq!(sent(&fails).unwrap_err().code(), ErrorCode::Cancelled);
    let missing = Auth::Netrc(Some("/nowhere/netrc".into()));
    assert_eq!(sent(&missing).unwrap_err().code(), ErrorCode::Io);
}

#[test]
fn no_secret_is_shown() {
    let secret = || "secret".to_owned();
    for auth in [
        Auth::Basic {
            user: secret(),
            password: secret(),
        },
        Auth::Bearer(secret()),
        Auth::Literal(secret()),
        digest(),
        Auth::AwsSigV4(AwsSigV4 {
            session_token: Some(secret()),
            ..AwsSigV4::new(secret(), secret(), "s3")
        }),
        Auth::Callback(Arc::new(|_| Ok(Auth::None))),
    ] {
        let shown = format!("{auth:?}");
        assert!(!shown.contains("secret"), "{shown}");
    }
}

#[test]
fn a_challenge_is_answered_and_remembered() {
    let (memory, auth, none) = (Challenges::default(), digest(), HeaderMap::new());
    let first = request(&Method::GET, "http://h/a?b", &none);
    let challenge = asks(WWW_AUTHENTICATE, "Digest realm=r, nonce=n1, qop=auth");
    let answer = |challenge: &HeaderMap, request: &AuthRequest<'_>, tried| {
        let field = auth.answer(challenge, false, request, ORIGIN, &memory, tried);
        field.unwrap().map(|(name, value)| {
            assert_eq!(name, AUTHORIZATION);
            value.to_str().unwrap().to_owned()
        })
    };
    let authorize = || {
        let fields = auth.authorize(&first, ORIGIN, &memory).unwrap().fields;
        fields[0].1.clone()
    };
    let text = answer(&challenge, &first, false).unwrap();
    assert!(
        text.contains("uri=\"/a?b\"") && text.contains("nc=00000001"),
        "{text}"
    );
    let later = authorize();
    assert!(later.to_str().unwrap().contains("nc=00000002"), "{later:?}");

    // The credential that was refused is among the fields: the same nonce is not tried again.
    let with = HeaderMap::from_iter([(AUTHORIZATION, later)]);
    let refused = request(&Method::GET, "http://h/a?b", &with);
    assert_eq!(answer(&challenge, &refused, false), None);
    assert_eq!(answer(&challenge, &refused, true), None);
    let stale = asks(
        WWW_AUTHENTICATE,
        "Digest realm=r, nonce=n1, qop=auth, stale=true",
    );
    assert_eq!(answer(&stale, &refused, true), None);
    // Another nonce is, once; after that only where the old one was stale.
    let other = asks(WWW_AUTHENTICATE, "Digest realm=r, nonce=n2, qop=auth");
    assert_eq!(answer(&other, &refused, true), None);
    assert!(
        answer(&other, &refused, false)
            .unwrap()
            .contains("nonce=\"n2\"")
    );
    let stale = asks(
        WWW_AUTHENTICATE,
        "Digest realm=r, nonce=n3, qop=auth, stale=true",
    );
    assert!(
        answer(&stale, &refused, true)
            .unwrap()
            .contains("nonce=\"n3\"")
    );

    auth.informed(
        &asks(
            HeaderName::from_static("authentication-info"),
            "nextnonce=n4",
        ),
        false,
        ORIGIN,
        &memory,
    );
    let text = authorize();
    let text = text.to_str().unwrap();
    assert!(
        text.contains("nonce=\"n4\"") && text.contains("nc=00000001"),
        "{text}"
    );
}

#[test]
fn a_proxy_is_kept_apart() {
    let (memory, auth, none) = (Challenges::default(), digest(), HeaderMap::new());
    let connect = request(&Method::CONNECT, "h:443", &none);
    let challenge = asks(PROXY_AUTHENTICATE, "Digest realm=r, nonce=n, qop=auth");
    let wrong = auth.answer(&challenge, false, &connect, "p", &memory, false);
    assert_eq!(wrong.unwrap(), None);
    let right = auth.answer(&challenge, true, &connect, "p", &memory, false);
    let (name, value) = right.unwrap().unwrap();
    assert_eq!(name, PROXY_AUTHORIZATION);
    assert!(
        value.to_str().unwrap().contains("uri=\"h:443\""),
        "{value:?}"
    );
    let authorized = auth.authorize(&connect, "p", &memory).unwrap();
    assert!(authorized.fields.is_empty());
    assert_eq!(
        auth.authorize_proxy(&connect, "p", &memory).unwrap().len(),
        1
    );
    let informed = asks(
        HeaderName::from_static("proxy-authentication-info"),
        "nextnonce=m",
    );
    auth.informed(&informed, true, "p", &memory);
    let fields = auth.authorize_proxy(&connect, "p", &memory).unwrap();
    assert!(fields[0].1.to_str().unwrap().contains("nonce=\"m\""));
}

#[test]
fn only_a_digest_that_can_be_answered_is() {
    let (memory, none) = (Challenges::default(), HeaderMap::new());
    let mut asked = request(&Method::PUT, "http://h/", &none);
    let digested = asks(WWW_AUTHENTICATE, "Digest realm=r, nonce=n, qop=auth-int");
    let basic = Auth::Basic {
        user: "u".into(),
        password: "p".into(),
    };
    let answer = |auth: &Auth, challenge: &HeaderMap, asked: &AuthRequest<'_>| {
        auth.answer(challenge, false, asked, ORIGIN, &memory, false)
            .unwrap()
    };
    assert_eq!(answer(&basic, &digested, &asked), None);
    assert_eq!(
        answer(&digest(), &asks(WWW_AUTHENTICATE, "Basic realm=r"), &asked),
        None
    );
    assert_eq!(answer(&digest(), &none, &asked), None);
    let chosen = Auth::Callback(Arc::new(|_| Ok(digest())));
    assert!(answer(&chosen, &digested, &asked).is_some());
    asked.body = None;
    assert_eq!(answer(&digest(), &digested, &asked), None);
    assert!(
        digest()
            .authorize(&asked, ORIGIN, &memory)
            .unwrap()
            .fields
            .is_empty()
    );
}

#[test]
fn a_url_is_taken_apart_as_it_is() {
    let none = HeaderMap::new();
    for (url, authority, target) in [
        ("https://u:p@h:8443/a/b?c=/d?e#f", "h:8443", "/a/b?c=/d?e"),
        ("http://h", "h", "/"),
        ("http://[::1]?q", "[::1]", "/?q"),
        ("http://h/a@b", "h", "/a@b"),
    ] {
        let request = request(&Method::GET, url, &none);
        assert_eq!(
            (request.authority(), request.target(false).as_ref()),
            (authority, target)
        );
    }
}
