(** HTTP/1.1 client connections that own no socket: bytes go in and out by calls, as with {!H2}. One exchange is under
    way at a time; others wait for their turn.

    A connection is used by one thread at a time. *)

module Method = Method
module Status = Status
module Headers = Headers
module Response = Response
module IOVec = Iovec
module Body = Body
module Version = Httpaf.Version
module Request = Httpaf.Request
module Error_code = H2_message.Error_code

(** What a connection is made with. *)
module Config : sig
  type t = {
    max_headers : int;  (** Fields that an answer may have: 100. *)
    max_header_bytes : int;  (** Bytes of the head of an answer, 8192 at least: 65536. *)
  }

  val default : t
  (** Each as told. *)
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
  (** Those of {!H2}. The answer is no HTTP/1.1; the transport has ended before all of a body came whose length was
      told; it has failed or ended too early in another place, or {!report_exn} was called. *)

  type trailers_handler = Headers.t -> unit
  (** Takes the trailers of an answer, before its end. *)

  type response_handler = Response.t -> [ `read ] Body.t -> unit
  (** Takes an answer. *)

  type error_handler = error -> unit
  (** Takes what ended a connection, or one exchange. *)

  val create : ?config:Config.t -> error_handler:error_handler -> unit -> (t, Error.t) result
  (** A connection at its beginning. [error_handler] takes the error of the connection, if one ends it; those of its
      exchanges are told too. {!Error.Invalid_argument} for a [config] that is not allowed. *)

  val request :
    t ->
    ?trailers_handler:trailers_handler ->
    ?informational_handler:(Response.t -> unit) ->
    ?upgrade_handler:(Response.t -> string -> unit) ->
    Request.t ->
    error_handler:error_handler ->
    response_handler:response_handler ->
    [ `write ] Body.t
  (** Sends a request, of which [host] is a field and [target] the path and query; a [`CONNECT] has the authority as
      target. It has a body to be written and closed where {!Httpaf.Request.body_length} tells of one, else the body
      is closed.

      [informational_handler] takes answers of 1xx. [upgrade_handler] takes the 101, or the answer to a [`CONNECT]
      that succeeds, with the bytes that came behind it; what {!read} does not take then comes after these, and
      nothing more is told of the exchange. Without it a 101 is an error.

      {!Body.cancel} gives the request up, before its answer too. One that is under way takes the connection with it;
      one that waits for its turn is taken out.

      Of a request that cannot be sent (after {!shutdown}, say) [error_handler] is told, and its body is closed. *)

  val shutdown : t -> unit
  (** Asks no more: the connection closes when the requests that were made have their answers. *)

  val next_read_operation : t -> [> `Read | `Close ]
  (** What to do with the side of the transport that is read. *)

  val read : t -> Bigstringaf.t -> off:int -> len:int -> int
  (** Takes in what was read, calls the functions that are due, and tells how many bytes were taken: all, unless
      what is to be written has waited for long, or the connection has ended or was upgraded. Raises what these
      functions raise, and [Invalid_argument] for a range that is not in the buffer. *)

  val read_eof : t -> Bigstringaf.t -> off:int -> len:int -> int
  (** Takes in the last that was read: nothing follows. That completes an answer whose length nothing else tells;
      others fail. *)

  val next_write_operation : t -> [ `Write of Bigstringaf.t IOVec.t list | `Yield | `Close of int ]
  (** What to do with the side of the transport that is written: write these bytes, which are valid until
      {!report_write_result}; wait; or close it, where the number tells how many bytes were never written. *)

  val report_write_result : t -> [ `Ok of int | `Closed ] -> unit
  (** Tells how many bytes were written, or that none ever can be. Raises [Invalid_argument] for more than there
      were. *)

  val yield_writer : t -> (unit -> unit) -> unit
  (** Has a function called, once, when there is something to write: at once, if there is. *)

  val yield_reader : t -> (unit -> unit) -> unit
  (** Calls the function: a connection can always be read. *)

  val report_exn : t -> exn -> unit
  (** The program has failed at something that this connection needs. The error handlers are told, that of the
      connection first. *)

  val is_closed : t -> bool
  (** Whether nothing more will be read and nothing written. *)
end
