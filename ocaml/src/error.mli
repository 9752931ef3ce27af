(** Why something failed. *)

(** What kind of failure it is: the same table in every language, with its advice in [docs/errors.md]. *)
type code =
  | Invalid_argument  (** An argument is outside what the call accepts. *)
  | Invalid_url  (** The URL cannot be parsed, or its scheme is not served. *)
  | Invalid_header  (** A header name or value holds a byte that HTTP does not allow. *)
  | Null_pointer  (** A required pointer was NULL. *)
  | Invalid_handle  (** The handle is not, or no longer, a live handle of this kind. *)
  | Invalid_state  (** The call does not fit the state of the request. *)
  | Again  (** Nothing could be taken or given right now; try again when told so. *)
  | Busy  (** The call is already running, on this thread or another. *)
  | Forked  (** The handle belongs to the process that this one was forked from. *)
  | Unsupported  (** This build or platform does not offer the function. *)
  | Closed  (** The manager has been shut down. *)
  | Panic  (** A bug inside the library was caught at its boundary. *)
  | End_of_parts  (** The request has already delivered its terminal part. *)
  | Io  (** A file or descriptor of the caller failed. *)
  | Timeout  (** The call's own time ran out; nothing is lost and it may be called again. *)
  | Cancelled  (** The request was cancelled by its owner. *)
  | Shutdown  (** The manager was shut down before the request ended. *)
  | Pool_timeout  (** No connection became free in time. *)
  | Resolve_timeout  (** The host name was not resolved in time. *)
  | Connect_timeout  (** The connection was not established in time. *)
  | Tls_timeout  (** The TLS handshake did not finish in time. *)
  | Write_timeout  (** The peer did not take the request in time. *)
  | First_byte_timeout  (** The answer did not begin in time. *)
  | Idle_timeout  (** The answer stood still for too long. *)
  | Total_timeout  (** The request took longer than allowed in all. *)
  | Resolve_failed  (** The host name has no address. *)
  | Connect_failed  (** The connection was refused or the peer is unreachable. *)
  | Tls_failed  (** The TLS handshake failed. *)
  | Tls_certificate  (** The peer's certificate was not accepted. *)
  | Protocol_not_negotiated  (** The peer does not speak the protocol that was asked for. *)
  | Proxy_failed  (** The proxy refused the connection or its answer is not valid. *)
  | Proxy_authentication  (** The proxy asks for other credentials. *)
  | Connection_closed  (** The peer closed the connection before the answer was complete. *)
  | Connection_reset  (** The connection was reset or failed while in use. *)
  | Http1_malformed  (** The peer's answer is not valid HTTP/1.1. *)
  | Header_too_large  (** The head or trailers of the answer exceed their limit. *)
  | Body_too_large  (** The body of the answer exceeds its limit. *)
  | Http2_protocol  (** The peer broke the HTTP/2 protocol. *)
  | Http2_stream_reset  (** The peer reset this HTTP/2 stream. *)
  | Http2_goaway  (** The peer is closing the HTTP/2 connection and did not process the request. *)
  | Websocket_rejected  (** The peer answered the WebSocket upgrade with another status than 101. *)
  | Websocket_handshake  (** The peer's WebSocket handshake is not valid. *)
  | Websocket_protocol  (** The peer broke the WebSocket protocol. *)
  | Websocket_invalid_utf8  (** A WebSocket text message is not valid UTF-8. *)
  | Websocket_too_large  (** A WebSocket frame or message exceeds its limit. *)
  | Too_many_redirects  (** The answer leads on more often than is allowed. *)
  | Redirect_refused  (** A redirect leads where it must not be followed, or needs a body that is gone. *)
  | Http_status  (** The status of the answer is an error, and the request asked for an error then. *)
  | Upload_failed  (** The caller's source of the request body gave up. *)
  | Decode_failed  (** The body does not follow its content-encoding. *)
  | Decoded_too_large  (** The decoded body exceeds its limit, or its ratio to what was sent. *)
  | Other of int  (** A number that a newer libtrunkline has. *)

(** A step of a request's life. *)
type phase =
  | Pool  (** Waiting for a connection or stream of the pool. *)
  | Resolve  (** Resolving the host name. *)
  | Connect  (** Establishing the transport connection. *)
  | Tls  (** The TLS handshake, and the handshake of the protocol after it. *)
  | Write  (** Sending the request. *)
  | First_byte  (** Waiting for the head of the answer. *)
  | Receive  (** Receiving the answer. *)

(** A failure. *)
type t = {
  code : code;  (** What kind of failure. *)
  message : string;  (** What was wrong, and where. *)
  phase : phase option;  (** Where a request was when it failed; [None] for a call that failed. *)
  peer_code : int option;  (** The code of the peer's HTTP/2 [RST_STREAM] or [GOAWAY] frame. *)
}

val name : code -> string
(** The name of a code in every language, for example ["connect_timeout"]; empty for a number that is none. *)

val description : code -> string
(** One sentence that says what a code means; empty for a number that is none. *)

val to_int : code -> int
(** The number of a code. *)

val of_int : int -> code
(** The code of a number. *)

val to_string : t -> string
(** Name, phase and message, to be shown to people. *)

val pp : Format.formatter -> t -> unit
(** Writes {!to_string}. *)
