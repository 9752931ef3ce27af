//! `trunkline-test-server cases DIR` plays the cases in a directory; `trunkline-test-server embedded [--dir D]` answers like
//! an ordinary web server. Both print one line of JSON that tells their ports, and serve until their standard input ends.

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

use trunkline_test_server::{cases, embedded};

const USAGE: &str =
    "usage: trunkline-test-server cases DIR\n       trunkline-test-server embedded [--dir D]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["cases", directory] => {
            cases::start(Path::new(directory)).and_then(|server| serve(server.ports()))
        }
        ["embedded"] => embedded::start(None).and_then(|server| serve(server.places())),
        ["embedded", "--dir", directory] => {
            embedded::start(Some(Path::new(directory))).and_then(|server| serve(server.places()))
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("trunkline-test-server: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints where the server is, then waits for the end of the standard input.
fn serve(places: &impl serde::Serialize) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(places)?)?;
    out.flush()?;
    let mut ignored = [0; 256];
    let mut input = std::io::stdin().lock();
    while input.read(&mut ignored)? > 0 {}
    Ok(())
}
