//! Writes include/trunkline.h: `cargo run --release -p trunkline-ffi --example header`.

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use cbindgen::{
    Builder, Config, DocumentationLength, DocumentationStyle, ExportConfig, Language, Style,
};
use engine::ErrorCode;

/// The contract, which opens the header.
const CONTRACT: &str = include_str!("contract.txt");

/// The sections of the header, and the file that each comes from.
const SECTIONS: &[(&str, &str)] = &[
    ("Text and bytes", "view.rs"),
    ("Versions", "version.rs"),
    ("Status", "status.rs"),
    ("Handles", "opaque.rs"),
    ("Functions of the caller's", "callback.rs"),
    ("Retries", "retry.rs"),
    ("WebSocket messages", "message.rs"),
    ("WebSockets that are opened again", "websocket_policy.rs"),
    ("Credentials", "auth.rs"),
    ("Cookies", "cookies.rs"),
    ("Archives of exchanges", "har.rs"),
    ("Options of a manager", "options.rs"),
    ("Options of a manager: limits", "options_limits.rs"),
    ("Options of a manager: HTTP/2", "options_http2.rs"),
    ("Options of a manager: TLS", "options_tls.rs"),
    (
        "Options of a manager: proxies and sockets",
        "options_connection.rs",
    ),
    ("Options of a manager: addresses", "resolver.rs"),
    (
        "Options of a manager: what is done with answers",
        "options_policy.rs",
    ),
    ("Options of a manager: WebSockets", "options_websocket.rs"),
    ("Managers", "manager.rs"),
    ("URLs", "url.rs"),
    ("Options of a request", "request_options.rs"),
    ("Options of both: URLs from pieces", "request_url.rs"),
    ("Options of a request: bodies", "bodies.rs"),
    ("Options of a request: raw streams", "tunnel.rs"),
    (
        "Options of a request: what is done with answers",
        "request_policy.rs",
    ),
    ("Options of a request: WebSockets", "request_websocket.rs"),
    ("Options of both: credentials", "options_auth.rs"),
    ("Submitting", "submit.rs"),
    ("Requests", "request.rs"),
    ("WebSockets", "websocket.rs"),
    ("Parts", "part.rs"),
    ("Terminal parts", "part_end.rs"),
    ("Lines and server-sent events", "text.rs"),
    ("Charsets", "charset.rs"),
    ("Connections without a socket", "sansio/engine.rs"),
    ("Connections without a socket: errors", "sansio/error.rs"),
    ("Connections without a socket: requests", "sansio/fields.rs"),
    (
        "Connections without a socket: exchanges",
        "sansio/exchange.rs",
    ),
    (
        "Connections without a socket: bodies of requests",
        "sansio/upload.rs",
    ),
    (
        "Connections without a socket: bodies of answers",
        "sansio/answer.rs",
    ),
    (
        "Connections without a socket: HTTP/2 settings",
        "sansio/settings.rs",
    ),
    ("Connections without a socket: HTTP/2", "sansio/http2.rs"),
    ("Connections without a socket: HTTP/1.1", "sansio/http1.rs"),
    (
        "Connections without a socket: handshakes of WebSockets",
        "sansio/handshake.rs",
    ),
    (
        "Connections without a socket: WebSockets",
        "sansio/websocket.rs",
    ),
    ("Statistics", "statistics.rs"),
    ("Log", "log.rs"),
];

/// Where the header is kept.
pub fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../include/trunkline.h")
}

/// The header's text.
///
/// # Errors
/// When a source cannot be read or parsed.
pub fn generate() -> Result<String, Box<dyn Error>> {
    let mut header = String::from(CONTRACT);
    header.push_str("#ifndef TRUNKLINE_H\n#define TRUNKLINE_H\n\n");
    header.push_str("#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n\n");
    header.push_str("#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
    for (title, file) in SECTIONS {
        write!(
            header,
            "\n/* ---- {title} {} */\n\n",
            "-".repeat(104 - title.len())
        )?;
        let section = section(file)?;
        if *file == "status.rs" {
            header.push_str(&constants(&section)?);
        } else {
            header.push_str(section.trim());
            header.push('\n');
        }
    }
    header.push_str("\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    Ok(header)
}

/// What cbindgen makes of one file.
fn section(file: &str) -> Result<String, Box<dyn Error>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file);
    let export = ExportConfig {
        include: types(&fs::read_to_string(&source)?),
        ..ExportConfig::default()
    };
    let config = Config {
        language: Language::C,
        export,
        style: Style::Type,
        no_includes: true,
        documentation_style: DocumentationStyle::Doxy,
        documentation_length: DocumentationLength::Full,
        line_length: 110,
        tab_width: 4,
        usize_is_size_t: true,
        ..Config::default()
    };
    let mut text = Vec::new();
    Builder::new()
        .with_config(config)
        .with_src(source)
        .generate()?
        .write(&mut text);
    Ok(String::from_utf8(text)?)
}

/// The public types of a source, which cbindgen would leave out where only other files use them.
fn types(source: &str) -> Vec<String> {
    let name = |line: &str| {
        let rest = line
            .strip_prefix("pub struct ")
            .or_else(|| line.strip_prefix("pub type "))?;
        rest.split_once([' ', ';']).map(|(name, _)| name.to_owned())
    };
    source.lines().filter_map(name).collect()
}

/// Puts the error table after the definition of the status.
fn constants(section: &str) -> Result<String, Box<dyn Error>> {
    let definition = "typedef int32_t trunk_status;\n";
    let (before, after) = section
        .trim()
        .split_once(definition)
        .ok_or("there is no definition of trunk_status")?;
    let mut text =
        format!("{before}{definition}\n/**\n * The call succeeded.\n */\n#define TRUNK_OK 0\n");
    for code in ErrorCode::ALL {
        let (description, name, number) =
            (code.description(), code.name().to_uppercase(), *code as u16);
        write!(
            text,
            "\n/**\n * {description}\n */\n#define TRUNK_ERROR_{name} {number}\n"
        )?;
    }
    writeln!(text, "{after}")?;
    Ok(text)
}

#[allow(dead_code)]
fn main() -> Result<(), Box<dyn Error>> {
    fs::write(path(), generate()?)?;
    Ok(())
}
