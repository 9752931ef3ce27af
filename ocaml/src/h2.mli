(** HTTP/2 client connections that own no socket: bytes go in and out by calls, and functions of the program's are
    called from inside them. The names and types are those of the library [h2], so that a program needs only another
    module name.

    A connection is used by one thread at a time. *)

include module type of struct
  include H2_message
end

(** Bodies of requests and of answers. *)
module Body : sig
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
  (** Appends a byte. This and the next raise [Failure] after {!close_writer}. After the end of the stream they do
      nothing: the error handler was called. *)

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

  val is_closed : _ t -> bool
  (** Whether it was closed, or has ended. *)
end

(** A connection. *)
module Client_connection : sig
  type t
  (** A connection. *)

  type error =
    [ `Malformed_response of string
    | `Invalid_response_body_length of Response.t
    | `Protocol_error of Error_code.t * string
    | `Exn of exn ]
  (** The answer breaks the rules for messages; its body is not as long as it says; the protocol was broken, or the
      stream or connection ended by a code; the transport has failed, or {!report_exn} was called. *)

  type trailers_handler = Headers.t -> unit
  (** Takes the trailers of an answer, before its end. *)

  type response_handler = Response.t -> [ `read ] Body.t -> unit
  (** Takes an answer. *)

  type error_handler = error -> unit
  (** Takes what ended a connection, or one stream. *)

  val create :
    ?config:Config.t ->
    ?push_handler:(Request.t -> (response_handler, unit) result) ->
    error_handler:error_handler ->
    t
  (** A connection at its beginning. [error_handler] takes the error of the connection, if one ends it; those of
      single streams go to their own. [push_handler] is asked about each request that the server promises to answer:
      [Ok] accepts, [Error ()] refuses it by [RST_STREAM]. Without it the server must not push. An error of a pushed
      stream goes to [error_handler], for it has no other. *)

  val h2c_request :
    ?config:Config.t -> ?push:bool -> Httpaf.Request.t -> (Httpaf.Request.t, string) result
  (** The request, of which [host] is a field, with those fields that ask for an upgrade to HTTP/2: [connection],
      [upgrade] and [http2-settings]. The last tells the server of [config], and by [push] whether there will be a
      push handler; without it there will be none. *)

  val create_h2c :
    ?config:Config.t ->
    ?push_handler:(Request.t -> (response_handler, unit) result) ->
    http_request:Httpaf.Request.t ->
    error_handler:error_handler ->
    response_handler * error_handler ->
    (t, string) result
  (** A connection that was upgraded from HTTP/1.1 by a 101; what follows that is given to {!read}. [http_request], as
      {!h2c_request} has made it, is stream 1, whose answer goes to the handlers. An error tells what is wrong with
      the request: its settings are not those of [config], for example. *)

  val request :
    t ->
    ?trailers_handler:trailers_handler ->
    Request.t ->
    error_handler:error_handler ->
    response_handler:response_handler ->
    [ `write ] Body.t
  (** Sends a request, whose body is to be written and closed. Its authority is the field [:authority], else [host].
      Of a request that cannot be sent (after {!shutdown}, say) [error_handler] is told, and its body is closed. *)

  val ping : t -> ?payload:Bigstringaf.t -> ?off:int -> (unit -> unit) -> unit
  (** Sends a PING with 8 octets of [payload] from [off], by default zeroes, and has the function called when the
      server has acknowledged it. Raises [Invalid_argument] where there are no 8 octets. *)

  val shutdown : t -> unit
  (** Asks no more: sends GOAWAY with [NO_ERROR]. Streams under way go on to their ends; then the connection closes.
      *)

  val next_read_operation : t -> [> `Read | `Close ]
  (** What to do with the side of the transport that is read. *)

  val read : t -> Bigstringaf.t -> off:int -> len:int -> int
  (** Takes in what was read, calls the functions that are due, and tells how many bytes were taken: all, unless what
      is to be written has waited for long, or the connection has ended. Raises what these functions raise, and
      [Invalid_argument] for a range that is not in the buffer. *)

  val read_eof : t -> Bigstringaf.t -> off:int -> len:int -> int
  (** Takes in the last that was read: nothing follows. Streams that are not complete fail. *)

  val next_write_operation : t -> [ `Write of Bigstringaf.t IOVec.t list | `Yield | `Close of int ]
  (** What to do with the side of the transport that is written: write these bytes, which are valid until
      {!report_write_result}; wait; or close it, where the number tells how many bytes were never written. *)

  val report_write_result : t -> [ `Ok of int | `Closed ] -> unit
  (** Tells how many bytes were written, or that none ever can be. Raises [Invalid_argument] for more than there were.
      *)

  val yield_writer : t -> (unit -> unit) -> unit
  (** Has a function called, once, when there is something to write: at once, if there is. *)

  val yield_reader : t -> (unit -> unit) -> unit
  (** Calls the function: a connection can always be read. *)

  val report_exn : t -> exn -> unit
  (** The program has failed at something that this connection needs. The error handlers are told, that of the
      connection first, and the peer by GOAWAY. *)

  val is_closed : t -> bool
  (** Whether nothing more will be read and nothing written. *)
end
