//! A tunnel through an HTTP proxy (RFC 9110, 9.3.6).

use http::header::{
    HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, USER_AGENT,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{failed, lost};
use crate::error::{Error, ErrorCode, Result};
use crate::limits::{HEADERS, PROXY_ANSWER_BYTES};

/// RFC 9110, 11.7.3.
const PROXY_AUTHENTICATION_INFO: HeaderName = HeaderName::from_static("proxy-authentication-info");

/// What a proxy says of a CONNECT, with the fields of its answer that are about credentials.
#[derive(Debug)]
pub(super) enum Answer {
    /// There is a tunnel.
    Opened(HeaderMap),
    /// Not without other credentials: the challenges, and the error where there are none to answer them.
    Challenged(HeaderMap, Error),
}

/// Asks for a tunnel to `authority`, with these fields besides `host`. What follows the head of the answer is left on the
/// stream.
pub(super) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    authority: &str,
    fields: &HeaderMap,
) -> Result<Answer> {
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\n").into_bytes();
    let host = fields
        .get(HOST)
        .map_or(authority.as_bytes(), |host| host.as_bytes());
    let mut field = |name: &HeaderName, value: &[u8]| {
        for piece in [name.as_str().as_bytes(), b": ", value, b"\r\n"] {
            request.extend_from_slice(piece);
        }
    };
    field(&HOST, host);
    for (name, value) in fields {
        if name != HOST {
            field(name, value.as_bytes());
        }
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await.map_err(lost)?;
    stream.flush().await.map_err(lost)?;
    let mut left = PROXY_ANSWER_BYTES;
    loop {
        let (status, reason, credentials) = answer(stream, &mut left).await?;
        match status {
            // Others may follow an informational answer; 101 would be of a protocol that nobody asked for.
            100 | 102..=199 => {}
            200..=299 => return Ok(Answer::Opened(credentials)),
            // 401 is the wrong one of the two, and what tinyproxy answers when there are no credentials.
            401 | 407 => {
                let text = format!("CONNECT {authority}: the proxy answered {status} {reason}");
                let error = Error::new(ErrorCode::ProxyAuthentication, text);
                return Ok(Answer::Challenged(credentials, error));
            }
            _ => {
                let text = format!("CONNECT {authority}: the proxy answered {status} {reason}");
                return Err(failed(text));
            }
        }
    }
}

/// The fields of a CONNECT: who asks, the credentials, and what else the caller wants the proxy to see.
pub(super) fn fields(
    user_agent: Option<&HeaderValue>,
    authorization: Option<&HeaderValue>,
    others: &HeaderMap,
) -> HeaderMap {
    let mut fields = others.clone();
    for (name, value) in [
        (USER_AGENT, user_agent),
        (PROXY_AUTHORIZATION, authorization),
    ] {
        if let Some(value) = value
            && !fields.contains_key(&name)
        {
            fields.insert(name, value.clone());
        }
    }
    fields
}

/// Status and reason of the next answer, and its fields about credentials; at most `left` bytes.
async fn answer<S: AsyncRead + Unpin>(
    stream: &mut S,
    left: &mut usize,
) -> Result<(u16, String, HeaderMap)> {
    const BEGINNING: &[u8] = b"HTTP/1.";
    let mut head = Vec::new();
    // Byte by byte: what comes after the head is the target's.
    while !head.ends_with(b"\n\r\n") && !head.ends_with(b"\n\n") {
        if *left == 0 {
            return Err(failed(format!(
                "the head of the proxy's answer exceeds {PROXY_ANSWER_BYTES} bytes"
            )));
        }
        head.push(stream.read_u8().await.map_err(lost)?);
        *left -= 1;
        // What is no answer at all may never have an end either.
        let begun = head.len().min(BEGINNING.len());
        if head[..begun] != BEGINNING[..begun] {
            return Err(failed("the proxy's answer is not HTTP/1.1".to_owned()));
        }
    }
    let mut fields = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut fields);
    match response.parse(&head) {
        Ok(httparse::Status::Complete(_)) => {
            let status = response.code.unwrap_or_default();
            let reason = response.reason.unwrap_or_default().to_owned();
            Ok((status, reason, credentials(response.headers)))
        }
        Ok(httparse::Status::Partial) => Err(failed("the proxy's answer has no end".to_owned())),
        Err(cause) => Err(failed(format!("the proxy's answer is not valid: {cause}"))),
    }
}

