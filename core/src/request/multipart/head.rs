//! What goes before a part, and the boundary between parts: the places where a name could end its line.

use crate::error::{Error, ErrorCode, Result};
use crate::request::fields::forbidden_byte;

/// The content type where none is given and the filename tells none.
const OCTETS: &str = "application/octet-stream";

/// RFC 2046, 5.1.1.
pub(super) fn check_boundary(boundary: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    if boundary.is_empty()
        || boundary.len() > 70
        || boundary.ends_with(' ')
        || !boundary.bytes().all(allowed)
    {
        return Err(Error::new(
            ErrorCode::InvalidArgument,
            format!("multipart boundary {boundary:?} is not one (RFC 2046, 5.1.1)"),
        ));
    }
    Ok(())
}

/// The value of `content-type` for this boundary.
pub(super) fn content_type(boundary: &str) -> String {
    // RFC 9110, 5.6.6: what is not a token is quoted. None of the allowed bytes needs an escape.
    if boundary.bytes().any(|byte| b"(),/:=? ".contains(&byte)) {
        format!("multipart/form-data; boundary=\"{boundary}\"")
    } else {
        format!("multipart/form-data; boundary={boundary}")
    }
}

/// The delimiter and the fields of a part (RFC 7578, 4.2 and 4.4). Without a content type that of the filename is guessed.
pub(super) fn part_head(
    boundary: &str,
    name: &str,
    filename: Option<&str>,
    kind: Option<&str>,
) -> Result<String> {
    check_name("name", name, name)?;
    if let Some(filename) = filename {
        check_name("filename", name, filename)?;
    }
    if let Some(kind) = kind
        && let Some((byte, place)) = forbidden_byte(kind.as_bytes())
    {
        return Err(Error::new(
            ErrorCode::InvalidHeader,
            format!(
                "content type of multipart part {name:?} has the forbidden byte {byte:#04x} at offset {place}"
            ),
        ));
    }
    let guessed = filename.map(|filename| {
        let guess = mime_guess::from_path(filename).first_raw();
        guess.unwrap_or(OCTETS)
    });
    let mut head = format!(
        "--{}\r\nContent-Disposition: form-data; name=\"{}\"",
        boundary,
        escape(name)
    );
    if let Some(filename) = filename {
        head.push_str("; filename=\"");
        head.push_str(&escape(filename));
        head.push('"');
    }
    head.push_str("\r\n");
    if let Some(kind) = kind.or(guessed) {
        head.push_str("Content-Type: ");
        head.push_str(kind);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    Ok(head)
}

fn check_name(what: &str, name: &str, value: &str) -> Result<()> {
    match value.find('\0') {
        None => Ok(()),
        Some(place) => Err(Error::new(
            ErrorCode::InvalidArgument,
            format!("{what} of multipart part {name:?} has a NUL at offset {place}"),
        )),
    }
}

/// As browsers write it: these three and no others. A receiver that undoes percent-encoding gets it back.
fn escape(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '"' => out.push_str("%22"),
            '\r' => out.push_str("%0D"),
            '\n' => out.push_str("%0A"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_end_their_line() {
        let name = "a\"; x=\"\r\nx-evil: 1\r\n\r\n";
        let filename = Some("é\"\r\n\\;.txt");
        let head = part_head("AaB03x", name, filename, Some("text/plain; charset=utf-8"));
        assert_eq!(
            head.unwrap(),
            "--AaB03x\r\nContent-Disposition: form-data; \
             name=\"a%22; x=%22%0D%0Ax-evil: 1%0D%0A%0D%0A\"; \
             filename=\"é%22%0D%0A\\;.txt\"\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\r\n"
        );
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        let refused = |name: &str, filename: &str, kind: Option<&str>| {
            let error = part_head("b", name, Some(filename), kind).unwrap_err();
            (error.code(), error.message().to_owned())
        };
        let (code, message) = refused("na\0me", "f", None);
        assert_eq!(code, ErrorCode::InvalidArgument);
        assert!(
            message.contains("name of") && message.contains("offset 2"),
            "{message}"
        );
        let (code, message) = refused("n", "\0", None);
        assert_eq!(code, ErrorCode::InvalidArgument);
        assert!(
            message.contains("filename of") && message.contains("offset 0"),
            "{message}"
        );
        for kind in ["a/b\r\nx-evil: 1", "a/b\n", "a/b\0", "a/b\u{7f}"] {
            let (code, message) = refused("n", "f", Some(kind));
            assert_eq!(code, ErrorCode::InvalidHeader);
            assert!(
                message.contains("part \"n\"") && message.contains("offset 3"),
                "{message}"
            );
        }
    }

    #[test]
    fn boundaries_are_checked_and_quoted() {
        let kind = |boundary: &str| {
            check_boundary(boundary).unwrap();
            content_type(boundary)
        };
        assert_eq!(
            kind("gc0pJq0M:08jU534c0p"),
            "multipart/form-data; boundary=\"gc0pJq0M:08jU534c0p\""
        );
        assert_eq!(kind("a'+_-.9"), "multipart/form-data; boundary=a'+_-.9");
        let long = "x".repeat(71);
        for bad in [
            "", " ", "a ", "a\r\nb", "a\"b", "a;b", "a\\b", "é", "a\0", &long,
        ] {
            let error = check_boundary(bad).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument, "{bad:?}");
        }
        assert!(check_boundary(&long[1..]).is_ok());
    }
}
