(** The cookies of a user, which managers may share. A jar is used where cookies are switched on. *)

type t
(** A jar. *)

val create : unit -> (t, Error.t) result
(** An empty jar. *)

val load : t -> string -> (int, Error.t) result
(** Adds the cookies of a file in the format of Netscape, curl and browsers; tells how many were taken. It reads a
    file. {!Error.Io} where that cannot be read, {!Error.Invalid_argument} where it is malformed; then the jar is as
    before. *)

val save : t -> string -> (unit, Error.t) result
(** Writes all cookies to a file in that format, which is replaced as a whole and which only its owner may read.
    {!Error.Io} where it cannot be written; then a file that was there is as before. *)

val set : t -> url:string -> string -> (unit, Error.t) result
(** Takes one cookie as if [url] had sent it, for example ["theme=dark; Path=/; Max-Age=3600"]. {!Error.Invalid_url};
    {!Error.Invalid_argument} for a cookie that this URL could not set. *)

val clear : t -> (unit, Error.t) result
(** Removes all cookies. *)

val count : t -> (int, Error.t) result
(** How many cookies there are whose time is not over. *)

(**/**)

val to_native : t -> Native.cookie_jar
(** Within the library. *)
