module Method = struct
  type standard = [ `GET | `HEAD | `POST | `PUT | `DELETE | `CONNECT | `OPTIONS | `TRACE ]
  type t = [ standard | `Other of string ]

  let to_string = function
    | `GET -> "GET"
    | `HEAD -> "HEAD"
    | `POST -> "POST"
    | `PUT -> "PUT"
    | `DELETE -> "DELETE"
    | `CONNECT -> "CONNECT"
    | `OPTIONS -> "OPTIONS"
    | `TRACE -> "TRACE"
    | `Other other -> other

  let of_string = function
    | "GET" -> `GET
    | "HEAD" -> `HEAD
    | "POST" -> `POST
    | "PUT" -> `PUT
    | "DELETE" -> `DELETE
    | "CONNECT" -> `CONNECT
    | "OPTIONS" -> `OPTIONS
    | "TRACE" -> `TRACE
    | other -> `Other other

  let pp_hum formatter meth = Format.pp_print_string formatter (to_string meth)
end

module Status = struct
  type informational = [ `Continue | `Switching_protocols ]

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
    | `Misdirected_request
    | `Upgrade_required
    | `I_m_a_teapot
    | `Enhance_your_calm ]

  type server_error =
    [ `Internal_server_error
    | `Not_implemented
    | `Bad_gateway
    | `Service_unavailable
    | `Gateway_timeout
    | `Http_version_not_supported ]

  type standard = [ informational | successful | redirection | client_error | server_error ]
  type t = [ standard | `Code of int ]

  let numbers : (standard * int) list =
    [
      (`Continue, 100);
      (`Switching_protocols, 101);
      (`OK, 200);
      (`Created, 201);
      (`Accepted, 202);
      (`Non_authoritative_information, 203);
      (`No_content, 204);
      (`Reset_content, 205);
      (`Partial_content, 206);
      (`Multiple_choices, 300);
      (`Moved_permanently, 301);
      (`Found, 302);
      (`See_other, 303);
      (`Not_modified, 304);
      (`Use_proxy, 305);
      (`Temporary_redirect, 307);
      (`Bad_request, 400);
      (`Unauthorized, 401);
      (`Payment_required, 402);
      (`Forbidden, 403);
      (`Not_found, 404);
      (`Method_not_allowed, 405);
      (`Not_acceptable, 406);
      (`Proxy_authentication_required, 407);
      (`Request_timeout, 408);
      (`Conflict, 409);
      (`Gone, 410);
      (`Length_required, 411);
      (`Precondition_failed, 412);
      (`Payload_too_large, 413);
      (`Uri_too_long, 414);
      (`Unsupported_media_type, 415);
      (`Range_not_satisfiable, 416);
      (`Expectation_failed, 417);
      (`I_m_a_teapot, 418);
      (`Enhance_your_calm, 420);
      (`Misdirected_request, 421);
      (`Upgrade_required, 426);
      (`Internal_server_error, 500);
      (`Not_implemented, 501);
      (`Bad_gateway, 502);
      (`Service_unavailable, 503);
      (`Gateway_timeout, 504);
      (`Http_version_not_supported, 505);
    ]

  let to_code : t -> int = function `Code code -> code | #standard as status -> List.assoc status numbers

  let of_code code : t =
    match List.find_opt (fun (_, number) -> number = code) numbers with
    | Some (status, _) -> (status :> t)
    | None -> `Code code

  let to_string status = string_of_int (to_code status)
  let is_within first status = to_code status / 100 = first
  let is_informational = is_within 1
  let is_successful = is_within 2
  let is_redirection = is_within 3
  let is_client_error = is_within 4
  let is_server_error = is_within 5
  let is_error status = is_client_error status || is_server_error status
  let pp_hum formatter status = Format.pp_print_string formatter (to_string status)
end

module Headers = struct
  type name = string
  type value = string

  (* The last one first. *)
  type t = (name * value) list

  let empty = []
  let of_rev_list fields = fields
  let of_list = List.rev
  let to_rev_list fields = fields
  let to_list = List.rev

  let is_named name =
    let name = String.lowercase_ascii name in
    fun (other, _) -> String.equal (String.lowercase_ascii other) name

  let add fields ?sensitive name value =
    ignore (sensitive : bool option);
    (name, value) :: fields

  let mem fields name = List.exists (is_named name) fields

  let add_unless_exists fields ?sensitive name value =
    if mem fields name then fields else add fields ?sensitive name value
  let add_list fields more = List.rev_append more fields

  let add_multi fields more =
    add_list fields (List.concat_map (fun (name, values) -> List.map (fun value -> (name, value)) values) more)

  let remove fields name = List.filter (fun field -> not (is_named name field)) fields

  let replace fields ?sensitive name value =
    ignore (sensitive : bool option);
    let rec first_replaced = function
      | [] -> []
      | field :: rest when is_named name field -> (name, value) :: remove rest name
      | field :: rest -> field :: first_replaced rest
    in
    List.rev (first_replaced (List.rev fields))

  let get fields name = Option.map snd (List.find_opt (is_named name) fields)
  let get_exn fields name = snd (List.find (is_named name) fields)
  let get_multi fields name = List.rev_map snd (List.filter (is_named name) fields)
  let iter ~f fields = List.iter (fun (name, value) -> f name value) (to_list fields)
  let fold ~f ~init fields = List.fold_left (fun result (name, value) -> f name value result) init (to_list fields)

  let to_string fields =
    String.concat "" (List.map (fun (name, value) -> name ^ ": " ^ value ^ "\n") (to_list fields))

  let pp_hum formatter fields = Format.pp_print_string formatter (to_string fields)
