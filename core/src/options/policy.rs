//! What is done with an answer before the caller sees it: redirects, retries, credentials, cookies, decoding.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};

use super::{WebSocketDeflate, WebSocketReconnect};
use crate::auth::Auth;
use crate::error::Error;

/// Which failures are tried again after a pause. Safe replays on a fresh connection are apart from it and always on.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Retry {
    /// None.
    #[default]
    Off,
    /// GET and HEAD after the statuses 408, 429, 500, 502, 503, 504, after timeouts other than the total one, and after
    /// connections that were refused or lost.
    SafeTransient,
    /// The same for every method. Only for peers that can tell a request that comes twice.
    Transient,
    /// As this function says. It runs on the thread of the reactor and must not block.
    Callback(RetryFunction),
}

/// Decides whether a request is sent again.
pub type RetryFunction = Arc<dyn Fn(&Attempt<'_>) -> RetryDecision + Send + Sync>;

/// How long to wait before the nth retry, counted from 1.
pub type RetryDelay = Arc<dyn Fn(u32) -> Duration + Send + Sync>;

impl std::fmt::Debug for Retry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Retry::Off => "Off",
            Retry::SafeTransient => "SafeTransient",
            Retry::Transient => "Transient",
            Retry::Callback(_) => "Callback",
        })
    }
}

/// An attempt that ended, as a [`RetryFunction`] sees it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Attempt<'a> {
    /// 1 for the first.
    pub number: u32,
    /// The method.
    pub method: &'a Method,
    /// The absolute URL.
    pub url: &'a str,
    /// The status of the answer, where one came.
    pub status: Option<StatusCode>,
    /// The header fields of the answer, where one came.
    pub headers: Option<&'a HeaderMap>,
    /// Why no answer came.
    pub error: Option<&'a Error>,
}

/// What a [`RetryFunction`] answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryDecision {
    /// The answer or the error is the caller's.
    Stop,
    /// Again, after the usual pause.
    Again,
    /// Again, after this pause.
    After(Duration),
}

macro_rules! policy {
    ($( $(#[doc = $doc:literal])+ $name:ident: $kind:ty = $default:expr; )*) => {
        /// What is done with answers: the manager's defaults.
        #[derive(Debug, Clone)]
        pub struct Policy {
            $( $(#[doc = $doc])+ pub $name: $kind, )*
        }

        impl Default for Policy {
            fn default() -> Policy {
                Policy { $( $name: $default, )* }
            }
        }

        /// What one request does otherwise than its manager's [`Policy`]; `None` keeps the manager's.
        #[derive(Debug, Clone, Default)]
        pub struct PolicyOverrides {
            $( #[doc = concat!("See [`Policy::", stringify!($name), "`].")] pub $name: Option<$kind>, )*
        }

        impl PolicyOverrides {
            /// The policy that comes of these and a manager's defaults.
            pub fn over(&self, defaults: &Policy) -> Policy {
                Policy {
                    $( $name: self.$name.clone().unwrap_or_else(|| defaults.$name.clone()), )*
                }
            }
        }
    };
}

policy! {
    /// Whether redirects (301, 302, 303, 307, 308) are followed. Default yes.
    follow_redirects: bool = true;
    /// How many redirects are followed; one more ends the request with `too_many_redirects`. Default 10.
    max_redirects: u32 = crate::limits::REDIRECTS;
    /// Whether credentials and cookies given for the first origin go along to another one. Default no.
    redirect_trusted: bool = false;
    /// Whether a redirect may lead from `https` to `http`. Default no: it ends the request with `redirect_refused`.
    redirect_downgrade: bool = false;
    /// Which failures are tried again. Default none.
    retry: Retry = Retry::Off;
    /// How often. Default 3.
    max_retries: u32 = crate::limits::RETRIES;
    /// The pause before a retry where the peer does not name one: by default 1, 2, 4, 8 s, each up to a quarter shorter.
    retry_delay: DelayOption = DelayOption(None);
    /// Credentials, as the field `authorization`. A field given with the request goes before them, they before those in
    /// the URL.
    auth: Auth = Auth::None;
    /// Whether an answer with status 400 or above ends with the error `http_status`, after its body. Default no.
    status_errors: bool = false;
    /// Whether `accept-encoding` is sent and the body decoded (gzip, deflate, br, zstd). Default no.
    decode: bool = false;
    /// Bytes of a decoded body; 0 sets no limit. Default none.
    max_decoded_bytes: u64 = 0;
    /// Times that a decoded body may be longer than what was sent; 0 sets no limit.
    max_decode_ratio: u32 = crate::limits::DECODE_RATIO;
    /// Whether cookies are kept in the manager's jar and sent. Default no.
    cookies: bool = false;
    /// Send `expect: 100-continue` with a body, and wait so long for the peer's word before sending it. Default: do not.
    expect_continue: Option<Duration> = None;
    /// Whether compression of WebSocket messages is offered (permessage-deflate, RFC 7692). Default no: it costs time and
    /// up to 300 KiB of memory for each connection, and the length of a compressed message tells of its content where a
    /// stranger can write into it.
    websocket_deflate: Option<WebSocketDeflate> = None;
    /// Whether WebSocket messages are delivered frame by frame, as [`crate::Frame::Fragment`]. Default no.
    websocket_frames: bool = false;
    /// Ping the peer of a WebSocket this often, which measures the round trip and finds a peer that is gone. Default none.
    websocket_ping_interval: Option<Duration> = None;
    /// How long nothing at all may come after such a ping; then the WebSocket is closed with 1011 and ends with
    /// `idle_timeout`. Default 20 s.
    websocket_ping_timeout: Option<Duration> = Some(crate::limits::WEBSOCKET_PING_TIMEOUT);
    /// How long a WebSocket's own close waits for the peer's. Default 10 s.
    websocket_close_timeout: Duration = crate::limits::WEBSOCKET_CLOSE;
    /// Whether a WebSocket that was lost is opened again. Default no.
    websocket_reconnect: Option<WebSocketReconnect> = None;
}

/// A [`RetryDelay`], where one was given.
#[derive(Clone, Default)]
pub struct DelayOption(pub Option<RetryDelay>);

impl std::fmt::Debug for DelayOption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() {
            "Callback"
        } else {
            "Default"
        })
    }
}
