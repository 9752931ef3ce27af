(** Text of any charset to UTF-8, in pieces of any size. What is malformed becomes U+FFFD. Another thread that uses
    the same one at the same time is answered {!Error.Busy}. *)

type t
(** A decoder. *)

val create : ?label:string -> unit -> (t, Error.t) result
(** One of the charset with this label of the WHATWG Encoding standard, [iso-8859-1] for example; of UTF-8 where it
    is none of them, and by default. A byte order mark goes before it. *)

val of_content_type : string -> (t, Error.t) result
(** The same with the charset that this value of the field [content-type] names. *)

val decode : t -> string -> (string, Error.t) result
(** The text of the next piece. A character that is cut waits for its rest. *)

val finish : t -> (string, Error.t) result
(** Says that nothing follows: a character that is still cut becomes U+FFFD. *)

val encoding : t -> (string, Error.t) result
(** The standard's name of the encoding, [windows-1252] for example. A byte order mark may change it with the first
    bytes. *)
