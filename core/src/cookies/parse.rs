//! A `set-cookie` line taken apart (RFC 6265bis, 5.6).

use std::time::{Duration, SystemTime};

use super::cookie::SameSite;
use super::date::cookie_date;
use crate::limits;

/// What a server said of one cookie, before it is known whether it may.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) name: Vec<u8>,
    pub(super) value: Vec<u8>,
    /// Cut to the longest time that a cookie may live.
    pub(super) expires: Option<SystemTime>,
    /// Lower case, without a leading dot; empty as good as none.
    pub(super) domain: String,
    /// As it was written: empty or relative means the default path.
    pub(super) path: Option<String>,
    pub(super) secure: bool,
    pub(super) http_only: bool,
    pub(super) same_site: SameSite,
}

/// Takes a line apart, or says why the cookie is to be ignored. What is wrong in an attribute costs only that attribute.
pub(super) fn set_cookie(line: &[u8], now: SystemTime) -> Result<Received, &'static str> {
    let mut pieces = line.split(|byte| *byte == b';');
    let pair = pieces.next().unwrap_or_default();
    let (name, value) = split(pair).unwrap_or((b"", trim(pair)));
    if line.iter().any(|byte| is_control(*byte)) {
        return Err("it holds a control character");
    }
    check_pair(name, value)?;
    let mut received = Received {
        name: name.to_vec(),
        value: value.to_vec(),
        ..Received::default()
    };
    let (mut until, mut age, mut domain, mut path) = (None, None, None, None);
    for piece in pieces {
        let (key, value) = split(piece).unwrap_or((trim(piece), b""));
        if value.len() > limits::COOKIE_ATTRIBUTE_BYTES {
            continue;
        }
        let is = |name: &str| key.eq_ignore_ascii_case(name.as_bytes());
        if is("expires") {
            until = cookie_date(value).or(until);
        } else if is("max-age") {
            age = max_age(value).or(age);
        } else if is("domain") {
            domain = Some(value.strip_prefix(b".").unwrap_or(value));
        } else if is("path") {
            path = Some(value);
        } else if is("secure") {
            received.secure = true;
        } else if is("httponly") {
            received.http_only = true;
        } else if is("samesite") {
            received.same_site = same_site(value);
        }
    }
    received.expires = match (age, until) {
        (Some(Duration::ZERO), _) => Some(SystemTime::UNIX_EPOCH),
        (Some(age), _) => now.checked_add(age),
        (None, Some(until)) => cut(until, now),
        (None, None) => None,
    };
    received.domain = ascii(domain.unwrap_or_default())
        .ok_or("its domain is not ASCII")?
        .to_ascii_lowercase();
    // The path of a URL is ASCII, so that a cookie with another would go nowhere.
    received.path = match path {
        Some(path) => Some(ascii(path).ok_or("its path is not ASCII")?.to_owned()),
        None => None,
    };
    Ok(received)
}

/// What holds for every name and value, wherever they come from (5.7, steps 2 to 4).
pub(super) fn check_pair(name: &[u8], value: &[u8]) -> Result<(), &'static str> {
    if name.is_empty() && value.is_empty() {
        return Err("it has neither name nor value");
    }
    // The RFC lets a tab pass. The files that cookies are kept in cannot hold one, so curl does not take it either.
    if name
        .iter()
        .chain(value)
        .any(|byte| is_control(*byte) || *byte == b'\t')
    {
        return Err("its name or value holds a control character");
    }
    if name.len() + value.len() > limits::COOKIE_BYTES {
        return Err("its name and value are too long");
    }
    Ok(())
}

/// The time, or the last one that a cookie may have (5.5).
pub(super) fn cut(until: SystemTime, now: SystemTime) -> Option<SystemTime> {
    Some(until.min(now.checked_add(limits::COOKIE_LIFETIME)?))
}

/// Key and value of a piece that holds an equals sign.
fn split(piece: &[u8]) -> Option<(&[u8], &[u8])> {
    let position = piece.iter().position(|byte| *byte == b'=')?;
    Some((trim(&piece[..position]), trim(&piece[position + 1..])))
}

/// Without spaces and tabs at both ends.
fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}

fn ascii(text: &[u8]) -> Option<&str> {
    std::str::from_utf8(text)
        .ok()
        .filter(|text| text.is_ascii())
}

