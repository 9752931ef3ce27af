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

let known : (standard * int * string) list =
  [
    (`Continue, 100, "Continue");
    (`OK, 200, "OK");
    (`Created, 201, "Created");
    (`Accepted, 202, "Accepted");
    (`Non_authoritative_information, 203, "Non-Authoritative Information");
    (`No_content, 204, "No Content");
    (`Reset_content, 205, "Reset Content");
    (`Partial_content, 206, "Partial Content");
    (`Multiple_choices, 300, "Multiple Choices");
    (`Moved_permanently, 301, "Moved Permanently");
    (`Found, 302, "Found");
    (`See_other, 303, "See Other");
    (`Not_modified, 304, "Not Modified");
    (`Use_proxy, 305, "Use Proxy");
    (`Temporary_redirect, 307, "Temporary Redirect");
    (`Bad_request, 400, "Bad Request");
    (`Unauthorized, 401, "Unauthorized");
    (`Payment_required, 402, "Payment Required");
    (`Forbidden, 403, "Forbidden");
    (`Not_found, 404, "Not Found");
    (`Method_not_allowed, 405, "Method Not Allowed");
    (`Not_acceptable, 406, "Not Acceptable");
    (`Proxy_authentication_required, 407, "Proxy Authentication Required");
    (`Request_timeout, 408, "Request Timeout");
    (`Conflict, 409, "Conflict");
    (`Gone, 410, "Gone");
    (`Length_required, 411, "Length Required");
    (`Precondition_failed, 412, "Precondition Failed");
    (`Payload_too_large, 413, "Content Too Large");
    (`Uri_too_long, 414, "URI Too Long");
    (`Unsupported_media_type, 415, "Unsupported Media Type");
    (`Range_not_satisfiable, 416, "Range Not Satisfiable");
    (`Expectation_failed, 417, "Expectation Failed");
    (`I_m_a_teapot, 418, "I'm a teapot");
    (`Enhance_your_calm, 420, "Enhance Your Calm");
    (`Misdirected_request, 421, "Misdirected Request");
    (`Upgrade_required, 426, "Upgrade Required");
    (`Internal_server_error, 500, "Internal Server Error");
    (`Not_implemented, 501, "Not Implemented");
    (`Bad_gateway, 502, "Bad Gateway");
    (`Service_unavailable, 503, "Service Unavailable");
    (`Gateway_timeout, 504, "Gateway Timeout");
    (`Http_version_not_supported, 505, "HTTP Version Not Supported");
  ]

let row status = List.find (fun (one, _, _) -> one = status) known

let default_reason_phrase status =
  let _, _, phrase = row status in
  phrase

let to_code : t -> int = function
  | `Code code -> code
  | #standard as status ->
      let _, code, _ = row status in
      code

let unsafe_of_code code : t =
  if code < 0 then failwith "Status: the code is negative";
  match List.find_opt (fun (_, number, _) -> number = code) known with
  | Some (status, _, _) -> (status :> t)
  | None -> `Code code

let of_code code =
  if code < 100 || code > 999 then failwith "Status: the code has not three digits";
  unsafe_of_code code

let of_string text =
  match int_of_string_opt text with Some code -> of_code code | None -> failwith "Status: this is no number"

let to_string status = string_of_int (to_code status)
let is_within first status = to_code status / 100 = first
let is_informational = is_within 1
let is_successful = is_within 2
let is_redirection = is_within 3
let is_client_error = is_within 4
let is_server_error = is_within 5
let is_error status = is_client_error status || is_server_error status
let pp_hum formatter status = Format.pp_print_string formatter (to_string status)
