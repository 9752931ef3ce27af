(** Methods of requests. *)

type standard = [ `GET | `HEAD | `POST | `PUT | `DELETE | `CONNECT | `OPTIONS | `TRACE ]
(** Those of RFC 9110, 9.3. *)

type t = [ standard | `Other of string ]
(** A method. *)

val is_safe : standard -> bool
(** Whether it only reads (RFC 9110, 9.2.1). *)

val is_cacheable : standard -> bool
(** Whether answers to it may be kept (RFC 9110, 9.2.3). *)

val is_idempotent : standard -> bool
(** Whether asking twice is as asking once (RFC 9110, 9.2.2). *)

val to_string : t -> string
(** As it is sent. *)

val of_string : string -> t
(** The method of a text. *)

val pp_hum : Format.formatter -> t -> unit
(** Writes {!to_string}. *)
