(* A case of tests/cases: its file, its bytes, its options. tests/cases/README.md says what they mean. *)

open Trunkline
module Json = Yojson.Safe
module Util = Yojson.Safe.Util

let folder () = Option.value (Sys.getenv_opt "TRUNKLINE_TEST_CASES") ~default:"tests/cases"

let load () =
  let is_json name = Filename.check_suffix name ".json" in
  let files = List.filter is_json (Array.to_list (Sys.readdir (folder ()))) in
  let cases name = Util.(to_list (member "cases" (Json.from_file (Filename.concat (folder ()) name)))) in
  List.concat_map cases (List.sort compare files)

(* ---- Values ---- *)

let given name (json : Json.t) =
  match json with
  | `Assoc fields -> ( match List.assoc_opt name fields with None | Some `Null -> None | value -> value)
  | _ -> None

let text name json = Option.map Util.to_string (given name json)
let number name json = Option.map Util.to_int (given name json)
let flag name json = Option.map Util.to_bool (given name json)
let time name json = Option.map (fun value -> Util.to_number value /. 1000.) (given name json)
let list name json = match given name json with None -> [] | Some value -> Util.to_list value

let pair json =
  match Util.to_list json with
  | [ first; second ] -> (Util.to_string first, Util.to_string second)
  | _ -> failwith "a pair is expected"

let hexadecimal text =
  let digits = List.filter (fun word -> word <> "") (String.split_on_char ' ' text) |> String.concat "" in
  String.init (String.length digits / 2) (fun index ->
      Char.chr (int_of_string ("0x" ^ String.sub digits (2 * index) 2)))

let base64 text =
  let value = function
    | 'A' .. 'Z' as letter -> Char.code letter - 65
    | 'a' .. 'z' as letter -> Char.code letter - 71
    | '0' .. '9' as digit -> Char.code digit + 4
    | '+' -> 62
    | _ -> 63
  in
  let buffer = Buffer.create (String.length text) in
  let add (bits, held) letter =
    let bits = ((bits lsl 6) lor value letter) land 0xffffff and held = held + 6 in
    if held < 8 then (bits, held)
    else (
      Buffer.add_char buffer (Char.chr ((bits lsr (held - 8)) land 0xff));
      (bits, held - 8))
  in
  ignore (String.fold_left (fun state letter -> if letter = '=' then state else add state letter) (0, 0) text);
  Buffer.contents buffer

