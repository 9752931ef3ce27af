//! A tunnel through a SOCKS5 proxy (RFC 1928), with user and password if need be (RFC 1929).

use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{failed, lost};
use crate::error::{Error, ErrorCode, Result};

const VERSION: u8 = 5;
const NO_LOGIN: u8 = 0;
const LOGIN: u8 = 2;
const NO_METHOD: u8 = 0xff;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Where the tunnel is to lead.
#[derive(Debug, Clone, Copy)]
pub(super) enum To<'a> {
    Address(SocketAddr),
    /// The proxy looks the name up.
    Name(&'a str, u16),
}

/// Asks for a tunnel. What follows the answer is left on the stream, for only as much is read as belongs to it.
pub(super) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    to: To<'_>,
    login: Option<(&[u8], &[u8])>,
) -> Result<()> {
    let request = request(to)?;
    greet(stream, login).await?;
    send(stream, &request).await?;
    // The reason first: some proxies send no more when they refuse.
    let [version, outcome] = read(stream).await?;
    check_version(version)?;
    if outcome != 0 {
        let why = refusal(outcome);
        return Err(failed(format!(
            "the SOCKS5 proxy answered {outcome}: {why}"
        )));
    }
    let [_, kind] = read(stream).await?;
    // The proxy's own address on the way to the target, which is of no use, and a port.
    let length = match kind {
        IPV4 => 4,
        IPV6 => 16,
        NAME => usize::from(read::<1, _>(stream).await?[0]),
        other => {
            return Err(failed(format!(
                "the SOCKS5 proxy's answer has an address of the unknown kind {other}"
            )));
        }
    };
    let mut address = [0; 255 + 2];
    stream
        .read_exact(&mut address[..length + 2])
        .await
        .map_err(lost)?;
    Ok(())
}

/// Agrees on a method of authentication and goes through it.
async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    login: Option<(&[u8], &[u8])>,
) -> Result<()> {
    let greeting: &[u8] = match login {
        None => &[VERSION, 1, NO_LOGIN],
        Some(_) => &[VERSION, 2, NO_LOGIN, LOGIN],
    };
    send(stream, greeting).await?;
    let [version, method] = read(stream).await?;
    check_version(version)?;
    let refused = |why: &str| {
        let text = format!("the SOCKS5 proxy {why}");
        Err(Error::new(ErrorCode::ProxyAuthentication, text))
    };
    match (method, login) {
        (NO_LOGIN, _) => Ok(()),
        (LOGIN, Some((user, password))) => {
            // RFC 1929, 2. Both lengths were checked with the proxy's URL.
            let piece = |bytes: &[u8]| [&[bytes.len() as u8], bytes].concat();
            let message = [&[1][..], &piece(user), &piece(password)].concat();
            send(stream, &message).await?;
            let [_, outcome] = read(stream).await?;
            match outcome {
                0 => Ok(()),
                _ => refused("did not accept user and password"),
            }
        }
        (NO_METHOD, None) => refused("wants credentials, and there are none"),
        (NO_METHOD, Some(_)) => refused("takes no user and password"),
        (other, _) => Err(failed(format!(
            "the SOCKS5 proxy chose the method {other}, which was not offered"
        ))),
    }
}

fn request(to: To<'_>) -> Result<Vec<u8>> {
    let mut request = vec![VERSION, CONNECT, 0];
    let port = match to {
        To::Address(address) => {
            match address.ip() {
                IpAddr::V4(ip) => {
                    request.push(IPV4);
                    request.extend(ip.octets());
                }
                IpAddr::V6(ip) => {
                    request.push(IPV6);
                    request.extend(ip.octets());
                }
            }
            address.port()
        }
        To::Name(name, port) => {
            let length = u8::try_from(name.len())
                .map_err(|_| failed(format!("SOCKS5 cannot carry the host {name:?}: too long")))?;
            request.extend([NAME, length]);
            request.extend(name.as_bytes());
            port
        }
    };
    request.extend(port.to_be_bytes());
    Ok(request)
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, message: &[u8]) -> Result<()> {
    stream.write_all(message).await.map_err(lost)?;
    stream.flush().await.map_err(lost)
}

async fn read<const N: usize, S: AsyncRead + Unpin>(stream: &mut S) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await.map_err(lost)?;
    Ok(bytes)
}

fn check_version(version: u8) -> Result<()> {
    if version == VERSION {
        return Ok(());
    }
    Err(failed(format!(
        "the proxy's answer is not SOCKS5: it begins with {version:#04x}"
    )))
}

/// RFC 1928, 6.
fn refusal(outcome: u8) -> &'static str {
    match outcome {
        1 => "general failure",
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "time to live expired",
        7 => "command not supported",
        8 => "kind of address not supported",
        _ => "unknown reason",
    }
}

#[cfg(test)]
mod tests {
    use tokio_test::io::Builder;

    use super::*;

    type Login = Option<(&'static [u8], &'static [u8])>;

    /// A conversation: what is sent and what is answered, in turns.
    fn run(turns: &[(&[u8], &[&[u8]])], to: To<'_>, login: Login) -> Result<()> {
        let mut script = Builder::new();
        for (sent, pieces) in turns {
            script.write(sent);
            for piece in *pieces {
                script.read(piece);
            }
        }
        tokio_test::block_on(connect(&mut script.build(), to, login))
    }

