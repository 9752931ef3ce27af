//! The parameters of a path, put into it.

use percent_encoding::utf8_percent_encode;

use super::PathStyle;
use super::url::ESCAPED;
use crate::error::{Error, ErrorCode, Result};

/// The path with its parameters replaced by their values.
pub(super) fn fill(path: &str, style: PathStyle, values: &[(&str, &str)]) -> Result<String> {
    let mut used = vec![false; values.len()];
    for (index, (name, _)) in values.iter().enumerate() {
        if values[..index].iter().any(|(other, _)| other == name) {
            return Err(wrong(format!("path parameter {name:?} is given twice")));
        }
    }
    let mut filled = String::with_capacity(path.len());
    // A backslash is a slash to those who parse URLs as browsers do.
    for (index, segment) in path.split(['/', '\\']).enumerate() {
        if index > 0 {
            filled.push('/');
        }
        let begin = filled.len();
        let mut last = None;
        let mut rest = segment;
        while let Some((before, name, after)) = next(segment, rest, style)? {
            let place = values.iter().position(|(given, _)| *given == name);
            let Some(place) = place else {
                return Err(wrong(format!(
                    "path parameter {name:?} of path {path:?} is missing"
                )));
            };
            used[place] = true;
            filled.push_str(before);
            filled.extend(utf8_percent_encode(values[place].1, ESCAPED));
            (last, rest) = (Some(name), after);
        }
        filled.push_str(rest);
        if let Some(name) = last
            && leads_elsewhere(&filled[begin..])
        {
            return Err(wrong(format!(
                "path parameter {name:?} leaves the path segment {:?}",
                &filled[begin..]
            )));
        }
    }
    match used.iter().position(|used| !used) {
        None => Ok(filled),
        Some(unused) => Err(wrong(format!(
            "path parameter {:?} is not in the path {path:?}",
            values[unused].0
        ))),
    }
}

fn wrong(why: String) -> Error {
    Error::new(ErrorCode::InvalidArgument, why)
}

/// An empty segment may mean another resource, and every parser of URLs takes dots away with what is before them,
/// percent-encoded ones too.
fn leads_elsewhere(segment: &str) -> bool {
    let dots = segment.to_ascii_lowercase().replace("%2e", ".");
    matches!(dots.as_str(), "" | "." | "..")
}

/// The next parameter in what is left of a segment: what is before it, its name, what is after it.
fn next<'a>(
    segment: &'a str,
    rest: &'a str,
    style: PathStyle,
) -> Result<Option<(&'a str, &'a str, &'a str)>> {
    match style {
        PathStyle::Literal => Ok(None),
        PathStyle::Colon => Ok(next_colon(segment, rest)),
        PathStyle::Curly => next_curly(segment, rest),
    }
}

fn next_colon<'a>(segment: &'a str, rest: &'a str) -> Option<(&'a str, &'a str, &'a str)> {
    let begun = segment.len() - rest.len();
    for (place, _) in rest.match_indices(':') {
        let before = segment[..begun + place].bytes().next_back();
        if !matches!(before, None | Some(b'-' | b'.')) {
            continue;
        }
        let name = &rest[place + 1..];
        let end = name
            .find(|character: char| !character.is_ascii_alphanumeric() && character != '_')
            .unwrap_or(name.len());
        let (name, after) = name.split_at(end);
        if name
            .bytes()
            .next()
            .is_some_and(|byte| !byte.is_ascii_digit())
        {
            return Some((&rest[..place], name, after));
        }
    }
    None
}

