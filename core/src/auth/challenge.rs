//! The parser of challenges and parameters (RFC 9110, 11.2 to 11.6).

use crate::limits;

/// One challenge of a peer. One in the form of a token68 has no parameters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Challenge<'a> {
    pub(super) scheme: &'a [u8],
    pub(super) parameters: Parameters<'a>,
}

/// Names and values, the values without their quotes and escapes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters<'a>(Vec<(&'a [u8], Vec<u8>)>);

impl<'a> Parameters<'a> {
    /// The value of this name, in whatever case it was written.
    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        let mut all = self.0.iter();
        let found = all.find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, value)| value.as_slice())
    }

    /// Whether the value of this name is this word, in whatever case.
    pub(super) fn is(&self, name: &str, word: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// Adds one. A name that comes twice, or one too many, is a fault: which of them counts is nowhere told.
    fn add(&mut self, name: &'a [u8], value: Vec<u8>) -> Option<()> {
        let twice = self
            .0
            .iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(name));
        if twice || self.0.len() == limits::CHALLENGE_PARAMETERS {
            return None;
        }
        self.0.push((name, value));
        Some(())
    }
}

/// The challenges of one field, as far as it can be read. What follows a fault is left out, and so is the challenge that
/// has it: half of one could ask for less than the whole.
pub(super) fn challenges(field: &[u8]) -> Vec<Challenge<'_>> {
    let mut reader = Reader { rest: field };
    let mut found = Vec::new();
    while found.len() < limits::CHALLENGES {
        reader.skip(b" \t,");
        match reader.challenge() {
            Some(challenge) => found.push(challenge),
            None => break,
        }
    }
    found
}

/// A list of parameters without a scheme, such as that of `authentication-info` (RFC 9110, 11.6.3).
pub(super) fn parameters(field: &[u8]) -> Option<Parameters<'_>> {
    let mut reader = Reader { rest: field };
    let mut parameters = Parameters::default();
    reader.skip(b" \t,");
    while !reader.rest.is_empty() {
        let (name, value) = reader.parameter()?;
        parameters.add(name, value)?;
        reader.end_of_item()?;
    }
    Some(parameters)
}

#[derive(Clone)]
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn skip(&mut self, bytes: &[u8]) {
        self.take(|byte| bytes.contains(&byte));
    }

    fn take(&mut self, while_true: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|byte| !while_true(*byte));
        let (taken, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn token(&mut self) -> Option<&'a [u8]> {
        let token = self.take(is_token);
        (!token.is_empty()).then_some(token)
    }

    fn byte(&mut self, wanted: u8) -> Option<()> {
        let (first, rest) = self.rest.split_first()?;
        if *first != wanted {
            return None;
        }
        self.rest = rest;
        Some(())
    }

    /// After an item of a list: the end, or a comma and whatever empty items follow it.
    fn end_of_item(&mut self) -> Option<()> {
        self.skip(b" \t");
        if !self.rest.is_empty() {
            self.byte(b',')?;
            self.skip(b" \t,");
        }
        Some(())
    }

    fn challenge(&mut self) -> Option<Challenge<'a>> {
        let scheme = self.token()?;
        let mut parameters = Parameters::default();
        let spaces = self.take(|byte| byte == b' ' || byte == b'\t');
        if spaces.is_empty() && !self.rest.is_empty() {
            // "name=value" where a scheme should be is a fault, not a scheme.
            self.byte(b',')?;
        }
        if !spaces.is_empty() {
            match self.token68() {
                Some(after) => *self = after,
                None => self.parameters(&mut parameters)?,
            }
        }
        Some(Challenge { scheme, parameters })
    }

    /// The parameters up to the next scheme or the end.
    fn parameters(&mut self, parameters: &mut Parameters<'a>) -> Option<()> {
        self.skip(b" \t,");
        while self.begins_parameter() {
            let (name, value) = self.parameter()?;
            parameters.add(name, value)?;
            self.end_of_item()?;
        }
        Some(())
    }

    /// A token and an equals sign: the next scheme has a space or a comma there.
    fn begins_parameter(&self) -> bool {
        let mut ahead = self.clone();
        ahead.token().is_some() && {
            ahead.skip(b" \t");
            ahead.byte(b'=').is_some()
        }
    }

    fn parameter(&mut self) -> Option<(&'a [u8], Vec<u8>)> {
        let name = self.token()?;
        self.skip(b" \t");
        self.byte(b'=')?;
        self.skip(b" \t");
        let value = match self.rest.first()? {
            b'"' => self.quoted()?,
            _ => self.token()?.to_vec(),
        };
        Some((name, value))
    }

    fn quoted(&mut self) -> Option<Vec<u8>> {
        self.byte(b'"')?;
        let mut value = Vec::new();
        loop {
            let (first, rest) = self.rest.split_first()?;
            self.rest = rest;
            match first {
                b'"' => return Some(value),
                b'\\' => {
                    let (escaped, rest) = rest.split_first()?;
                    self.rest = rest;
                    value.push(*escaped);
                }
                byte => value.push(*byte),
            }
        }
    }

    /// The reader after a token68 (RFC 9110, 11.2), if one stands here and nothing follows it in its item.
    fn token68(&self) -> Option<Reader<'a>> {
        let mut ahead = self.clone();
        let letters = ahead.take(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte));
        ahead.skip(b"=");
        if letters.is_empty() {
            return None;
        }
        ahead.end_of_item()?;
        Some(ahead)
    }
}

