//! `BYTES`: how a case file writes down a run of octets.

use std::borrow::Cow;

use base64::Engine as _;
use serde::{Deserialize, Deserializer, de::Error as _};

/// The longest run a case file may describe, so that a typing error does not exhaust memory.
const LONGEST: usize = 64 << 20;

/// Octets as a case file describes them, already worked out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Octets(Vec<u8>);

impl From<Vec<u8>> for Octets {
    fn from(octets: Vec<u8>) -> Octets {
        Octets(octets)
    }
}

impl Octets {
    /// The octets themselves.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Spelt(Spelt),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spelt {
    hex: Option<String>,
    base64: Option<String>,
    repeat: Option<Box<Written>>,
    count: Option<usize>,
    cat: Option<Vec<Written>>,
}

impl Written {
    fn work_out(&self) -> Result<Vec<u8>, String> {
        let spelt = match self {
            Self::Text(text) => return Ok(text.as_bytes().to_vec()),
            Self::Spelt(spelt) => spelt,
        };
        match spelt {
            Spelt {
                hex: Some(hex),
                base64: None,
                repeat: None,
                count: None,
                cat: None,
            } => from_hex(hex),
            Spelt {
                hex: None,
                base64: Some(text),
                repeat: None,
                count: None,
                cat: None,
            } => base64::engine::general_purpose::STANDARD
                .decode(text)
                .map_err(|error| format!("base64: {error}")),
            Spelt {
                hex: None,
                base64: None,
                repeat: Some(unit),
                count: Some(count),
                cat: None,
            } => {
                let unit = unit.work_out()?;
                match unit.len().checked_mul(*count) {
                    Some(total) if total <= LONGEST => Ok(unit.repeat(*count)),
                    _ => Err(format!("repeat: more than {LONGEST} octets")),
                }
            }
            Spelt {
                hex: None,
                base64: None,
                repeat: None,
                count: None,
                cat: Some(pieces),
            } => {
                let mut all = Vec::new();
                for piece in pieces {
                    all.extend(piece.work_out()?);
                }
                Ok(all)
            }
            _ => Err("one of hex, base64, repeat with count, cat".to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        written.work_out().map(Self).map_err(D::Error::custom)
    }
}

fn from_hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|letter| !letter.is_ascii_whitespace())
        .map(|letter| {
            letter
                .to_digit(16)
                .ok_or_else(|| format!("hex: {letter:?} is no digit"))
        })
        .collect::<Result<_, _>>()?;
    if !digits.len().is_multiple_of(2) {
        return Err("hex: an odd number of digits".to_owned());
    }
    Ok(digits
        .chunks(2)
        .map(|pair| (pair[0] << 4 | pair[1]) as u8)
        .collect())
}

/// The octets as a reader of a verdict wants to see them: text if it is text, shortened if it is long.
pub(crate) fn shown(octets: &[u8]) -> String {
    const ENOUGH: usize = 120;
    let head = &octets[..octets.len().min(ENOUGH)];
    let rest = if octets.len() > ENOUGH {
        Cow::Owned(format!("… ({} octets)", octets.len()))
    } else {
        Cow::Borrowed("")
    };
    format!("\"{}\"{rest}", head.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::{Octets, shown};

    fn read(json: &str) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::from_str::<Octets>(json).map(|octets| octets.0)
    }

    #[test]
    fn each_spelling_gives_its_octets() {
        assert_eq!(read(r#""aé""#).unwrap(), "aé".as_bytes());
        assert_eq!(read(r#"{"hex": "00 fF"}"#).unwrap(), [0, 255]);
        assert_eq!(read(r#"{"base64": "AP8="}"#).unwrap(), [0, 255]);
        assert_eq!(read(r#"{"repeat": "ab", "count": 3}"#).unwrap(), b"ababab");
        assert_eq!(
            read(r#"{"repeat": {"hex": "01"}, "count": 2}"#).unwrap(),
            [1, 1]
        );
        assert_eq!(read(r#"{"cat": ["a", {"hex": "62"}]}"#).unwrap(), b"ab");
    }

    #[test]
    fn what_is_no_spelling_is_refused() {
        assert!(read(r#"{"hex": "0"}"#).is_err());
        assert!(read(r#"{"hex": "zz"}"#).is_err());
        assert!(read(r#"{"repeat": "a"}"#).is_err());
        assert!(read(r#"{"hex": "00", "base64": ""}"#).is_err());
        assert!(read(r#"{"octets": "00"}"#).is_err());
        assert!(read(r#"{"repeat": "ab", "count": 99999999999}"#).is_err());
    }

    #[test]
    fn long_octets_are_shown_shortened() {
        assert_eq!(shown(b"a\r\n"), "\"a\\r\\n\"");
        assert!(shown(&[b'a'; 500]).ends_with("… (500 octets)"));
    }
}
