//! The cookie file of Netscape, which curl, browsers and Python's `MozillaCookieJar` read and write: a cookie is a line
//! of domain, whether hosts below it are meant, path, whether it is secure, seconds since 1970, name and value.

use std::time::{Duration, SystemTime};

use super::cookie::{Cookie, SameSite};
use super::scope::is_address;
use crate::limits;

const HEAD: &[u8] =
    b"# Netscape HTTP Cookie File\n# Written by trunkline. Edit at your own risk.\n\n";
/// Cookies that scripts must not see look like comments to those who do not know them.
const HTTP_ONLY: &[u8] = b"#HttpOnly_";

/// The text of a file with these cookies. What ends with the session has 0 for a time.
pub(super) fn write(cookies: &[Cookie]) -> Vec<u8> {
    let mut text = HEAD.to_vec();
    for cookie in cookies {
        let expires = cookie
            .expires
            .and_then(|expires| expires.duration_since(SystemTime::UNIX_EPOCH).ok())
            .map_or(0, |since| since.as_secs());
        let flag = |set| if set { "TRUE" } else { "FALSE" };
        // Python insists on the dot where hosts below are meant.
        let dot = if cookie.host_only { "" } else { "." };
        let (below, secure) = (flag(!cookie.host_only), flag(cookie.secure));
        let (domain, path) = (&cookie.domain, &cookie.path);
        if cookie.http_only {
            text.extend_from_slice(HTTP_ONLY);
        }
        text.extend_from_slice(
            format!("{dot}{domain}\t{below}\t{path}\t{secure}\t{expires}\t").as_bytes(),
        );
        text.extend_from_slice(&cookie.name);
        text.push(b'\t');
        text.extend_from_slice(&cookie.value);
        text.push(b'\n');
    }
    text
}

/// The cookies of a file, or the number of the line that is none, and why.
pub(super) fn read(text: &[u8]) -> Result<Vec<Cookie>, (usize, &'static str)> {
    text.split(|byte| *byte == b'\n')
        .enumerate()
        .filter_map(|(index, line)| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let (line, http_only) = match line.strip_prefix(HTTP_ONLY) {
                Some(line) => (line, true),
                None => (line, false),
            };
            let comment = line.starts_with(b"#") && !http_only;
            if comment || line.trim_ascii().is_empty() {
                return None;
            }
            Some(read_line(line, http_only).map_err(|why| (index + 1, why)))
        })
        .collect()
}

fn read_line(line: &[u8], http_only: bool) -> Result<Cookie, &'static str> {
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b'\t').collect();
    let (domain, below, path, secure, expires, name, value) = match fields[..] {
        [domain, below, path, secure, expires, name, value] => {
            (domain, below, path, secure, expires, name, value)
        }
        // An empty value, whose tab an editor took away. Curl reads it so too.
        [domain, below, path, secure, expires, name] => {
            (domain, below, path, secure, expires, name, &b""[..])
        }
        _ => return Err("a cookie has seven fields, with tabs between them"),
    };
    let domain = text(domain)
        .map(|domain| domain.strip_prefix('.').unwrap_or(domain))
        .filter(|domain| (1..=limits::COOKIE_DOMAIN_BYTES).contains(&domain.len()))
        .ok_or("the first field is no domain")?
        .to_ascii_lowercase();
    let below = flag(below).ok_or("the second field is neither TRUE nor FALSE")?;
    let path = text(path)
        .filter(|path| path.starts_with('/'))
        .ok_or("the third field is no path")?
        .to_owned();
    let secure = flag(secure).ok_or("the fourth field is neither TRUE nor FALSE")?;
    let expires = match text(expires) {
        // Python writes nothing where the cookie ends with the session.
        Some("" | "0") => None,
        Some(seconds) => Some(
            seconds
                .parse()
                .ok()
                .and_then(|seconds| {
                    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
                })
                .ok_or("the fifth field is no time in seconds")?,
        ),
        None => return Err("the fifth field is no time in seconds"),
    };
    Ok(Cookie {
        name: name.to_vec(),
        value: value.to_vec(),
        // Nothing is below an address.
        host_only: !below || is_address(&domain),
        domain,
        path,
        secure,
        http_only,
        expires,
        same_site: SameSite::Default,
    })
}

