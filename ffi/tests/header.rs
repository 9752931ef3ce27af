//! The committed header is what the sources make, and its constants are those of the core.

#[path = "../examples/header.rs"]
mod header;

use std::collections::BTreeMap;
use std::fs;

use engine::ErrorCode;

fn committed() -> String {
    fs::read_to_string(header::path()).expect("include/trunkline.h")
}

#[test]
fn the_header_is_up_to_date() {
    let generated = header::generate().expect("a header");
    let committed = committed();
    let line = generated
        .lines()
        .zip(committed.lines())
        .position(|(new, old)| new != old);
    assert!(
        generated == committed,
        "include/trunkline.h drifted (first in line {line:?}): run `make header`"
    );
}

#[test]
fn the_constants_are_the_core_s_table() {
    let committed = committed();
    let constants: BTreeMap<&str, u16> = committed
        .lines()
        .filter_map(|line| line.strip_prefix("#define TRUNK_ERROR_")?.split_once(' '))
        .map(|(name, number)| (name, number.parse().expect("a number")))
        .collect();
    let table: Vec<(String, u16)> = ErrorCode::ALL
        .iter()
        .map(|code| (code.name().to_uppercase(), *code as u16))
        .collect();
    assert_eq!(constants.len(), table.len());
    for (name, number) in &table {
        assert_eq!(constants.get(name.as_str()), Some(number), "{name}");
    }
}

#[test]
fn everything_is_documented() {
    let committed = committed();
    let mut before = "";
    let mut functions = 0;
    for line in committed.lines() {
        let begins = line.starts_with(|first: char| first.is_ascii_lowercase());
        if begins && !line.starts_with("extern") {
            functions += usize::from(!line.starts_with("typedef"));
            assert_eq!(before, " */", "{line}");
        }
        before = line;
    }
    assert!(functions > 100, "{functions}");
}