/// The time that is left, cut to the longest; zero where it is over (5.6.2).
fn max_age(value: &[u8]) -> Option<Duration> {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let negative = digits.len() < value.len();
    if value.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds = digits.iter().fold(0_u64, |seconds, digit| {
        seconds
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    let seconds = if negative { 0 } else { seconds };
    Some(Duration::from_secs(seconds).min(limits::COOKIE_LIFETIME))
}

fn same_site(value: &[u8]) -> SameSite {
    [
        ("none", SameSite::None),
        ("lax", SameSite::Lax),
        ("strict", SameSite::Strict),
    ]
    .into_iter()
    .find(|(name, _)| value.eq_ignore_ascii_case(name.as_bytes()))
    .map_or(SameSite::Default, |(_, same_site)| same_site)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }

    fn parse(line: &str) -> Result<Received, &'static str> {
        set_cookie(line.as_bytes(), now())
    }

    fn pair(line: &str) -> (String, String) {
        let received = parse(line).unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(received.name), text(received.value))
    }

    #[test]
    fn names_and_values_are_cut_out_as_the_rfc_says() {
        for (line, name, value) in [
            ("SID=31d4d96e407aad42", "SID", "31d4d96e407aad42"),
            ("a=b; c=d", "a", "b"),
            ("a=\"b c\"", "a", "\"b c\""),
            ("a=b=c", "a", "b=c"),
            ("a=", "a", ""),
            ("=b", "", "b"),
            ("b", "", "b"),
            ("  b  ; Secure", "", "b"),
            ("==b", "", "=b"),
            (" \t a b \t = \t c d \t ; Path=/", "a b", "c d"),
            ("a=b;", "a", "b"),
            ("a=,b", "a", ",b"),
            ("å=ü", "å", "ü"),
        ] {
            assert_eq!(pair(line), (name.to_owned(), value.to_owned()), "{line:?}");
        }
    }

    #[test]
    fn empty_control_and_oversized_ones_are_ignored() {
        for line in ["", "=", " ; Secure", ";a=b", "a=b\tc", "a\tb=c"] {
            assert!(parse(line).is_err(), "{line:?}");
        }
        for byte in (0..32).chain([127]).filter(|byte| *byte != b'\t') {
            for line in ["a?=b", "a=b?", "a=b; Path=/?"] {
                let line = line.replace('?', &char::from(byte).to_string());
                assert!(parse(&line).is_err(), "{line:?}");
            }
        }
        assert!(parse(&format!("a={}", "b".repeat(4095))).is_ok());
        assert!(parse(&format!("a={}", "b".repeat(4096))).is_err());
        assert!(parse(&format!("{}=b", "a".repeat(4096))).is_err());
    }

    #[test]
    fn attributes_are_read_in_any_case_and_the_last_wins() {
        let received = parse(
            "a=b; domain=.Example.COM ; PATH = /x; Path=/y; secure=no; HTTPONLY; samesite=lax; SameSite=STRICT; other=1",
        )
        .unwrap();
        assert_eq!(
            received,
            Received {
                name: b"a".to_vec(),
                value: b"b".to_vec(),
                domain: "example.com".to_owned(),
                path: Some("/y".to_owned()),
                secure: true,
                http_only: true,
                same_site: SameSite::Strict,
                expires: None,
            }
        );
        assert_eq!(parse("a=b; Domain=x.example; Domain=").unwrap().domain, "");
        assert_eq!(parse("a=b; Path=/x; Path").unwrap().path.unwrap(), "");
        assert_eq!(
            parse("a=b; SameSite=Lax; SameSite=new").unwrap().same_site,
            SameSite::Default
        );
        assert_eq!(
            parse("a=b; SameSite=none").unwrap().same_site,
            SameSite::None
        );
        assert!(parse("a=b; Domain=bücher.example").is_err());
        assert!(parse("a=b; Path=/ü").is_err());
    }

    #[test]
    fn an_attribute_that_is_too_long_is_as_if_it_were_not_there() {
        let path = |length: usize| format!("a=b; Path=/old; Path=/{}", "x".repeat(length - 1));
        assert_eq!(parse(&path(1024)).unwrap().path.unwrap().len(), 1024);
        assert_eq!(parse(&path(1025)).unwrap().path.unwrap(), "/old");
    }

    #[test]
    fn times_are_read_and_cut_to_400_days() {
        let expires = |attributes: &str| parse(&format!("a=b; {attributes}")).unwrap().expires;
        let after = |seconds| Some(now() + Duration::from_secs(seconds));
        let date = "Fri, 15 Jan 2027 08:01:00 GMT";
        let days = 400 * 24 * 3600;
        assert_eq!(expires("Max-Age=60"), after(60));
        assert_eq!(expires(&format!("Expires={date}")), after(60));
        assert_eq!(expires(&format!("Max-Age=5; Expires={date}")), after(5));
        assert_eq!(
            expires(&format!("Expires={date}; Expires=never")),
            after(60)
        );
        assert_eq!(expires("Expires=31 Dec 9999 23:59:59"), after(days));
        for past in [
            "Max-Age=0",
            "Max-Age=-1",
            "Max-Age=-99999999999999999999",
            "Max-Age=-",
        ] {
            assert_eq!(expires(past), Some(SystemTime::UNIX_EPOCH), "{past}");
        }
        for long in ["34560001", "18446744073709551616", &"9".repeat(1000)] {
            assert_eq!(expires(&format!("Max-Age={long}")), after(days));
        }
        for wrong in [
            "Max-Age",
            "Max-Age=",
            "Max-Age=1x",
            "Max-Age=+1",
            "Max-Age=1.5",
            "Expires=soon",
        ] {
            assert_eq!(expires(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_line_cut_at_any_byte_is_taken_or_refused() {
        let line = b"name=value; Expires=Sun, 06 Nov 2033 08:49:37 GMT; Max-Age=60; Domain=example.com; Path=/; SameSite=Lax";
        for length in 0..line.len() {
            let name = set_cookie(&line[..length], now()).map(|received| received.name);
            match length {
                0 => assert!(name.is_err()),
                1..=4 => assert_eq!(name, Ok(Vec::new())),
                _ => assert_eq!(name, Ok(b"name".to_vec())),
            }
        }
    }
}
