(** Header fields, in the order in which they are sent. Names are compared in any case. *)

type t
(** Header fields. *)

type name = string
(** A name, in lower case. *)

type value = string
(** A value. *)

val empty : t
(** None. *)

val of_list : (name * value) list -> t
(** These, in this order. *)

val of_rev_list : (name * value) list -> t
(** These, the last one first. *)

val to_list : t -> (name * value) list
(** All, in their order. *)

val to_rev_list : t -> (name * value) list
(** All, the last one first. *)

val add : t -> ?sensitive:bool -> name -> value -> t
(** One more, at the end. [sensitive] is without effect: what is compressed is decided by the name. *)

val add_unless_exists : t -> ?sensitive:bool -> name -> value -> t
(** One more, unless there is one of that name. *)

val add_list : t -> (name * value) list -> t
(** These, at the end. *)

val add_multi : t -> (name * value list) list -> t
(** These, each value with the name, at the end. *)

val remove : t -> name -> t
(** Without those of that name. *)

val replace : t -> ?sensitive:bool -> name -> value -> t
(** With this value where the first of that name was, and without its others; the same where there is none. *)

val mem : t -> name -> bool
(** Whether there is one of that name. *)

val get : t -> name -> value option
(** The last value of that name. *)

val get_exn : t -> name -> value
(** The same; raises [Not_found] where there is none. *)

val get_multi : t -> name -> value list
(** All values of that name, in their order. *)

val iter : f:(name -> value -> unit) -> t -> unit
(** Each, in their order. *)

val fold : f:(name -> value -> 'a -> 'a) -> init:'a -> t -> 'a
(** Each, in their order. *)

val to_string : t -> string
(** One line each. *)

val pp_hum : Format.formatter -> t -> unit
(** Writes {!to_string}. *)

(**/**)

val body_length : t -> [ `Error of [ `Bad_request ] | `Fixed of int64 | `Unknown ]
(** Within the library: what [content-length] says. *)
