//! Comparing header fields with what a script wants of them.

use crate::script::Fields;
use crate::wire::Fault;

/// Fields as they came.
pub(crate) type Arrived = Vec<(String, String)>;

/// The values of one field, joined as RFC 9110 section 5.3 does.
pub(crate) fn value(arrived: &[(String, String)], name: &str) -> Option<String> {
    let values: Vec<&str> = arrived
        .iter()
        .filter(|(other, _)| other.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
        .collect();
    if values.is_empty() {
        None
    } else {
        Some(values.join(", "))
    }
}

/// Fails unless every wanted field has its value and every unwanted one is absent.
pub(crate) fn check(wanted: &Fields, arrived: &[(String, String)]) -> Result<(), Fault> {
    for (name, wanted) in wanted {
        let got = value(arrived, name);
        if got != *wanted {
            return Err(format!(
                "expected {name}: {}, got {}",
                or_none(wanted.as_deref()),
                or_none(got.as_deref())
            ));
        }
    }
    Ok(())
}

fn or_none(value: Option<&str>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| format!("{value:?}"))
}

/// Fails unless the two are equal or nothing is wanted.
pub(crate) fn same(what: &str, wanted: Option<&str>, got: &str) -> Result<(), Fault> {
    match wanted {
        Some(wanted) if wanted != got => Err(format!("expected {what} {wanted:?}, got {got:?}")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_subset_matches_and_null_means_absent() {
        let arrived = vec![
            ("A".to_owned(), "1".to_owned()),
            ("a".to_owned(), "2".to_owned()),
        ];
        let wanted = |json| serde_json::from_str(json).unwrap();
        assert_eq!(
            check(&wanted(r#"{"a": "1, 2", "b": null}"#), &arrived),
            Ok(())
        );
        assert!(check(&wanted(r#"{"a": null}"#), &arrived).is_err());
        assert!(check(&wanted(r#"{"b": ""}"#), &arrived).is_err());
    }
}
