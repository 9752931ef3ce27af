(** HTTP/2 client connections that own no socket: bytes go in and out by calls, and functions of the program's are
    called from inside them. The names and types are those of the library [h2], so that a program needs only another
    module name.

    A connection is used by one thread at a time. *)

include module type of struct
  include H2_message
end

module Body = Body

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

  val upgraded_request : t -> [ `write ] Body.t option
  (** Of a connection that {!create_h2c} has made, the body of the request that asked for the upgrade: it is closed, and
      serves to give the request up by {!Body.cancel}. *)

  val request :
    t ->
    ?trailers_handler:trailers_handler ->
    Request.t ->
    error_handler:error_handler ->
    response_handler:response_handler ->
    [ `write ] Body.t
  (** Sends a request, whose body is to be written and closed. Its authority is the field [:authority], else [host].
      {!Body.cancel} gives the request up, before its answer too.

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