let rec bytes (json : Json.t) =
  match json with
  | `String text -> text
  | `Assoc [ ("hex", `String text) ] -> hexadecimal text
  | `Assoc [ ("base64", `String text) ] -> base64 text
  | `Assoc _ when given "repeat" json <> None ->
      let piece = bytes (Util.member "repeat" json) in
      String.concat "" (List.init (Util.to_int (Util.member "count" json)) (fun _ -> piece))
  | `Assoc [ ("cat", `List pieces) ] -> String.concat "" (List.map bytes pieces)
  | other -> failwith ("these are no bytes: " ^ Json.to_string other)

(* ---- Options ---- *)

let rec auth (json : Json.t) : Auth.t option =
  match json with
  | `Assoc fields -> List.find_map (auth_of json) fields
  | _ -> None

(* Of an option of [all]; some have options of their own beside them. *)
and auth_of all (name, (value : Json.t)) : Auth.t option =
  match name with
  | "auth_basic" ->
      let user, password = pair value in
      Some (Basic (user, password))
  | "auth_digest" ->
      let user, password = pair value in
      Some (Digest (user, password))
  | "auth_bearer" -> Some (Bearer (Util.to_string value))
  | "auth_literal" -> Some (Literal (Util.to_string value))
  | "auth_netrc" -> Some (Netrc (Some (Filename.concat (folder ()) (Util.to_string value))))
  | "auth_aws_sigv4" -> Some (Aws (aws all (List.map Util.to_string (Util.to_list value))))
  | "auth_callback" -> Some (Function (fun _ -> Option.to_result ~none:"no credentials" (auth value)))
  | _ -> None

and aws all : string list -> Auth.aws = function
  | [ access_key; secret_key; session_token; service; region ] ->
      let payload = if text "aws_sigv4_payload" all = Some "unsigned" then Auth.Unsigned else Signed in
      { access_key; secret_key; session_token; service; region; date = number "aws_sigv4_date" all; payload }
  | _ -> failwith "five texts are expected"

let retry json : Retry.t option =
  Option.map
    (function "transient" -> Retry.Transient | "safe_transient" -> Retry.Safe_transient | _ -> Retry.Off)
    (text "retry" json)

let retry_delay json = Option.map (fun seconds _ -> seconds) (time "retry_delay" json)

let shared_names =
  [
    "pool_timeout"; "resolve_timeout"; "connect_timeout"; "tls_timeout"; "write_timeout"; "first_byte_timeout";
    "idle_timeout"; "total_timeout"; "credit"; "follow_redirects"; "max_redirects"; "redirect_trusted";
    "redirect_downgrade"; "retry"; "max_retries"; "retry_delay"; "status_errors"; "decode"; "max_decoded_bytes";
    "max_decode_ratio"; "cookies"; "expect_continue"; "websocket_max_message_bytes"; "auth_basic"; "auth_digest";
    "auth_bearer"; "auth_literal"; "auth_netrc"; "auth_callback"; "auth_aws_sigv4"; "aws_sigv4_date";
    "aws_sigv4_payload";
  ]
[@@ocamlformat "disable"]

let manager_names =
  [
    "user_agent"; "idle_connection_timeout"; "max_connections_per_origin"; "max_connections"; "upload_buffer";
    "max_header_bytes"; "max_headers"; "max_body_bytes"; "http2_max_concurrent_streams"; "http2_stream_window";
    "http2_ping_interval"; "websocket_max_frame_bytes"; "websocket_send_buffer";
  ]
[@@ocamlformat "disable"]

(* A name that the runner does not know is not passed over. *)
let know names (json : Json.t) =
  let refuse (name, _) = if not (List.mem name names) then failwith ("there is no option " ^ name) in
  match json with `Assoc fields -> List.iter refuse fields | _ -> ()

let manager ~drive case =
  let o = Util.member "manager" case in
  know (manager_names @ shared_names) o;
  let http =
    match text "protocol" case with
    | Some "http2" -> Some Setting.Http_2
    | Some "upgrade" -> Some Setting.Upgrade
    | _ -> None
  in
  Manager.create ~drive ?http ?user_agent:(text "user_agent" o)
    ?idle_connection_timeout:(time "idle_connection_timeout" o)
    ?max_connections_per_origin:(number "max_connections_per_origin" o)
    ?max_connections:(number "max_connections" o) ?upload_buffer:(number "upload_buffer" o)
    ?max_header_bytes:(number "max_header_bytes" o) ?max_headers:(number "max_headers" o)
    ?max_body_bytes:(number "max_body_bytes" o)
    ?http2_max_concurrent_streams:(number "http2_max_concurrent_streams" o)
    ?http2_stream_window:(number "http2_stream_window" o) ?http2_ping_interval:(time "http2_ping_interval" o)
    ?websocket_max_frame_bytes:(number "websocket_max_frame_bytes" o)
    ?websocket_send_buffer:(number "websocket_send_buffer" o) ?pool_timeout:(time "pool_timeout" o)
    ?resolve_timeout:(time "resolve_timeout" o) ?connect_timeout:(time "connect_timeout" o)
    ?tls_timeout:(time "tls_timeout" o) ?write_timeout:(time "write_timeout" o)
    ?first_byte_timeout:(time "first_byte_timeout" o) ?idle_timeout:(time "idle_timeout" o)
    ?total_timeout:(time "total_timeout" o) ?credit:(number "credit" o)
    ?follow_redirects:(flag "follow_redirects" o) ?max_redirects:(number "max_redirects" o)
    ?redirect_trusted:(flag "redirect_trusted" o) ?redirect_downgrade:(flag "redirect_downgrade" o)
    ?retry:(retry o) ?max_retries:(number "max_retries" o) ?retry_delay:(retry_delay o) ?auth:(auth o)
    ?status_errors:(flag "status_errors" o) ?decode:(flag "decode" o)
    ?max_decoded_bytes:(number "max_decoded_bytes" o) ?max_decode_ratio:(number "max_decode_ratio" o)
    ?cookies:(flag "cookies" o) ?expect_continue:(time "expect_continue" o)
    ?websocket_max_message_bytes:(number "websocket_max_message_bytes" o) ()

let body request : Setting.body option =
  match given "body" request with
  | Some body -> Some (Bytes (bytes body))
  | None -> if given "body_chunks" request = None then None else Some (Streamed None)

let request_options case port request =
  let o = Util.member "options" request in
  know ("replay" :: shared_names) o;
  let protocol = Option.value (text "protocol" case) ~default:"http1" in
  let scheme = if String.starts_with ~prefix:"websocket" protocol then "ws" else "http" in
  let path = Option.value (text "path" request) ~default:"/" in
  let http = if protocol = "websocket_http2" then Some Setting.Http_2 else None in
  Request_options.make ?http ~headers:(List.map pair (list "headers" request)) ?body:(body request)
    ?replay:(flag "replay" o) ?pool_timeout:(time "pool_timeout" o) ?resolve_timeout:(time "resolve_timeout" o)
    ?connect_timeout:(time "connect_timeout" o) ?tls_timeout:(time "tls_timeout" o)
    ?write_timeout:(time "write_timeout" o) ?first_byte_timeout:(time "first_byte_timeout" o)
    ?idle_timeout:(time "idle_timeout" o) ?total_timeout:(time "total_timeout" o) ?credit:(number "credit" o)
    ?follow_redirects:(flag "follow_redirects" o) ?max_redirects:(number "max_redirects" o)
    ?redirect_trusted:(flag "redirect_trusted" o) ?redirect_downgrade:(flag "redirect_downgrade" o)
    ?retry:(retry o) ?max_retries:(number "max_retries" o) ?retry_delay:(retry_delay o) ?auth:(auth o)
    ?status_errors:(flag "status_errors" o) ?decode:(flag "decode" o)
    ?max_decoded_bytes:(number "max_decoded_bytes" o) ?max_decode_ratio:(number "max_decode_ratio" o)
    ?cookies:(flag "cookies" o) ?expect_continue:(time "expect_continue" o)
    ?websocket_max_message_bytes:(number "websocket_max_message_bytes" o)
    ~meth:(Option.value (text "method" request) ~default:"GET")
    (Printf.sprintf "%s://127.0.0.1:%d%s" scheme port path)

(* ---- Frames ---- *)

let message (json : Json.t) : Part.message =
  let whole kind payload : Part.message = { kind; payload; code = None; more = false } in
  match json with
  | `Assoc [ ("text", text) ] -> whole Text (bytes text)
  | `Assoc [ ("binary", data) ] -> whole Binary (bytes data)
  | `Assoc [ ("ping", data) ] -> whole Ping (bytes data)
  | `Assoc [ ("pong", data) ] -> whole Pong (bytes data)
  | `Assoc [ ("close", `List (code :: rest)) ] ->
      let reason = match rest with [ `String reason ] -> reason | _ -> "" in
      { (whole Close reason) with code = Util.to_int_option code }
  | other -> failwith ("this is no frame: " ^ Json.to_string other)