/// The fields of an answer that are about credentials.
fn credentials(fields: &[httparse::Header<'_>]) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for field in fields {
        for name in [PROXY_AUTHENTICATE, PROXY_AUTHENTICATION_INFO] {
            if field.name.eq_ignore_ascii_case(name.as_str())
                && let Ok(value) = HeaderValue::from_bytes(field.value)
            {
                kept.append(name, value);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use tokio_test::io::Builder;

    use super::*;

    const ASKED: &[u8] = b"CONNECT h:443 HTTP/1.1\r\nhost: h:443\r\nx-a: b\r\n\r\n";

    fn run(pieces: &[&[u8]]) -> Result<HeaderMap> {
        let mut script = Builder::new();
        script.write(ASKED);
        for piece in pieces {
            script.read(piece);
        }
        let mut fields = HeaderMap::new();
        fields.insert("x-a", "b".parse().unwrap());
        let mut stream = script.build();
        match tokio_test::block_on(connect(&mut stream, "h:443", &fields))? {
            Answer::Opened(credentials) => Ok(credentials),
            Answer::Challenged(_, error) => Err(error),
        }
    }

    const YES: &[u8] = b"HTTP/1.1 200 Connection established\r\nvia: x\r\n\r\n";

    #[test]
    fn an_answer_may_come_in_any_pieces() {
        run(&[YES]).unwrap();
        run(&[b"HTTP/1.0 200 OK\n\n"]).unwrap();
        run(&[b"HTTP/1.1 100 \r\n\r\nHTTP/1.1 299 \r\ncontent-length: 5\r\n\r\n"]).unwrap();
        for place in 1..YES.len() {
            run(&[&YES[..place], &YES[place..]]).unwrap();
            let error = run(&[&YES[..place]]).unwrap_err();
            assert_eq!(error.code(), ErrorCode::ProxyFailed, "cut at {place}");
        }
        assert_eq!(run(&[]).unwrap_err().code(), ErrorCode::ProxyFailed);
    }

    #[test]
    fn what_follows_the_answer_is_left() {
        let mut script = Builder::new();
        script.write(ASKED).read(&[YES, b"early"].concat());
        let mut stream = script.build();
        let mut fields = HeaderMap::new();
        fields.insert("x-a", "b".parse().unwrap());
        tokio_test::block_on(async {
            connect(&mut stream, "h:443", &fields).await.unwrap();
            let mut rest = [0; 5];
            stream.read_exact(&mut rest).await.unwrap();
            assert_eq!(&rest, b"early");
        });
    }

    #[test]
    fn refusals_and_garbage_are_told_apart() {
        let of = |answer: &[u8]| {
            let error = run(&[answer]).unwrap_err();
            (error.code(), error.message().to_owned())
        };
        let (code, text) = of(b"HTTP/1.1 407 Show yourself\r\n\r\n");
        assert_eq!(code, ErrorCode::ProxyAuthentication);
        assert!(
            text.contains("h:443") && text.contains("Show yourself"),
            "{text}"
        );
        for (answer, word) in [
            (&b"HTTP/1.1 403 No\r\n\r\n"[..], "403 No"),
            (b"HTTP/1.1 101 Switching\r\n\r\n", "101"),
            (b"HTTP/1.1 302 Found\r\nlocation: x\r\n\r\n", "302"),
            // The first byte that cannot be right ends it.
            (b"S", "not HTTP/1.1"),
            (b"\0", "not HTTP/1.1"),
            (b"HTTP/2", "not HTTP/1.1"),
            (b"HTTP/1.1 2000 OK\r\n\r\n", "not valid"),
            (b"HTTP/1.1 200 OK\r\nb\0d: x\r\n\r\n", "not valid"),
        ] {
            let (code, text) = of(answer);
            assert_eq!(code, ErrorCode::ProxyFailed);
            assert!(text.contains(word), "{text}");
        }
    }

    #[test]
    fn only_what_is_about_credentials_is_kept() {
        let named = "HTTP/1.1 200 Yes\r\nProxy-Authentication-Info: nextnonce=\"n\"\r\nset-cookie: a=b\r\n\r\n";
        let kept = run(&[named.as_bytes()]).unwrap();
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[PROXY_AUTHENTICATION_INFO], "nextnonce=\"n\"");
        let mut script = Builder::new();
        script.write(ASKED).read(
            b"HTTP/1.1 407 No\r\nproxy-authenticate: Basic\r\nx: y\r\nProxy-Authenticate: Digest a=b\r\n\r\n",
        );
        let mut fields = HeaderMap::new();
        fields.insert("x-a", "b".parse().unwrap());
        let answer = tokio_test::block_on(connect(&mut script.build(), "h:443", &fields));
        let Ok(Answer::Challenged(challenges, error)) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(error.code(), ErrorCode::ProxyAuthentication);
        assert_eq!(challenges.len(), 2);
        let all = challenges.get_all(PROXY_AUTHENTICATE).iter();
        assert!(all.eq(["Basic", "Digest a=b"]));
    }

    #[test]
    fn a_head_without_end_is_given_up() {
        let field = b"x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n";
        let endless = [&b"HTTP/1.1 200 OK\r\n"[..], &field.repeat(300)].concat();
        let text = run(&[&endless[..PROXY_ANSWER_BYTES]]).unwrap_err();
        assert!(text.message().contains("exceeds"), "{text}");
        let hundred = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(1000);
        let text = run(&[&hundred[..PROXY_ANSWER_BYTES]]).unwrap_err();
        assert!(text.message().contains("exceeds"), "{text}");
        let many = [
            &b"HTTP/1.1 200 OK\r\n"[..],
            &b"a:b\r\n".repeat(101),
            b"\r\n",
        ]
        .concat();
        let text = run(&[&many]).unwrap_err();
        assert!(text.message().contains("not valid"), "{text}");
    }
}
