(* The modules of H2 have the interface that code for the library h2 is written against. It is checked by compiling. *)

open Trunkline.H2

module type METHOD = sig
  type standard = [ `GET | `HEAD | `POST | `PUT | `DELETE | `CONNECT | `OPTIONS | `TRACE ]
  type t = [ standard | `Other of string ]

  val is_safe : standard -> bool
  val is_cacheable : standard -> bool
  val is_idempotent : standard -> bool
  val to_string : t -> string
  val of_string : string -> t
  val pp_hum : Format.formatter -> t -> unit
end

module type STATUS = sig
  type informational = [ `Continue ]
  type successful =
    [ `OK | `Created | `Accepted | `Non_authoritative_information | `No_content | `Reset_content | `Partial_content ]

  type redirection =
    [ `Multiple_choices
    | `Moved_permanently
    | `Found
    | `See_other
    | `Not_modified
    | `Use_proxy
    | `Temporary_redirect ]

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
    | `Upgrade_required
    | `I_m_a_teapot
    | `Enhance_your_calm
    | `Misdirected_request ]

  type server_error =
    [ `Internal_server_error
    | `Not_implemented
    | `Bad_gateway
    | `Service_unavailable
    | `Gateway_timeout
    | `Http_version_not_supported ]

  type standard = [ informational | successful | redirection | client_error | server_error ]
  type t = [ standard | `Code of int ]

  val default_reason_phrase : standard -> string
  val to_code : t -> int
  val of_code : int -> t
  val unsafe_of_code : int -> t
  val is_informational : t -> bool
  val is_successful : t -> bool
  val is_redirection : t -> bool
  val is_client_error : t -> bool
  val is_server_error : t -> bool
  val is_error : t -> bool
  val to_string : t -> string
  val of_string : string -> t
  val pp_hum : Format.formatter -> t -> unit
end

module type HEADERS = sig
  type t
  type name = string
  type value = string

  val empty : t
  val of_list : (name * value) list -> t
  val of_rev_list : (name * value) list -> t
  val to_list : t -> (name * value) list
  val to_rev_list : t -> (name * value) list
  val add : t -> ?sensitive:bool -> name -> value -> t
  val add_unless_exists : t -> ?sensitive:bool -> name -> value -> t
  val add_list : t -> (name * value) list -> t
  val add_multi : t -> (name * value list) list -> t
  val remove : t -> name -> t
  val replace : t -> ?sensitive:bool -> name -> value -> t
  val mem : t -> name -> bool
  val get : t -> name -> value option
  val get_exn : t -> name -> value
  val get_multi : t -> name -> value list
  val iter : f:(name -> value -> unit) -> t -> unit
  val fold : f:(name -> value -> 'a -> 'a) -> init:'a -> t -> 'a
  val to_string : t -> string
  val pp_hum : Format.formatter -> t -> unit
end

module type BODY = sig
  type 'rw t

  val schedule_read :
    [ `read ] t -> on_eof:(unit -> unit) -> on_read:(Bigstringaf.t -> off:int -> len:int -> unit) -> unit

  val write_char : [ `write ] t -> char -> unit
  val write_string : [ `write ] t -> ?off:int -> ?len:int -> string -> unit
  val write_bigstring : [ `write ] t -> ?off:int -> ?len:int -> Bigstringaf.t -> unit
  val schedule_bigstring : [ `write ] t -> ?off:int -> ?len:int -> Bigstringaf.t -> unit
  val flush : [ `write ] t -> (unit -> unit) -> unit
  val close_reader : [ `read ] t -> unit
  val close_writer : [ `write ] t -> unit
  val is_closed : _ t -> bool

  (* As later versions have them. *)
  module Reader : sig
    type nonrec t = [ `read ] t

    val schedule_read : t -> on_eof:(unit -> unit) -> on_read:(Bigstringaf.t -> off:int -> len:int -> unit) -> unit
    val close : t -> unit
    val is_closed : t -> bool
  end

  module Writer : sig
    type nonrec t = [ `write ] t

    val write_char : t -> char -> unit
    val write_string : t -> ?off:int -> ?len:int -> string -> unit
    val write_bigstring : t -> ?off:int -> ?len:int -> Bigstringaf.t -> unit
    val schedule_bigstring : t -> ?off:int -> ?len:int -> Bigstringaf.t -> unit
    val flush : t -> (unit -> unit) -> unit
    val close : t -> unit
    val is_closed : t -> bool
  end
end

module type REQUEST = sig
  type t = Request.t = { meth : Method.t; target : string; scheme : string; headers : Headers.t }

  val create : ?headers:Headers.t -> scheme:string -> Method.t -> string -> t
  val body_length : t -> [ `Error of [ `Bad_request ] | `Fixed of int64 | `Unknown ]
  val pp_hum : Format.formatter -> t -> unit
end

module type RESPONSE = sig
  type t = Response.t = { status : Status.t; headers : Headers.t }

  val create : ?headers:Headers.t -> Status.t -> t
  val body_length : t -> [ `Error of [ `Bad_request ] | `Fixed of int64 | `Unknown ]
  val pp_hum : Format.formatter -> t -> unit
end

module type IOVEC = sig
  type 'a t = 'a IOVec.t = { buffer : 'a; off : int; len : int }

  val length : _ t -> int
  val lengthv : _ t list -> int
  val shift : 'a t -> int -> 'a t
  val shiftv : 'a t list -> int -> 'a t list
  val pp_hum : Format.formatter -> _ t -> unit
end

module type ERROR_CODE = sig
  type t = Error_code.t =
    | NoError
    | ProtocolError
    | InternalError
    | FlowControlError
    | SettingsTimeout
    | StreamClosed
    | FrameSizeError
    | RefusedStream
    | Cancel
    | CompressionError
    | ConnectError
    | EnhanceYourCalm
    | InadequateSecurity
    | HTTP_1_1_Required
    | UnknownError_code of int32

  val to_string : t -> string
  val pp_hum : Format.formatter -> t -> unit
end

module type SETTINGS = sig
  type t = Settings.t = {
    header_table_size : int;
    enable_push : bool;
    max_concurrent_streams : int32;
    initial_window_size : int32;
    max_frame_size : int;
    max_header_list_size : int option;
  }

  val default : t
  val of_base64 : string -> (t, string) result
  val to_base64 : t -> (string, string) result
  val pp_hum : Format.formatter -> t -> unit
end

module type CONFIG = sig
  type t = Config.t = {
    read_buffer_size : int;
    request_body_buffer_size : int;
    response_body_buffer_size : int;
    enable_server_push : bool;
    max_concurrent_streams : int32;
    initial_window_size : int32;
  }

  val default : t
  val to_settings : t -> Settings.t
end

module type CLIENT_CONNECTION = sig
  type t

  type error =
    [ `Malformed_response of string
    | `Invalid_response_body_length of Response.t
    | `Protocol_error of Error_code.t * string
    | `Exn of exn ]

  type trailers_handler = Headers.t -> unit
  type response_handler = Response.t -> [ `read ] Body.t -> unit
  type error_handler = error -> unit

  val create :
    ?config:Config.t ->
    ?push_handler:(Request.t -> (response_handler, unit) result) ->
    error_handler:error_handler ->
    t

  val create_h2c :
    ?config:Config.t ->
    ?push_handler:(Request.t -> (response_handler, unit) result) ->
    http_request:Httpaf.Request.t ->
    error_handler:error_handler ->
    response_handler * error_handler ->
    (t, string) result

  val request :
    t ->
    ?trailers_handler:trailers_handler ->
    Request.t ->
    error_handler:error_handler ->
    response_handler:response_handler ->
    [ `write ] Body.t

  val ping : t -> ?payload:Bigstringaf.t -> ?off:int -> (unit -> unit) -> unit
  val shutdown : t -> unit
  val next_read_operation : t -> [> `Read | `Close ]
  val read : t -> Bigstringaf.t -> off:int -> len:int -> int
  val read_eof : t -> Bigstringaf.t -> off:int -> len:int -> int
  val next_write_operation : t -> [ `Write of Bigstringaf.t IOVec.t list | `Yield | `Close of int ]
  val report_write_result : t -> [ `Ok of int | `Closed ] -> unit
  val yield_writer : t -> (unit -> unit) -> unit
  val yield_reader : t -> (unit -> unit) -> unit
  val report_exn : t -> exn -> unit
  val is_closed : t -> bool
end

module Checked : sig
  module Method : METHOD
  module Status : STATUS
  module Headers : HEADERS
  module Body : BODY
  module Request : REQUEST
  module Response : RESPONSE
  module IOVec : IOVEC
  module Error_code : ERROR_CODE
  module Settings : SETTINGS
  module Config : CONFIG
  module Client_connection : CLIENT_CONNECTION
end =
  Trunkline.H2

(* They are the same types under both names. *)
let settings () =
  let expected =
    {
      Settings.default with
      max_concurrent_streams = 100l;
      initial_window_size = 2097152l;
      max_header_list_size = Some 65536;
    }
  in
  Alcotest.(check bool) "told" true (Checked.Config.to_settings Config.default = expected)

let () =
  exit
    (Support.Suite.run "signature"
       [ ("h2", [ Support.Suite.test "settings" settings ]) ])