    fn here() -> To<'static> {
        To::Address(([10, 0, 0, 1], 443).into())
    }

    const HELLO: &[u8] = &[5, 1, 0];
    const ASK: &[u8] = &[5, 1, 0, 1, 10, 0, 0, 1, 1, 187];
    const YES: &[u8] = &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0];

    #[test]
    fn answers_may_come_in_any_pieces() {
        let named: &[u8] = &[5, 0, 0, 3, 2, b'm', b'e', 0, 80];
        let none: &[u8] = &[5, 0, 0, 3, 0, 0, 80];
        let six = [&[5, 0, 0, 4][..], &[0; 18]].concat();
        for answer in [YES, named, none, &six] {
            run(&[(HELLO, &[&[5, 0]]), (ASK, &[answer])], here(), None).unwrap();
            run(&[(HELLO, &[&[5], &[0]]), (ASK, &[answer])], here(), None).unwrap();
            for place in 1..answer.len() {
                let (one, two) = answer.split_at(place);
                run(&[(HELLO, &[&[5, 0]]), (ASK, &[one, two])], here(), None).unwrap();
                let cut = run(&[(HELLO, &[&[5, 0]]), (ASK, &[one])], here(), None).unwrap_err();
                assert_eq!(cut.code(), ErrorCode::ProxyFailed, "cut at {place}");
                assert!(cut.message().contains("closed"), "{cut}");
            }
        }
        for cut in [&[][..], &[5]] {
            let error = run(&[(HELLO, &[cut])], here(), None).unwrap_err();
            assert_eq!(error.code(), ErrorCode::ProxyFailed);
        }
    }

    #[test]
    fn what_follows_the_answer_is_left() {
        let mut script = Builder::new();
        script.write(HELLO).read(&[5, 0]).write(ASK);
        script.read(&[YES, b"early"].concat());
        let mut stream = script.build();
        tokio_test::block_on(async {
            connect(&mut stream, here(), None).await.unwrap();
            assert_eq!(&read::<5, _>(&mut stream).await.unwrap(), b"early");
        });
    }

    #[test]
    fn addresses_and_names_are_sent() {
        let six = To::Address("[2001:db8::1]:80".parse().unwrap());
        let mut ask = vec![5, 1, 0, 4, 0x20, 1, 0xd, 0xb8];
        ask.extend([0; 11]);
        ask.extend([1, 0, 80]);
        run(&[(HELLO, &[&[5, 0]]), (&ask, &[YES])], six, None).unwrap();
        let named = [&[5, 1, 0, 3, 6][..], b"a.test", &[0x1f, 0x90]].concat();
        let to = To::Name("a.test", 8080);
        run(&[(HELLO, &[&[5, 0]]), (&named, &[YES])], to, None).unwrap();
        // Refused before a byte is sent.
        let long = "x".repeat(256);
        let error = run(&[], To::Name(&long, 1), None).unwrap_err();
        assert_eq!(error.code(), ErrorCode::ProxyFailed);
    }

    #[test]
    fn user_and_password_are_given_when_asked_for() {
        let login: Login = Some((b"user", b"pass"));
        let hello: &[u8] = &[5, 2, 0, 2];
        let message = [&[1, 4][..], b"user", &[4], b"pass"].concat();
        for place in [0, 1, 2] {
            let (one, two) = [1, 0].split_at(place).to_owned();
            let pieces: Vec<&[u8]> = [one, two].into_iter().filter(|p| !p.is_empty()).collect();
            let turns = [
                (hello, &[&[5u8, 2][..]][..]),
                (&message, &pieces),
                (ASK, &[YES]),
            ];
            run(&turns, here(), login).unwrap();
        }
        run(&[(hello, &[&[5, 0]]), (ASK, &[YES])], here(), login).unwrap();
        let wrong = run(
            &[(hello, &[&[5, 2]]), (&message, &[&[1, 1]])],
            here(),
            login,
        );
        assert_eq!(wrong.unwrap_err().code(), ErrorCode::ProxyAuthentication);
        for (hello, login) in [(hello, login), (HELLO, None)] {
            let none = run(&[(hello, &[&[5, 0xff]])], here(), login).unwrap_err();
            assert_eq!(none.code(), ErrorCode::ProxyAuthentication);
        }
    }

    #[test]
    fn refusals_and_garbage_are_told_apart() {
        let refused = |hello: &[u8], answer: &[u8], word: &str| {
            let turns = [(HELLO, &[hello][..]), (ASK, &[answer][..])];
            let turns = if answer.is_empty() {
                &turns[..1]
            } else {
                &turns
            };
            let error = run(turns, here(), None).unwrap_err();
            assert_eq!(error.code(), ErrorCode::ProxyFailed, "{error}");
            assert!(error.message().contains(word), "{error}");
        };
        refused(b"HT", b"", "not SOCKS5");
        refused(&[4, 0], b"", "not SOCKS5");
        refused(&[5, 2], b"", "not offered");
        refused(&[5, 0], &[4, 0], "not SOCKS5");
        refused(&[5, 0], &[5, 0, 0, 2], "unknown kind");
        for (code, word) in [
            (1, "general"),
            (2, "rules"),
            (5, "refused"),
            (200, "unknown"),
        ] {
            // Without the rest of the answer too.
            refused(&[5, 0], &[5, code], word);
        }
    }
}
