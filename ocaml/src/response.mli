(** Answers. *)

type t = { status : Status.t; headers : Headers.t }
(** Status and fields. *)

val create : ?headers:Headers.t -> Status.t -> t
(** An answer. *)

val body_length : t -> [ `Error of [ `Bad_request ] | `Fixed of int64 | `Unknown ]
(** How long its body is: what [content-length] says, 0 for a status without content (RFC 9110, 6.4.1), an error for
    lengths that are none or contradict each other. The answer to a [`HEAD] has none, whatever this tells. *)

val pp_hum : Format.formatter -> t -> unit
(** For people. *)
