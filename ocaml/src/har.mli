(** A record of exchanges as an HTTP archive (HAR 1.2), which the tools of browsers open. *)

type t
(** A record. It keeps the last 1000 exchanges, 64 KiB of each body and 64 MiB in all. *)

val create : ?credentials:bool -> unit -> (t, Error.t) result
(** An empty record. Unless [credentials] are wanted they are written as [[masked]]. *)

val set_recording : t -> bool -> (unit, Error.t) result
(** Whether exchanges are recorded that begin from now on. The default is yes. *)

val json : t -> (string, Error.t) result
(** The archive. *)

val save : t -> string -> (unit, Error.t) result
(** Writes the archive to a file. One that is new only its owner may read. {!Error.Io} where it cannot be written. *)

val clear : t -> (unit, Error.t) result
(** Forgets every exchange. *)

(**/**)

val to_native : t -> Native.har
(** Within the library. *)
