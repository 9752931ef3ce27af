//! Bodies that are small and made at once: forms and JSON.

use bytes::Bytes;
use url::form_urlencoded::Serializer;

/// The content type of a form that is not multipart.
const FORM: &str = "application/x-www-form-urlencoded";
/// RFC 8259, 11: no parameters.
const JSON: &str = "application/json";

/// A form as WHATWG's `application/x-www-form-urlencoded`: a space becomes `+`, order and repeated names are kept. The
/// content type, and the body.
pub fn form<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> (&'static str, Bytes) {
    let mut serializer = Serializer::new(String::new());
    for (name, value) in pairs {
        serializer.append_pair(name, value);
    }
    (FORM, Bytes::from(serializer.finish()))
}

/// A body that is JSON already, in UTF-8. The content type, and the body.
pub fn json(text: impl Into<Bytes>) -> (&'static str, Bytes) {
    (JSON, text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_encoded_as_browsers_do() {
        let body = |pairs: &[(&'static str, &'static str)]| {
            let (kind, body) = form(pairs.iter().copied());
            assert_eq!(kind, "application/x-www-form-urlencoded");
            String::from_utf8(body.to_vec()).unwrap()
        };
        assert_eq!(body(&[]), "");
        assert_eq!(body(&[("a", "1"), ("b", "2"), ("a", "3")]), "a=1&b=2&a=3");
        assert_eq!(body(&[("", ""), ("x", "")]), "=&x=");
        // The bytes that WHATWG leaves as they are, and some that it does not.
        assert_eq!(
            body(&[("*-._", "~ +/é&=%")]),
            "*-._=%7E+%2B%2F%C3%A9%26%3D%25"
        );
    }

    #[test]
    fn no_byte_leaves_its_place() {
        let (_, body) = form([("a\r\nb", "\0\r\nx-evil: 1&c=d")]);
        assert_eq!(body, "a%0D%0Ab=%00%0D%0Ax-evil%3A+1%26c%3Dd");
    }

    #[test]
    fn json_is_taken_as_it_is() {
        let (kind, body) = json("{\"a\":1}");
        assert_eq!((kind, &body[..]), ("application/json", &b"{\"a\":1}"[..]));
    }
}
