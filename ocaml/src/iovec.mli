(** A range of bytes. *)

type 'a t = { buffer : 'a; off : int; len : int }
(** [len] bytes of [buffer] from [off]. *)

val length : _ t -> int
(** Its length. *)

val lengthv : _ t list -> int
(** The length of several. *)

val pp_hum : Format.formatter -> _ t -> unit
(** Writes offset and length. *)

val shift : 'a t -> int -> 'a t
(** Without its first bytes. Raises [Invalid_argument] where it has not so many. *)

val shiftv : 'a t list -> int -> 'a t list
(** Several without their first bytes. Raises [Invalid_argument] where they have not so many. *)
