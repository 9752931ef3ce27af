(** What HTTP/2 messages are made of: the plain types of {!H2}, under the names and with the constructors of the
    library [h2]. *)

(** Methods of requests. *)
module Method : sig
  type standard = [ `GET | `HEAD | `POST | `PUT | `DELETE | `CONNECT | `OPTIONS | `TRACE ]
  (** Those of RFC 9110, 9.3. *)

  type t = [ standard | `Other of string ]
  (** A method. *)

  val to_string : t -> string
  (** As it is sent. *)

  val of_string : string -> t
  (** The method of a text. *)

  val pp_hum : Format.formatter -> t -> unit
  (** Writes {!to_string}. *)
end

(** Status codes of answers. *)
module Status : sig
  type informational = [ `Continue | `Switching_protocols ]
  (** 1xx. *)

  type successful =
    [ `OK | `Created | `Accepted | `Non_authoritative_information | `No_content | `Reset_content | `Partial_content ]
  (** 2xx. *)

  type redirection =
    [ `Multiple_choices
    | `Moved_permanently
    | `Found
    | `See_other
    | `Not_modified
    | `Use_proxy
    | `Temporary_redirect ]
  (** 3xx. *)

  type client_error =
    [ `Bad_request
    | `Unauthorized
    | `Payment_required
    | `Forbidden
    | `Not_found
    | `Method_not_allowed
    | `Not_acceptable
    | `Proxy_authentication_required
    | `Request_timeout
    | `Conflict
    | `Gone
    | `Length_required
    | `Precondition_failed
    | `Payload_too_large
    | `Uri_too_long
    | `Unsupported_media_type
    | `Range_not_satisfiable
    | `Expectation_failed
    | `Misdirected_request
    | `Upgrade_required
    | `I_m_a_teapot
    | `Enhance_your_calm ]
  (** 4xx. *)

  type server_error =
    [ `Internal_server_error
    | `Not_implemented
    | `Bad_gateway
    | `Service_unavailable
    | `Gateway_timeout
    | `Http_version_not_supported ]
  (** 5xx. *)

  type standard = [ informational | successful | redirection | client_error | server_error ]
  (** Those that have a name. *)

  type t = [ standard | `Code of int ]
  (** A status. *)

  val to_code : t -> int
  (** Its number. *)

  val of_code : int -> t
  (** The status of a number. *)

  val to_string : t -> string
  (** Its number as text. *)

  val is_informational : t -> bool
  (** 1xx. *)

  val is_successful : t -> bool
  (** 2xx. *)

  val is_redirection : t -> bool
  (** 3xx. *)

  val is_client_error : t -> bool
  (** 4xx. *)

  val is_server_error : t -> bool
  (** 5xx. *)

  val is_error : t -> bool
  (** 4xx or 5xx. *)

  val pp_hum : Format.formatter -> t -> unit
  (** Writes {!to_string}. *)
end

(** Header fields, in the order in which they are sent. Names are compared in any case. *)
module Headers : sig
  type t
  (** Header fields. *)

  type name = string
  (** A name, in lower case. *)

  type value = string
  (** A value. *)

  val empty : t
  (** None. *)

  val of_list : (name * value) list -> t
  (** These, in this order. *)

  val of_rev_list : (name * value) list -> t
  (** These, the last one first. *)

  val to_list : t -> (name * value) list
  (** All, in their order. *)

  val to_rev_list : t -> (name * value) list
  (** All, the last one first. *)

  val add : t -> ?sensitive:bool -> name -> value -> t
  (** One more, at the end. [sensitive] is without effect: what is compressed is decided by the name. *)

  val add_unless_exists : t -> ?sensitive:bool -> name -> value -> t
  (** One more, unless there is one of that name. *)

  val add_list : t -> (name * value) list -> t
  (** These, at the end. *)

  val add_multi : t -> (name * value list) list -> t
  (** These, each value with the name, at the end. *)

  val remove : t -> name -> t
  (** Without those of that name. *)

  val replace : t -> ?sensitive:bool -> name -> value -> t
  (** With this value where the first of that name was, and without its others; the same where there is none. *)

  val mem : t -> name -> bool
  (** Whether there is one of that name. *)

  val get : t -> name -> value option
  (** The last value of that name. *)

  val get_exn : t -> name -> value
  (** The same; raises [Not_found] where there is none. *)

  val get_multi : t -> name -> value list
  (** All values of that name, in their order. *)

  val iter : f:(name -> value -> unit) -> t -> unit
  (** Each, in their order. *)

  val fold : f:(name -> value -> 'a -> 'a) -> init:'a -> t -> 'a
  (** Each, in their order. *)

  val to_string : t -> string
  (** One line each. *)

  val pp_hum : Format.formatter -> t -> unit
  (** Writes {!to_string}. *)
end

(** Requests. *)
module Request : sig
  type t = { meth : Method.t; target : string; scheme : string; headers : Headers.t }
  (** Method, path and query, scheme, and fields, among them the authority as [:authority]. *)

  val create : ?headers:Headers.t -> scheme:string -> Method.t -> string -> t
  (** [create ~scheme meth target] is a request. *)

  val pp_hum : Format.formatter -> t -> unit
  (** For people. *)
end

(** Answers. *)
module Response : sig
  type t = { status : Status.t; headers : Headers.t }
  (** Status and fields. *)

  val create : ?headers:Headers.t -> Status.t -> t
  (** An answer. *)

  val pp_hum : Format.formatter -> t -> unit
  (** For people. *)
end

(** A range of bytes. *)
module IOVec : sig
  type 'a t = { buffer : 'a; off : int; len : int }
  (** [len] bytes of [buffer] from [off]. *)

  val length : _ t -> int
  (** Its length. *)

  val lengthv : _ t list -> int
  (** The length of several. *)

  val shift : 'a t -> int -> 'a t
  (** Without its first bytes. Raises [Invalid_argument] where it has not so many. *)

  val shiftv : 'a t list -> int -> 'a t list
  (** Several without their first bytes. Raises [Invalid_argument] where they have not so many. *)
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
end

(** The types of HTTP/1.1 that an upgrade needs, as the library [httpaf] has them. *)
module Httpaf : sig
  module Method = Method
  module Headers = Headers

  (** Versions of HTTP/1. *)
  module Version : sig
    type t = { major : int; minor : int }
    (** A version. *)

    val v1_1 : t
    (** HTTP/1.1. *)
  end

  (** Requests of HTTP/1. *)
  module Request : sig
    type t = { meth : Method.t; target : string; version : Version.t; headers : Headers.t }
    (** A request. *)

    val create : ?version:Version.t -> ?headers:Headers.t -> Method.t -> string -> t
    (** [create meth target] is a request. *)
  end
end
