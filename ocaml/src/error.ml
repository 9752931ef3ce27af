type code =
  | Invalid_argument
  | Invalid_url
  | Invalid_header
  | Null_pointer
  | Invalid_handle
  | Invalid_state
  | Again
  | Busy
  | Forked
  | Unsupported
  | Closed
  | Panic
  | End_of_parts
  | Io
  | Timeout
  | Cancelled
  | Shutdown
  | Pool_timeout
  | Resolve_timeout
  | Connect_timeout
  | Tls_timeout
  | Write_timeout
  | First_byte_timeout
  | Idle_timeout
  | Total_timeout
  | Resolve_failed
  | Connect_failed
  | Tls_failed
  | Tls_certificate
  | Protocol_not_negotiated
  | Proxy_failed
  | Proxy_authentication
  | Connection_closed
  | Connection_reset
  | Http1_malformed
  | Header_too_large
  | Body_too_large
  | Http2_protocol
  | Http2_stream_reset
  | Http2_goaway
  | Websocket_rejected
  | Websocket_handshake
  | Websocket_protocol
  | Websocket_invalid_utf8
  | Websocket_too_large
  | Too_many_redirects
  | Redirect_refused
  | Http_status
  | Upload_failed
  | Decode_failed
  | Decoded_too_large
  | Other of int

type phase = Pool | Resolve | Connect | Tls | Write | First_byte | Receive

type t = { code : code; message : string; phase : phase option; peer_code : int option }

external status_name : int -> string = "trunkline_ocaml_status_name"
external status_description : int -> string = "trunkline_ocaml_status_description"

let numbers =
  [
    (Invalid_argument, 1);
    (Invalid_url, 2);
    (Invalid_header, 3);
    (Null_pointer, 4);
    (Invalid_handle, 5);
    (Invalid_state, 6);
    (Again, 7);
    (Busy, 8);
    (Forked, 9);
    (Unsupported, 10);
    (Closed, 11);
    (Panic, 12);
    (End_of_parts, 13);
    (Io, 14);
    (Timeout, 15);
    (Cancelled, 20);
    (Shutdown, 21);
    (Pool_timeout, 30);
    (Resolve_timeout, 31);
    (Connect_timeout, 32);
    (Tls_timeout, 33);
    (Write_timeout, 34);
    (First_byte_timeout, 35);
    (Idle_timeout, 36);
    (Total_timeout, 37);
    (Resolve_failed, 40);
    (Connect_failed, 41);
    (Tls_failed, 42);
    (Tls_certificate, 43);
    (Protocol_not_negotiated, 44);
    (Proxy_failed, 45);
    (Proxy_authentication, 46);
    (Connection_closed, 50);
    (Connection_reset, 51);
    (Http1_malformed, 60);
    (Header_too_large, 61);
    (Body_too_large, 62);
    (Http2_protocol, 70);
    (Http2_stream_reset, 71);
    (Http2_goaway, 72);
    (Websocket_rejected, 80);
    (Websocket_handshake, 81);
    (Websocket_protocol, 82);
    (Websocket_invalid_utf8, 83);
    (Websocket_too_large, 84);
    (Too_many_redirects, 85);
    (Redirect_refused, 86);
    (Http_status, 87);
    (Upload_failed, 90);
    (Decode_failed, 100);
    (Decoded_too_large, 101);
  ]

let to_int = function Other number -> number | code -> List.assoc code numbers

let of_int number =
  match List.find_opt (fun (_, other) -> other = number) numbers with
  | Some (code, _) -> code
  | None -> Other number

let name code = status_name (to_int code)

let description code = status_description (to_int code)

let phase_name = function
  | Pool -> "pool"
  | Resolve -> "resolve"
  | Connect -> "connect"
  | Tls -> "tls"
  | Write -> "write"
  | First_byte -> "first_byte"
  | Receive -> "receive"

let to_string error =
  let where =
    match error.phase with None -> "" | Some phase -> Printf.sprintf " (%s)" (phase_name phase)
  in
  Printf.sprintf "%s%s: %s" (name error.code) where error.message

let pp formatter error = Format.pp_print_string formatter (to_string error)
