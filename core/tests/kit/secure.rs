//! A TLS server that tells what it saw of the handshakes.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use rustls::{HandshakeKind, ServerConfig, ServerConnection};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::peer::{self, OK};

/// A configuration with the certificate for localhost that an embedded server has put into this folder.
pub fn server_config(folder: &Path, protocols: &[&str]) -> ServerConfig {
    let chain: Vec<_> = CertificateDer::pem_file_iter(folder.join("server.pem"))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    config
}

/// What a handshake was like: the name sent, and whether a session was resumed.
pub type Seen = Arc<Mutex<Vec<(Option<String>, bool)>>>;

/// Answers one request on each connection with `ok` and closes it.
pub fn server(folder: &Path) -> (u16, Seen) {
    let config = Arc::new(server_config(folder, &["http/1.1"]));
    let seen = Seen::default();
    let noted = Arc::clone(&seen);
    let port = peer::peer(move |mut socket, _| {
        let mut session = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = rustls::Stream::new(&mut session, &mut socket);
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                _ => return,
            }
        }
        let name = stream.conn.server_name().map(str::to_owned);
        let resumed = stream.conn.handshake_kind() == Some(HandshakeKind::Resumed);
        noted.lock().unwrap().push((name, resumed));
        let closing = OK.replacen("\r\n", "\r\nconnection: close\r\n", 1);
        let _ = stream.write_all(closing.as_bytes());
        stream.conn.send_close_notify();
        let _ = stream.flush();
    });
    (port, seen)
}