end

module Request = struct
  type t = { meth : Method.t; target : string; scheme : string; headers : Headers.t }

  let create ?(headers = Headers.empty) ~scheme meth target = { meth; target; scheme; headers }

  let pp_hum formatter request =
    Format.fprintf formatter "%a %s (%s)@.%a" Method.pp_hum request.meth request.target request.scheme Headers.pp_hum
      request.headers
end

module Response = struct
  type t = { status : Status.t; headers : Headers.t }

  let create ?(headers = Headers.empty) status = { status; headers }

  let pp_hum formatter response =
    Format.fprintf formatter "%a@.%a" Status.pp_hum response.status Headers.pp_hum response.headers
end

module IOVec = struct
  type 'a t = { buffer : 'a; off : int; len : int }

  let length vector = vector.len
  let lengthv vectors = List.fold_left (fun sum vector -> sum + vector.len) 0 vectors

  let shift vector count =
    if count < 0 || count > vector.len then invalid_arg "IOVec.shift";
    { vector with off = vector.off + count; len = vector.len - count }

  let rec shiftv vectors count =
    match vectors with
    | _ when count < 0 -> invalid_arg "IOVec.shiftv"
    | vectors when count = 0 -> vectors
    | [] -> invalid_arg "IOVec.shiftv"
    | vector :: rest when count >= vector.len -> shiftv rest (count - vector.len)
    | vector :: rest -> shift vector count :: rest
end

module Error_code = struct
  type t =
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

  (* By their numbers. *)
  let known =
    [|
      (NoError, "NO_ERROR");
      (ProtocolError, "PROTOCOL_ERROR");
      (InternalError, "INTERNAL_ERROR");
      (FlowControlError, "FLOW_CONTROL_ERROR");
      (SettingsTimeout, "SETTINGS_TIMEOUT");
      (StreamClosed, "STREAM_CLOSED");
      (FrameSizeError, "FRAME_SIZE_ERROR");
      (RefusedStream, "REFUSED_STREAM");
      (Cancel, "CANCEL");
      (CompressionError, "COMPRESSION_ERROR");
      (ConnectError, "CONNECT_ERROR");
      (EnhanceYourCalm, "ENHANCE_YOUR_CALM");
      (InadequateSecurity, "INADEQUATE_SECURITY");
      (HTTP_1_1_Required, "HTTP_1_1_REQUIRED");
    |]

  let of_int number =
    if number >= 0 && number < Array.length known then fst known.(number)
    else UnknownError_code (Int32.of_int number)

  let to_int = function
    | UnknownError_code number -> Int32.to_int number land 0xffffffff
    | code ->
        let rec find number = if fst known.(number) = code then number else find (number + 1) in
        find 0

  let to_string = function
    | UnknownError_code _ as code -> string_of_int (to_int code)
    | code -> snd known.(to_int code)

  let pp_hum formatter code = Format.pp_print_string formatter (to_string code)
end

module Config = struct
  type t = {
    read_buffer_size : int;
    request_body_buffer_size : int;
    response_body_buffer_size : int;
    enable_server_push : bool;
    max_concurrent_streams : int32;
    initial_window_size : int32;
  }

  let default =
    {
      read_buffer_size = 16384;
      request_body_buffer_size = 262144;
      response_body_buffer_size = 4096;
      enable_server_push = true;
      max_concurrent_streams = 100l;
      initial_window_size = 2097152l;
    }
end

module Httpaf = struct
  module Method = Method
  module Headers = Headers

  module Version = struct
    type t = { major : int; minor : int }

    let v1_1 = { major = 1; minor = 1 }
  end

  module Request = struct
    type t = { meth : Method.t; target : string; version : Version.t; headers : Headers.t }

    let create ?(version = Version.v1_1) ?(headers = Headers.empty) meth target = { meth; target; version; headers }
  end
end
