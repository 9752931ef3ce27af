(** Requests of HTTP/1.1, under the names of the library [httpaf]: what an upgrade to HTTP/2 and {!Http1} take. *)

module Method = Method
module Headers = Headers

(** Versions of HTTP/1. *)
module Version : sig
  type t = { major : int; minor : int }
  (** A version. *)

  val v1_1 : t
  (** HTTP/1.1. *)

  val compare : t -> t -> int
  (** Their order. *)

  val to_string : t -> string
  (** As it is sent, [HTTP/1.1] for example. *)

  val of_string : string -> t
  (** The version of such a text. Raises [Failure] for another. *)

  val pp_hum : Format.formatter -> t -> unit
  (** Writes {!to_string}. *)
end

(** Requests of HTTP/1. *)
module Request : sig
  type t = { meth : Method.t; target : string; version : Version.t; headers : Headers.t }
  (** A request. *)

  val create : ?version:Version.t -> ?headers:Headers.t -> Method.t -> string -> t
  (** [create meth target] is a request. *)

  val body_length : t -> [ `Chunked | `Error of [ `Bad_request ] | `Fixed of int64 ]
  (** How its body is framed (RFC 9112, 6.3): in chunks where [transfer-encoding] says so, else by [content-length], else
      there is none. An error for lengths that are none or contradict each other, and for other codings in
      [transfer-encoding]. *)

  val pp_hum : Format.formatter -> t -> unit
  (** For people. *)
end
