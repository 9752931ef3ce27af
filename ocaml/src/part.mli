(** What a request delivers: the pieces of its answer, in this order: informational answers and redirects, any number;
    one head; data or frames, any number; trailers, at most once; then {!Done} or {!Error}, exactly once. {!Writable}
    may come at any time before the end. *)

type headers = (string * string) list
(** Header fields in the order of the wire, with names in lower case. A repeated name counts each time. *)

(** The head of an answer. *)
type head = {
  status : int;  (** The status code; of a WebSocket that is open 101, or over HTTP/2 200. *)
  version : int;  (** The HTTP version times ten: 10, 11 or 20. *)
  headers : headers;  (** The header fields. *)
}

(** The kind of a WebSocket message or frame. *)
type kind =
  | Text  (** A text message, in UTF-8, or its first fragment. *)
  | Binary  (** A binary message, or its first fragment. *)
  | Continuation  (** A further fragment of a message. *)
  | Close  (** A close frame. *)
  | Ping  (** A ping; when it is received it has been answered already. *)
  | Pong  (** A pong. *)

(** A WebSocket message, fragment or control frame. *)
type message = {
  kind : kind;  (** What it is. *)
  payload : string;  (** Its bytes; of a close frame the reason. *)
  code : int option;  (** The code of a close frame, where there is one. *)
  more : bool;  (** Whether fragments of the same message follow. *)
}

(** What was spoken on a connection. *)
type protocol =
  | No_protocol  (** No connection was reached. *)
  | Http_1  (** HTTP/1.1, and HTTP/1.0 answers. *)
  | Http_2  (** HTTP/2. *)
  | Websocket  (** WebSocket. *)

(** When a request passed a point, in nanoseconds from its submission; [None] where it did not pass it. *)
type timings = {
  resolved : int option;  (** The host name was resolved. *)
  connected : int option;  (** The transport connection stood. *)
  secured : int option;  (** The TLS handshake was done. *)
  acquired : int option;  (** It held a connection, new or reused. *)
  first_byte : int option;  (** The head of the answer was there. *)
  total : int option;  (** The end. *)
}

(** What the good end tells. *)
type summary = {
  protocol : protocol;  (** The protocol of the connection. *)
  connection_id : int;  (** The number of the connection, which no other of this process has. *)
  reused : bool;  (** Whether the connection had served another request before. *)
  attempts : int;  (** How often it was sent: 1, and one more for each replay, retry, redirect or challenge. *)
  received : int;  (** Bytes of the body, or of WebSocket payloads, that were received. *)
  sent : int;  (** Bytes of the body, or of WebSocket payloads, that were sent. *)
  tls : string option;  (** TLS version and cipher suite; [None] in clear text. *)
  remote_address : string option;  (** The peer's address and port; [None] for a unix socket. *)
  local_address : string option;  (** This side's address and port; [None] for a unix socket. *)
  timings : timings;  (** When it passed what. *)
}

(** A part. Kinds may be added: let pass what you do not know. *)
type t =
  | Informational of head  (** An informational (1xx) answer. *)
  | Redirect of head * string  (** A redirect that was followed, and the absolute URL that it led to. *)
  | Head of head  (** The final answer. *)
  | Data of string  (** Bytes of the body. *)
  | Trailers of headers  (** Header fields after the body. *)
  | Frame of message  (** A WebSocket message or control frame. *)
  | Reconnected of head  (** A WebSocket was lost and is open again. *)
  | Latency of int * int
      (** The answer to the ping with this number came after so many nanoseconds ({!Websocket.ping}). *)
  | Writable  (** There is room again for what was refused for want of it. *)
  | Done of summary  (** The good end. *)
  | Error of Error.t  (** The bad end. *)
  | Unknown  (** A part of a kind that a newer libtrunkline has. *)

val is_terminal : t -> bool
(** Whether it is the last part of its request. *)

val header : headers -> string -> string option
(** The first value of the field with this name, in any case. *)

val header_values : headers -> string -> string list
(** All values of the field with this name, in any case, in their order. *)

val credit : t -> int
(** Bytes that it takes of its request's credit, for {!Request.release}: of data its length, of a frame 64 more than
    its payload. *)