fn flag(field: &[u8]) -> Option<bool> {
    match field {
        _ if field.eq_ignore_ascii_case(b"TRUE") => Some(true),
        _ if field.eq_ignore_ascii_case(b"FALSE") => Some(false),
        _ => None,
    }
}

/// A field that is ASCII without control characters.
fn text(field: &[u8]) -> Option<&str> {
    std::str::from_utf8(field)
        .ok()
        .filter(|text| text.bytes().all(|byte| matches!(byte, b' '..=b'~')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie(name: &str, value: &str) -> Cookie {
        Cookie {
            name: name.into(),
            value: value.into(),
            domain: "example.com".to_owned(),
            host_only: true,
            path: "/".to_owned(),
            secure: false,
            http_only: false,
            expires: None,
            same_site: SameSite::Default,
        }
    }

    /// Each kind of cookie that the format tells apart.
    fn kinds() -> Vec<Cookie> {
        vec![
            cookie("session", "1"),
            Cookie {
                host_only: false,
                path: "/below it".to_owned(),
                secure: true,
                http_only: true,
                expires: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(4_102_444_800)),
                ..cookie("id", "\"a=b; c\" ü")
            },
            cookie("", "nameless"),
            cookie("empty", ""),
            Cookie {
                domain: "::1".to_owned(),
                ..cookie("v6", "x")
            },
        ]
    }

    const GOLDEN: &str = "# Netscape HTTP Cookie File\n\
        # Written by trunkline. Edit at your own risk.\n\
        \n\
        example.com\tFALSE\t/\tFALSE\t0\tsession\t1\n\
        #HttpOnly_.example.com\tTRUE\t/below it\tTRUE\t4102444800\tid\t\"a=b; c\" ü\n\
        example.com\tFALSE\t/\tFALSE\t0\t\tnameless\n\
        example.com\tFALSE\t/\tFALSE\t0\tempty\t\n\
        ::1\tFALSE\t/\tFALSE\t0\tv6\tx\n";

    #[test]
    fn what_is_written_is_the_known_text_and_read_again() {
        assert_eq!(write(&kinds()), GOLDEN.as_bytes());
        assert_eq!(read(GOLDEN.as_bytes()), Ok(kinds()));
    }

    #[test]
    fn a_file_of_curl_is_read() {
        let file = "# Netscape HTTP Cookie File\r\n\
            # https://curl.se/docs/http-cookies.html\r\n\
            # This file was generated by libcurl! Edit at your own risk.\r\n\
            \r\n\
            #HttpOnly_127.0.0.1\tFALSE\t/\tFALSE\t0\ta\tb\r\n\
            .example.com\tTRUE\t/x\tTRUE\t4102444800\tc\td\r\n";
        let cookies = read(file.as_bytes()).unwrap();
        assert_eq!(cookies.len(), 2);
        assert!(cookies[0].http_only && cookies[0].host_only && cookies[0].expires.is_none());
        assert_eq!(cookies[1].domain, "example.com");
        assert!(cookies[1].secure && !cookies[1].host_only && cookies[1].expires.is_some());
        assert_eq!(cookies[1].value, b"d");
    }

    #[test]
    fn a_file_of_python_is_read_its_sessions_too() {
        let file = "# Netscape HTTP Cookie File\n\
            # http://curl.haxx.se/rfc/cookie_spec.html\n\
            # This is a generated file!  Do not edit.\n\n\
            .Example.com\tTRUE\t/\tFALSE\t\tsession\tx\n\
            192.0.2.1\tTRUE\t/\tFALSE\t\taddress\tx";
        let cookies = read(file.as_bytes()).unwrap();
        assert_eq!(cookies[0].domain, "example.com");
        assert_eq!(cookies[0].expires, None);
        assert!(!cookies[0].host_only);
        assert!(cookies[1].host_only, "nothing is below an address");
    }

    #[test]
    fn what_python_and_curl_make_of_our_file_is_the_same_cookies() {
        let python = "# Netscape HTTP Cookie File\n\
            # http://curl.haxx.se/rfc/cookie_spec.html\n\
            # This is a generated file!  Do not edit.\n\
            \n\
            example.com\tFALSE\t/\tFALSE\t0\tsession\t1\n\
            example.com\tFALSE\t/\tFALSE\t0\t\tnameless\n\
            example.com\tFALSE\t/\tFALSE\t0\tempty\t\n\
            #HttpOnly_.example.com\tTRUE\t/below it\tTRUE\t4102444800\tid\t\"a=b; c\" ü\n\
            ::1\tFALSE\t/\tFALSE\t0\tv6\tx\n";
        let curl = "# Netscape HTTP Cookie File\n\
            # https://curl.se/docs/http-cookies.html\n\
            # This file was generated by libcurl! Edit at your own risk.\n\
            \n\
            ::1\tFALSE\t/\tFALSE\t0\tv6\tx\n\
            example.com\tFALSE\t/\tFALSE\t0\tempty\t\n\
            example.com\tFALSE\t/\tFALSE\t0\tnameless\t\n\
            #HttpOnly_.example.com\tTRUE\t/below it\tTRUE\t4102444800\tid\t\"a=b; c\" ü\n\
            example.com\tFALSE\t/\tFALSE\t0\tsession\t1\n";
        let sorted = |mut cookies: Vec<Cookie>| {
            cookies.sort_by(|one, other| one.name.cmp(&other.name));
            cookies
        };
        assert_eq!(sorted(read(python.as_bytes()).unwrap()), sorted(kinds()));
        // Curl knows no cookie without a name: it takes the value for one.
        let mut named = kinds();
        named[2] = cookie("nameless", "");
        assert_eq!(sorted(read(curl.as_bytes()).unwrap()), sorted(named));
    }

    #[test]
    fn a_malformed_line_is_named_with_the_field_that_is_wrong() {
        let good = "example.com\tFALSE\t/\tFALSE\t0\ta\tb";
        for (bad, field) in [
            ("example.com", "seven"),
            ("example.com FALSE / FALSE 0 a b", "seven"),
            ("example.com\tFALSE\t/\tFALSE\t0\ta\tb\tc", "seven"),
            ("\tFALSE\t/\tFALSE\t0\ta\tb", "first"),
            (".\tFALSE\t/\tFALSE\t0\ta\tb", "first"),
            ("ü\tFALSE\t/\tFALSE\t0\ta\tb", "first"),
            ("example.com\tmaybe\t/\tFALSE\t0\ta\tb", "second"),
            ("example.com\tFALSE\tx\tFALSE\t0\ta\tb", "third"),
            ("example.com\tFALSE\t/\t\t0\ta\tb", "fourth"),
            ("example.com\tFALSE\t/\tFALSE\tsoon\ta\tb", "fifth"),
            ("example.com\tFALSE\t/\tFALSE\t-1\ta\tb", "fifth"),
            (
                "example.com\tFALSE\t/\tFALSE\t18446744073709551615\ta\tb",
                "fifth",
            ),
        ] {
            let (line, why) =
                read(format!("# head\n\n{good}\n{bad}\n{good}").as_bytes()).expect_err(bad);
            assert_eq!(line, 4, "{bad}");
            assert!(why.contains(field), "{bad}: {why}");
        }
    }

    #[test]
    fn a_file_cut_at_any_byte_is_read_or_refused_with_its_last_line() {
        for length in 0..GOLDEN.len() {
            let text = &GOLDEN.as_bytes()[..length];
            let whole_lines = text.split(|byte| *byte == b'\n').count() - 1;
            match read(text) {
                Ok(cookies) => assert!(cookies.len() <= (whole_lines + 1).saturating_sub(3)),
                Err((line, _)) => assert_eq!(line, whole_lines + 1),
            }
        }
    }
}