/// RFC 9110, 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scheme, then name=value for each parameter.
    fn read(field: &str) -> Vec<String> {
        let told = |challenge: &Challenge<'_>| {
            let mut words = vec![String::from_utf8_lossy(challenge.scheme).into_owned()];
            for (name, value) in &challenge.parameters.0 {
                let (name, value) = (
                    String::from_utf8_lossy(name),
                    String::from_utf8_lossy(value),
                );
                words.push(format!("{name}={value}"));
            }
            words.join("|")
        };
        challenges(field.as_bytes()).iter().map(told).collect()
    }

    #[test]
    fn the_example_of_rfc_9110_has_two_challenges() {
        let field =
            r#"Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\"""#;
        assert_eq!(
            read(field),
            [
                "Basic|realm=simple",
                r#"Newauth|realm=apps|type=1|title=Login to "apps""#
            ]
        );
    }

    #[test]
    fn every_form_is_told_apart() {
        for (field, expected) in [
            ("", vec![]),
            (" , ,, ", vec![]),
            ("Negotiate", vec!["Negotiate"]),
            ("Negotiate, Basic", vec!["Negotiate", "Basic"]),
            (
                "Negotiate YWJj==, Basic realm=a",
                vec!["Negotiate", "Basic|realm=a"],
            ),
            ("NTLM abc= , Basic realm=a", vec!["NTLM", "Basic|realm=a"]),
            ("A b, C d=e", vec!["A", "C|d=e"]),
            (",,A  b = c ,, d\t=\t\"e\" , B", vec!["A|b=c|d=e", "B"]),
            ("A , b=c", vec!["A|b=c"]),
            ("A a=\"x,B y=z\"", vec!["A|a=x,B y=z"]),
            ("A a=\"\\\\\\\"\", B", vec!["A|a=\\\"", "B"]),
            ("A a=\"\"", vec!["A|a="]),
        ] {
            assert_eq!(read(field), expected, "{field:?}");
        }
    }

    #[test]
    fn a_fault_ends_the_field_and_keeps_what_was_whole() {
        for field in [
            "A a=b, B c=\"open",
            "A a=b, B c=\"open\\",
            "A a=b, B c=d e",
            "A a=b, B c=d, c=e",
            "A a=b, B c=d, C=e",
            "A a=b, B c=, D",
            "A a=b, B c=d;e",
            "A a=b, \"B\"",
            "A a=b, B \u{e4}=c, D",
        ] {
            let found = read(field);
            assert_eq!(found[0], "A|a=b", "{field:?}");
            assert!(
                !found.iter().any(|challenge| challenge.starts_with("B|")),
                "{field:?}"
            );
        }
        assert!(read("a=b, Basic realm=c").is_empty());
    }

    #[test]
    fn every_beginning_of_a_field_can_be_read() {
        let field =
            r#"Digest realm="a\"b", nonce="c,d" , qop="auth", Negotiate YQ==, Basic realm=e"#;
        let whole = read(field);
        assert_eq!(whole.len(), 3);
        for end in 0..field.len() {
            // Cut in two, a name looks like a scheme; what stands before it is as it was.
            let found = read(&field[..end]);
            assert!(found.len() <= 3, "{:?}", &field[..end]);
            if let Some((_, before)) = found.split_last() {
                for (cut, all) in before.iter().zip(&whole) {
                    assert!(all.starts_with(cut), "{cut} of {:?}", &field[..end]);
                }
            }
        }
    }

    #[test]
    fn a_flood_is_bounded() {
        assert_eq!(read(&"A,".repeat(100_000)).len(), limits::CHALLENGES);
        let many: Vec<String> = (0..=limits::CHALLENGE_PARAMETERS)
            .map(|number| format!("p{number}=x"))
            .collect();
        assert_eq!(read(&format!("A {}", many[1..].join(","))).len(), 1);
        assert!(read(&format!("A {}", many.join(","))).is_empty());
        assert!(read(&"A a=\"".repeat(20_000)).is_empty());
    }

    #[test]
    fn information_is_a_list_without_a_scheme() {
        let found = parameters(b", nextnonce=\"a\\\"b\" , qop=auth,").unwrap();
        assert_eq!(found.get("NextNonce"), Some(b"a\"b".as_slice()));
        assert!(found.is("qop", "AUTH"));
        assert_eq!(parameters(b""), Some(Parameters::default()));
        assert_eq!(parameters(b"Digest a=b"), None);
        assert_eq!(parameters(b"a=b, a=c"), None);
    }
}
