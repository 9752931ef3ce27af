(** Bodies of requests and of answers, on connections without a socket. *)

type 'rw t
(** A body, to be read or to be written. *)

val schedule_read :
  [ `read ] t -> on_eof:(unit -> unit) -> on_read:(Bigstringaf.t -> off:int -> len:int -> unit) -> unit
(** Has one of the two called once: [on_read] with the next bytes, which belong to the program, or [on_eof] at the
    complete end. Where the answer breaks off the error handler of its request is called, and neither of these.
    While no read is scheduled the stream's window closes. *)

val close_reader : [ `read ] t -> unit
(** What still comes is dropped. *)

val write_char : [ `write ] t -> char -> unit
(** Appends a byte. This and the next raise [Failure] after {!close_writer}. Where the stream has ended they do nothing,
    and {!is_closed} tells so; after an answer it goes on, unless the server has reset it. *)

val write_string : [ `write ] t -> ?off:int -> ?len:int -> string -> unit
(** Appends text, or a range of it. Raises [Invalid_argument] for a range that it has not. *)

val write_bigstring : [ `write ] t -> ?off:int -> ?len:int -> Bigstringaf.t -> unit
(** Appends bytes, or a range of them. *)

val schedule_bigstring : [ `write ] t -> ?off:int -> ?len:int -> Bigstringaf.t -> unit
(** The same; they are copied all the same. *)

val flush : [ `write ] t -> (unit -> unit) -> unit
(** Has a function called when all that was written until now has gone to the transport. Where it never will it is
    not called. *)

val room : [ `write ] t -> int
(** Bytes that can be written before more are held than 256 KiB: all is taken, and what the peer's window does not
    let go is held. *)

val on_room : [ `write ] t -> (unit -> unit) -> unit
(** Has a function called, once, when there is room; the one before is let go. *)

val close_writer : [ `write ] t -> unit
(** Ends the body, after all that was written. *)

val cancel : ?code:H2_message.Error_code.t -> _ t -> unit
(** Gives up the exchange that the body belongs to, request and answer, before its head too: none of its functions is
    called any more. HTTP/2 resets the stream by [code], by default [Cancel]. HTTP/1.1 ends the connection, or takes a
    request out that waits for its turn. Where the exchange is over this does nothing. *)

val is_closed : _ t -> bool
(** Whether it was closed, or has ended: for the body of a request, whether nothing more of it is sent. *)

(** Bodies of answers, under the names of later versions of the library [h2]. *)
module Reader : sig
  type nonrec t = [ `read ] t
  (** A body that is read. *)

  val schedule_read : t -> on_eof:(unit -> unit) -> on_read:(Bigstringaf.t -> off:int -> len:int -> unit) -> unit
  (** {!val:schedule_read}. *)

  val close : t -> unit
  (** {!close_reader}. *)

  val cancel : ?code:H2_message.Error_code.t -> t -> unit
  (** {!val:cancel}. *)

  val is_closed : t -> bool
  (** {!val:is_closed}. *)
end

(** Bodies of requests, under the names of later versions of the library [h2]. *)
module Writer : sig
  type nonrec t = [ `write ] t
  (** A body that is written. *)

  val write_char : t -> char -> unit
  (** {!val:write_char}. *)

  val write_string : t -> ?off:int -> ?len:int -> string -> unit
  (** {!val:write_string}. *)

  val write_bigstring : t -> ?off:int -> ?len:int -> Bigstringaf.t -> unit
  (** {!val:write_bigstring}. *)

  val schedule_bigstring : t -> ?off:int -> ?len:int -> Bigstringaf.t -> unit
  (** {!val:schedule_bigstring}. *)

  val flush : t -> (unit -> unit) -> unit
  (** {!val:flush}. *)

  val room : t -> int
  (** {!val:room}. *)

  val on_room : t -> (unit -> unit) -> unit
  (** {!val:on_room}. *)

  val close : t -> unit
  (** {!close_writer}. *)

  val cancel : ?code:H2_message.Error_code.t -> t -> unit
  (** {!val:cancel}. *)

  val is_closed : t -> bool
  (** {!val:is_closed}. *)
end

(**/**)

val reader : Driven.exchange -> [ `read ] t
(** Within the library. *)

val writer : Driven.exchange -> [ `write ] t
(** Within the library. *)
