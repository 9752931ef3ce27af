//! The types of the handles: a C program sees pointers to them and nothing of what is behind.

/// The options of a manager.
pub struct trunk_manager_options {
    _opaque: [u8; 0],
}

/// Opens, pools and supervises connections; everything hangs off one.
pub struct trunk_manager {
    _opaque: [u8; 0],
}

/// What is asked: method, URL, header fields, body, and the options of one request.
pub struct trunk_request_options {
    _opaque: [u8; 0],
}

/// One submitted exchange, up to its terminal part; also a WebSocket's whole life.
pub struct trunk_request {
    _opaque: [u8; 0],
}

/// One piece of an answer.
pub struct trunk_part {
    _opaque: [u8; 0],
}

/// A snapshot of a manager's counters.
pub struct trunk_statistics {
    _opaque: [u8; 0],
}

/// How an attempt at a request ended, as a retry callback sees it.
pub struct trunk_attempt {
    _opaque: [u8; 0],
}

/// A request that is to be authenticated, as a callback for credentials sees it.
pub struct trunk_auth_request {
    _opaque: [u8; 0],
}

/// A URL in pieces: base, path parameters, query parameters.
pub struct trunk_url {
    _opaque: [u8; 0],
}

/// A `multipart/form-data` body.
pub struct trunk_multipart {
    _opaque: [u8; 0],
}

/// Cuts bytes into lines.
pub struct trunk_lines {
    _opaque: [u8; 0],
}

/// Reads server-sent events.
pub struct trunk_sse {
    _opaque: [u8; 0],
}

/// The cookies of a user.
pub struct trunk_cookie_jar {
    _opaque: [u8; 0],
}

/// A record of exchanges.
pub struct trunk_har {
    _opaque: [u8; 0],
}

/// A host name that is being looked up.
pub struct trunk_resolve {
    _opaque: [u8; 0],
}

/// Decodes text.
pub struct trunk_text_decoder {
    _opaque: [u8; 0],
}

/// A connection that owns no socket: bytes go in and out by calls.
pub struct trunk_engine {
    _opaque: [u8; 0],
}

/// The body of a request on an engine, as it is written.
pub struct trunk_upload {
    _opaque: [u8; 0],
}

/// The body of an answer on an engine, as it is read.
pub struct trunk_answer {
    _opaque: [u8; 0],
}

/// The opening handshake of a WebSocket without a socket.
pub struct trunk_handshake {
    _opaque: [u8; 0],
}
