(** What options are made of. *)

(** Who runs the reactor. *)
type drive =
  | Threads of int  (** So many background threads, each with a reactor of its own. *)
  | Inline  (** The threads that are inside a call that waits: [recv], [poll], [shutdown]. *)

(** Which HTTP versions may be used. *)
type http =
  | Auto  (** HTTP/2 where TLS negotiates it, else HTTP/1.1. Clear text is HTTP/1.1. *)
  | Http_1  (** HTTP/1.1 only. *)
  | Http_2  (** HTTP/2 only; in clear text by prior knowledge. *)
  | Upgrade
      (** As [Auto], but in clear text HTTP/1.1 that asks for HTTP/2 (RFC 7540, 3.2), in requests without a body. *)

(** A version of TLS. *)
type tls_version = Tls_1_2  (** RFC 5246. *) | Tls_1_3  (** RFC 8446. *)

(** How user and password of a proxy's URL are shown to an HTTP proxy. *)
type proxy_auth =
  | Proxy_basic  (** At once and in the clear (RFC 7617). *)
  | Proxy_digest  (** By a proof that does not show the password (RFC 7616), once the proxy has asked for it. *)

(** The proxies of a manager, as [scheme://user:password@host:port]; an empty text stands for none. *)
type proxies = {
  without_tls : string;  (** For URLs without TLS. *)
  with_tls : string;  (** For URLs with it. *)
  direct : string;  (** Hosts that are connected to without a proxy, in the words of [NO_PROXY]. *)
}

(** TCP's own probes of a connection on which nothing moves. *)
type keep_alive = {
  silence : float;  (** Seconds before the first probe. *)
  interval : float;  (** Seconds from one to the next. *)
  count : int;  (** How many remain unanswered until the connection is lost. *)
}

(** The pauses before a WebSocket that was lost is opened again. *)
type pauses = {
  first : float;  (** Seconds before the first attempt; each further pause is twice as long. *)
  longest : float;  (** The longest pause, in seconds. *)
  attempts : int;  (** Attempts in a row. *)
}

(** How path parameters are written in a URL. *)
type path_style =
  | Literal  (** There are none; [:] and braces mean themselves. *)
  | Colon  (** [/users/:id]. *)
  | Curly  (** [/users/{id}]. *)

(** A field of a [multipart/form-data] body (RFC 7578). *)
type field =
  | Text_field of string * string  (** Name and text, which is sent as it is. *)
  | Bytes_field of { name : string; bytes : string; filename : string option; content_type : string option }
      (** Bytes. Where there is a filename they are a file, and the content type is by default that of its extension.
          *)
  | File_field of { name : string; path : string; filename : string option; content_type : string option }
      (** A file, read when the request is sent. The filename is by default that of the path. *)

(** The body of a request. *)
type body =
  | Bytes of string  (** These bytes. *)
  | Json of string  (** This JSON, which is not looked at; [content-type] says so unless it is given. *)
  | Form of (string * string) list  (** [application/x-www-form-urlencoded]. *)
  | Multipart of field list  (** [multipart/form-data], with a random boundary. *)
  | File of { path : string; offset : int; length : int option }
      (** [length] bytes (by default all) from [offset] of this file, read when the request is sent. *)
  | Streamed of int option
      (** Written piece by piece after the submission; its length becomes [content-length], where it is known. *)