fn next_curly<'a>(segment: &'a str, rest: &'a str) -> Result<Option<(&'a str, &'a str, &'a str)>> {
    let Some(place) = rest.find(['{', '}']) else {
        return Ok(None);
    };
    let broken = |why: &str| {
        let why = format!("path segment {segment:?}: {why}");
        Err(Error::new(ErrorCode::InvalidUrl, why))
    };
    let (before, opened) = rest.split_at(place);
    let Some(inner) = opened.strip_prefix('{') else {
        return broken("a } without {");
    };
    match inner.split_once(['{', '}']) {
        Some(("", _)) => broken("a path parameter has no name"),
        Some((name, after)) if inner.as_bytes()[name.len()] == b'}' => {
            Ok(Some((before, name, after)))
        }
        _ => broken("a { without }"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: &[(&str, &str)] = &[("id", "42"), ("name", "a/b c")];

    fn fails(path: &str, style: PathStyle, values: &[(&str, &str)]) -> String {
        let error = fill(path, style, values).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
        error.message().to_owned()
    }

    #[test]
    fn both_styles_are_filled() {
        for (style, path, filled) in [
            (PathStyle::Colon, "/users/:id/:name", "/users/42/a%2Fb%20c"),
            (
                PathStyle::Curly,
                "/users/{id}/{name}",
                "/users/42/a%2Fb%20c",
            ),
            (PathStyle::Colon, ":name-:id", "a%2Fb%20c-42"),
            (
                PathStyle::Colon,
                "/v.:id/:name.json/",
                "/v.42/a%2Fb%20c.json/",
            ),
            (PathStyle::Curly, "/x{id}y{name}{id}", "/x42ya%2Fb%20c42"),
            // Colons that mean themselves.
            (
                PathStyle::Colon,
                "/12:30/a:all/::/:9/:id:name/:name",
                "/12:30/a:all/::/:9/42:name/a%2Fb%20c",
            ),
        ] {
            assert_eq!(fill(path, style, VALUES).unwrap(), filled, "{path}");
        }
        assert_eq!(
            fill("/:id/{id}", PathStyle::Literal, &[]).unwrap(),
            "/:id/{id}"
        );
        assert_eq!(fill("/{id}", PathStyle::Colon, &[]).unwrap(), "/{id}");
        assert_eq!(fill("/:id", PathStyle::Curly, &[]).unwrap(), "/:id");
    }

    #[test]
    fn values_are_one_segment() {
        let fill = |value: &str| fill("/{x}", PathStyle::Curly, &[("x", value)]).unwrap();
        assert_eq!(fill("a/../b"), "/a%2F..%2Fb");
        assert_eq!(fill("a?b#c%2f\\"), "/a%3Fb%23c%252f%5C");
        assert_eq!(fill("\r\nx-evil: 1\0"), "/%0D%0Ax-evil%3A%201%00");
        assert_eq!(fill("é-._~"), "/%C3%A9-._~");
        // A value is no template.
        assert_eq!(fill("{x}:x"), "/%7Bx%7D%3Ax");
        // Percent-encoded dots: the percent sign is encoded itself.
        assert_eq!(fill("%2e%2E"), "/%252e%252E");
    }

    #[test]
    fn missing_and_unused_parameters_are_named() {
        let message = fails("/users/{id}/{other}", PathStyle::Curly, VALUES);
        assert!(message.contains("\"other\" of path \"/users/{id}/{other}\" is missing"));
        let message = fails("/users/:other", PathStyle::Colon, &[]);
        assert!(message.contains("\"other\""), "{message}");
        let message = fails("/users/{id}", PathStyle::Curly, VALUES);
        assert!(message.contains("\"name\" is not in the path"), "{message}");
        let message = fails("/users/{id}", PathStyle::Literal, &VALUES[..1]);
        assert!(message.contains("\"id\" is not in the path"), "{message}");
        let message = fails("/{id}", PathStyle::Curly, &[("id", "1"), ("id", "2")]);
        assert!(message.contains("\"id\" is given twice"), "{message}");
    }

    #[test]
    fn no_value_leads_to_another_path() {
        for value in ["", ".", ".."] {
            for (style, path) in [
                (PathStyle::Curly, "/users/{id}/x"),
                (PathStyle::Colon, "/:id"),
            ] {
                let message = fails(path, style, &[("id", value)]);
                assert!(
                    message.contains("\"id\" leaves the path segment"),
                    "{message}"
                );
            }
        }
        let pair = |path, value| fails(path, PathStyle::Curly, &[("id", value)]);
        assert!(pair("/{id}{id}", ".").contains("segment \"..\""));
        assert!(pair("/%2E{id}", ".").contains("segment"));
        assert_eq!(
            fill("/f{id}", PathStyle::Curly, &[("id", "")]).unwrap(),
            "/f"
        );
        assert_eq!(
            fill("/{id}", PathStyle::Curly, &[("id", "...")]).unwrap(),
            "/..."
        );
        assert!(pair("/a\\{id}", "..").contains("segment"));
        // What the template says itself is its own affair.
        assert_eq!(
            fill("/../{id}", PathStyle::Curly, &[("id", "1")]).unwrap(),
            "/../1"
        );
    }

    #[test]
    fn broken_braces_are_named() {
        for path in [
            "/{", "/}", "/{id", "/id}", "/{}", "/{a{b}", "/{id/x}", "/{id}}",
        ] {
            let error = fill(path, PathStyle::Curly, VALUES).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidUrl, "{path}");
            assert!(error.message().contains("path segment"), "{error}");
        }
    }
}
