//! The one numbered table of error codes. Every binding is generated from it or checked against it.

macro_rules! error_codes {
    ($( $number:literal $variant:ident $name:literal $doc:literal ; )*) => {
        /// What went wrong, as a stable number and name. Numbers are never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u16)]
        pub enum ErrorCode {
            $( #[doc = $doc] $variant = $number, )*
        }

        impl ErrorCode {
            /// Every code, in the order of its number.
            pub const ALL: &'static [ErrorCode] = &[ $( ErrorCode::$variant, )* ];

            /// The stable lower-case name, for example `connect_timeout`.
            pub const fn name(self) -> &'static str {
                match self { $( ErrorCode::$variant => $name, )* }
            }

            /// One sentence that says what the code means.
            pub const fn description(self) -> &'static str {
                match self { $( ErrorCode::$variant => $doc, )* }
            }

            /// The code with this number.
            pub const fn from_number(number: u16) -> Option<ErrorCode> {
                match number { $( $number => Some(ErrorCode::$variant), )* _ => None }
            }
        }
    };
}

error_codes! {
    1 InvalidArgument "invalid_argument" "An argument is outside what the call accepts.";
    2 InvalidUrl "invalid_url" "The URL cannot be parsed, or its scheme is not served.";
    3 InvalidHeader "invalid_header" "A header name or value holds a byte that HTTP does not allow.";
    4 NullPointer "null_pointer" "A required pointer was NULL.";
    5 InvalidHandle "invalid_handle" "The handle is not, or no longer, a live handle of this kind.";
    6 InvalidState "invalid_state" "The call does not fit the state of the request.";
    7 Again "again" "Nothing could be taken or given right now; try again when told so.";
    8 Busy "busy" "The call is already running, on this thread or another.";
    9 Forked "forked" "The handle belongs to the process that this one was forked from.";
    10 Unsupported "unsupported" "This build or platform does not offer the function.";
    11 Closed "closed" "The manager has been shut down.";
    12 Panic "panic" "A bug inside the library was caught at its boundary.";
    13 EndOfParts "end_of_parts" "The request has already delivered its terminal part.";
    14 Io "io" "A file or descriptor of the caller failed.";
    15 Timeout "timeout" "The call's own time ran out; nothing is lost and it may be called again.";
    20 Cancelled "cancelled" "The request was cancelled by its owner.";
    21 Shutdown "shutdown" "The manager was shut down before the request ended.";
    30 PoolTimeout "pool_timeout" "No connection became free in time.";
    31 ResolveTimeout "resolve_timeout" "The host name was not resolved in time.";
    32 ConnectTimeout "connect_timeout" "The connection was not established in time.";
    33 TlsTimeout "tls_timeout" "The TLS handshake did not finish in time.";
    34 WriteTimeout "write_timeout" "The peer did not take the request in time.";
    35 FirstByteTimeout "first_byte_timeout" "The answer did not begin in time.";
    36 IdleTimeout "idle_timeout" "The answer stood still for too long.";
    37 TotalTimeout "total_timeout" "The request took longer than allowed in all.";
    40 ResolveFailed "resolve_failed" "The host name has no address.";
    41 ConnectFailed "connect_failed" "The connection was refused or the peer is unreachable.";
    42 TlsFailed "tls_failed" "The TLS handshake failed.";
    43 TlsCertificate "tls_certificate" "The peer's certificate was not accepted.";
    44 ProtocolNotNegotiated "protocol_not_negotiated" "The peer does not speak the protocol that was asked for.";
    45 ProxyFailed "proxy_failed" "The proxy refused the connection or its answer is not valid.";
    46 ProxyAuthentication "proxy_authentication" "The proxy asks for other credentials.";
    50 ConnectionClosed "connection_closed" "The peer closed the connection before the answer was complete.";
    51 ConnectionReset "connection_reset" "The connection was reset or failed while in use.";
    60 Http1Malformed "http1_malformed" "The peer's answer is not valid HTTP/1.1.";
    61 HeaderTooLarge "header_too_large" "The head or trailers of the answer exceed their limit.";
    62 BodyTooLarge "body_too_large" "The body of the answer exceeds its limit.";
    70 Http2Protocol "http2_protocol" "The peer broke the HTTP/2 protocol.";
    71 Http2StreamReset "http2_stream_reset" "The peer reset this HTTP/2 stream.";
    72 Http2Goaway "http2_goaway" "The peer is closing the HTTP/2 connection and did not process the request.";
    80 WebSocketRejected "websocket_rejected" "The peer answered the WebSocket upgrade with another status than 101.";
    81 WebSocketHandshake "websocket_handshake" "The peer's WebSocket handshake is not valid.";
    82 WebSocketProtocol "websocket_protocol" "The peer broke the WebSocket protocol.";
    83 WebSocketInvalidUtf8 "websocket_invalid_utf8" "A WebSocket text message is not valid UTF-8.";
    84 WebSocketTooLarge "websocket_too_large" "A WebSocket frame or message exceeds its limit.";
    85 TooManyRedirects "too_many_redirects" "The answer leads on more often than is allowed.";
    86 RedirectRefused "redirect_refused" "A redirect leads where it must not be followed, or needs a body that is gone.";
    87 HttpStatus "http_status" "The status of the answer is an error, and the request asked for an error then.";
    90 UploadFailed "upload_failed" "The caller's source of the request body gave up.";
    100 DecodeFailed "decode_failed" "The body does not follow its content-encoding.";
    101 DecodedTooLarge "decoded_too_large" "The decoded body exceeds its limit, or its ratio to what was sent.";
}
