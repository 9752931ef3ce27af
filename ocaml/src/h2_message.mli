(** What HTTP/2 messages are made of: the plain types of {!H2}, under the names and with the constructors of the
    library [h2]. *)

module Method = Method
module Status = Status
module Headers = Headers
module Response = Response
module IOVec = Iovec
module Settings = H2_settings

(** Requests. *)
module Request : sig
  type t = { meth : Method.t; target : string; scheme : string; headers : Headers.t }
  (** Method, path and query, scheme, and fields, among them the authority as [:authority]. *)

  val create : ?headers:Headers.t -> scheme:string -> Method.t -> string -> t
  (** [create ~scheme meth target] is a request. *)

  val body_length : t -> [ `Error of [ `Bad_request ] | `Fixed of int64 | `Unknown ]
  (** How long its body is: what [content-length] says, and an error for lengths that are none or contradict each
      other. *)

  val pp_hum : Format.formatter -> t -> unit
  (** For people. *)
end

(** The codes of [RST_STREAM] and [GOAWAY] (RFC 9113, 7). *)
module Error_code : sig
  type t =
    | NoError  (** 0. *)
    | ProtocolError  (** 1. *)
    | InternalError  (** 2. *)
    | FlowControlError  (** 3. *)
    | SettingsTimeout  (** 4. *)
    | StreamClosed  (** 5. *)
    | FrameSizeError  (** 6. *)
    | RefusedStream  (** 7. *)
    | Cancel  (** 8. *)
    | CompressionError  (** 9. *)
    | ConnectError  (** 10. *)
    | EnhanceYourCalm  (** 11. *)
    | InadequateSecurity  (** 12. *)
    | HTTP_1_1_Required  (** 13. *)
    | UnknownError_code of int32  (** Any other. *)

  val of_int : int -> t
  (** The code of a number. *)

  val to_int : t -> int
  (** Its number. *)

  val to_string : t -> string
  (** Its name in the RFC, or its number. *)

  val pp_hum : Format.formatter -> t -> unit
  (** Writes {!to_string}. *)
end

(** What a connection is made with. *)
module Config : sig
  type t = {
    read_buffer_size : int;  (** The longest payload of a frame that is taken, in bytes: 16384. *)
    request_body_buffer_size : int;  (** Bytes of a body that are handed on ahead of the transport: 262144. *)
    response_body_buffer_size : int;  (** Without effect: a piece of an answer is given as it came. 4096. *)
    enable_server_push : bool;  (** Whether the server may push, where there is a push handler: yes. *)
    max_concurrent_streams : int32;  (** Pushed streams that may be open at once: 100. *)
    initial_window_size : int32;  (** The window of each stream, in bytes: 2097152. *)
  }

  val default : t
  (** Each as told. *)

  val to_settings : t -> Settings.t
  (** What a connection that is made with it, and with a push handler, tells the server. *)
end

module Httpaf = Httpaf
