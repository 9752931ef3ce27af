(** The client's side of WebSockets that own no socket: bytes go in and out by calls, and functions of the program's
    are called from inside them. Pings are answered, and so is the peer's close (RFC 6455).

    A connection is used by one thread at a time. *)

(** The opening handshake (RFC 6455, 4.1), which the program does by itself, or with {!Http1}. *)
module Handshake : sig
  type t
  (** A handshake. *)

  val create : ?deflate:bool -> ?headers:Headers.t -> unit -> (t, Error.t) result
  (** One with fields of the program's, such as [sec-websocket-protocol], and with an offer of compression (RFC 7692)
      where [deflate] is set; the default is not. {!Error.Invalid_header}. *)

  val headers : t -> (Headers.t, Error.t) result
  (** All fields that the GET has to have, but [host]. *)

  val check : t -> Response.t -> (unit, Error.t) result
  (** Checks the answer. {!Error.Websocket_rejected} for another status than 101, {!Error.Websocket_handshake} for an
      answer that is not valid. *)
end

(** What a WebSocket accepts. *)
module Config : sig
  type t = {
    max_frame_bytes : int;  (** Bytes of a frame that is received: 16777216. *)
    max_message_bytes : int;  (** Bytes of a message that is received, once decompressed: 67108864. *)
    send_buffer : int;
        (** Bytes that are queued for sending: 1048576. A message that is larger is taken when nothing else is
            queued. *)
    frames : bool;  (** Whether data frames are handed over as they came, and not as messages: no. *)
  }

  val default : t
  (** Each as told. *)
end

type t
(** A WebSocket. *)

val create :
  ?config:Config.t ->
  ?handshake:Handshake.t ->
  message_handler:(Part.message -> unit) ->
  close_handler:((int option, Error.t) result -> unit) ->
  unit ->
  (t, Error.t) result
(** A WebSocket whose handshake is done: what followed the 101 is given to {!read}. [handshake] has checked the
    answer; without it there is no compression, and the program has checked. [message_handler] takes each message
    and control frame. [close_handler] is called once, last: with the code of the peer's close, if it had one, or
    with what went wrong. {!Error.Invalid_state} for a handshake that has not checked, or refused. *)

val send : t -> Part.message -> (unit, Error.t) result
(** Queues a message, a fragment or a control frame, made by {!Websocket.text} for example. A close begins the
    closing handshake. {!Error.Again} while the queue is full: see {!on_room}. {!Error.Invalid_argument} for what
    may not be sent, {!Error.Invalid_state} after a close and at the end. *)

val on_room : t -> (unit -> unit) -> unit
(** Has a function called, once, when there is room after {!Error.Again}; the one before is let go. *)

(** {2 The transport} *)

val next_read_operation : t -> [> `Read | `Close ]
(** What to do with the side of the transport that is read. *)

val read : t -> Bigstringaf.t -> off:int -> len:int -> int
(** Takes in what was read, calls the functions that are due, and tells how many bytes were taken: all, unless what
    is to be written has waited for long, or the WebSocket has ended. Raises what these functions raise, and
    [Invalid_argument] for a range that is not in the buffer. *)

val read_eof : t -> Bigstringaf.t -> off:int -> len:int -> int
(** Takes in the last that was read: nothing follows. *)

val next_write_operation : t -> [ `Write of Bigstringaf.t Iovec.t list | `Yield | `Close of int ]
(** What to do with the side of the transport that is written: write these bytes, which are valid until
    {!report_write_result}; wait; or close it, where the number tells how many bytes were never written. *)

val report_write_result : t -> [ `Ok of int | `Closed ] -> unit
(** Tells how many bytes were written, or that none ever can be. Raises [Invalid_argument] for more than there
    were. *)

val yield_writer : t -> (unit -> unit) -> unit
(** Has a function called, once, when there is something to write: at once, if there is. *)

val yield_reader : t -> (unit -> unit) -> unit
(** Calls the function: a WebSocket can always be read. *)

val report_exn : t -> exn -> unit
(** The program has failed at something that this WebSocket needs: the close handler is told, and the transport is
    to be closed. *)

val is_closed : t -> bool
(** Whether nothing more will be read and nothing written. *)
