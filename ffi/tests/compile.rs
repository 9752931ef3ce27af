//! The header compiles as C99 and as C++ without a warning, and so do the examples.

use std::path::{Path, PathBuf};
use std::process::Command;

const STRICT: [&str; 5] = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs a compiler, where there is one.
fn compile(compiler: &str, arguments: &[&str], source: &Path) {
    let mut command = Command::new(compiler);
    command
        .args(STRICT)
        .args(arguments)
        .arg("-I")
        .arg(root().join("include"))
        .arg(source);
    match command.output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success(),
                "{compiler} {}: {said}",
                source.display()
            );
        }
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: there is no {compiler}");
        }
        Err(cause) => panic!("{compiler}: {cause}"),
    }
}

#[test]
fn the_header_is_c99() {
    compile(
        "cc",
        &["-std=c99", "-x", "c", "-Wstrict-prototypes"],
        &root().join("include/trunkline.h"),
    );
}

#[test]
fn the_header_is_cpp() {
    compile(
        "c++",
        &["-std=c++11", "-x", "c++"],
        &root().join("include/trunkline.h"),
    );
}

#[test]
fn the_examples_compile() {
    for example in ["poll.c", "callback.c", "stream.c", "own_socket.c"] {
        compile(
            "cc",
            &["-std=c99", "-D_GNU_SOURCE"],
            &root().join("examples/c").join(example),
        );
    }
}
