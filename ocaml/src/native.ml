(* The stubs. What the C side builds has the order of the types here, in Part and in Auth; each call that can fail
   raises [Refused], which no module lets out. *)

exception Refused of int * string

let () = Callback.register_exception "trunkline.refused" (Refused (0, ""))

external abi_version_fits : unit -> bool = "trunkline_ocaml_abi_version"
external version : unit -> string = "trunkline_ocaml_version"

(* Threads of the library's own register with the runtime (functions.c): Thread has to be linked, and initialised. *)
let () = ignore (Thread.id (Thread.self ()))

let () =
  if not (abi_version_fits ()) then
    failwith ("trunkline: libtrunkline " ^ version () ^ " has another ABI than the header this was compiled with")

(* ---- Parts ---- *)

type failure = { error : int; what : string; phase : int; peer_code : int option }

type part =
  | Unknown
  | Writable
  | Informational of Part.head
  | Head of Part.head
  | Redirect of Part.head * string
  | Data of string
  | Trailers of Part.headers
  | Frame of Part.message
  | Reconnected of Part.head
  | Latency of int * int
  | Done of Part.summary
  | Failed of failure

(* ---- Options ---- *)

type options

external set_http : options -> int -> unit = "trunkline_ocaml_set_http"
external set_pool_timeout : options -> int -> unit = "trunkline_ocaml_set_pool_timeout"
external set_resolve_timeout : options -> int -> unit = "trunkline_ocaml_set_resolve_timeout"
external set_connect_timeout : options -> int -> unit = "trunkline_ocaml_set_connect_timeout"
external set_tls_timeout : options -> int -> unit = "trunkline_ocaml_set_tls_timeout"
external set_write_timeout : options -> int -> unit = "trunkline_ocaml_set_write_timeout"
external set_first_byte_timeout : options -> int -> unit = "trunkline_ocaml_set_first_byte_timeout"
external set_idle_timeout : options -> int -> unit = "trunkline_ocaml_set_idle_timeout"
external set_total_timeout : options -> int -> unit = "trunkline_ocaml_set_total_timeout"
external set_credit : options -> int -> unit = "trunkline_ocaml_set_credit"
external set_websocket_max_message_bytes : options -> int -> unit = "trunkline_ocaml_set_websocket_max_message_bytes"
external set_drive_threads : options -> int -> unit = "trunkline_ocaml_set_drive_threads"
external set_idle_connection_timeout : options -> int -> unit = "trunkline_ocaml_set_idle_connection_timeout"
external set_max_connections_per_origin : options -> int -> unit = "trunkline_ocaml_set_max_connections_per_origin"
external set_max_connections : options -> int -> unit = "trunkline_ocaml_set_max_connections"
external set_upload_buffer : options -> int -> unit = "trunkline_ocaml_set_upload_buffer"
external set_max_header_bytes : options -> int -> unit = "trunkline_ocaml_set_max_header_bytes"
external set_max_headers : options -> int -> unit = "trunkline_ocaml_set_max_headers"
external set_max_body_bytes : options -> int -> unit = "trunkline_ocaml_set_max_body_bytes"
external set_websocket_max_frame_bytes : options -> int -> unit = "trunkline_ocaml_set_websocket_max_frame_bytes"
external set_websocket_send_buffer : options -> int -> unit = "trunkline_ocaml_set_websocket_send_buffer"

external set_http2_max_concurrent_streams : options -> int -> unit
  = "trunkline_ocaml_set_http2_max_concurrent_streams"
external set_http2_stream_window : options -> int -> unit = "trunkline_ocaml_set_http2_stream_window"
external set_http2_connection_window : options -> int -> unit = "trunkline_ocaml_set_http2_connection_window"
external set_http2_max_frame_size : options -> int -> unit = "trunkline_ocaml_set_http2_max_frame_size"
external set_http2_header_table_size : options -> int -> unit = "trunkline_ocaml_set_http2_header_table_size"

external set_http2_connections_per_origin : options -> int -> unit
  = "trunkline_ocaml_set_http2_connections_per_origin"
external set_http2_ping_interval : options -> int -> unit = "trunkline_ocaml_set_http2_ping_interval"
external set_proxy_auth : options -> int -> unit = "trunkline_ocaml_set_proxy_auth"
external set_websocket_http : options -> int -> unit = "trunkline_ocaml_set_websocket_http"
external set_http2_adaptive_window : options -> bool -> unit = "trunkline_ocaml_set_http2_adaptive_window"
external set_http2_coalescing : options -> bool -> unit = "trunkline_ocaml_set_http2_coalescing"
external set_http2_ping_unused : options -> bool -> unit = "trunkline_ocaml_set_http2_ping_unused"
external set_tls_verify : options -> bool -> unit = "trunkline_ocaml_set_tls_verify"
external set_tls_resumption : options -> bool -> unit = "trunkline_ocaml_set_tls_resumption"
external set_proxy_tls_verify : options -> bool -> unit = "trunkline_ocaml_set_proxy_tls_verify"
external set_nodelay : options -> bool -> unit = "trunkline_ocaml_set_nodelay"
external set_unix_socket : options -> string -> unit = "trunkline_ocaml_set_unix_socket"
external set_user_agent : options -> string -> unit = "trunkline_ocaml_set_user_agent"
external set_tls_ca : options -> string -> unit = "trunkline_ocaml_set_tls_ca"
external set_tls_ca_file : options -> string -> unit = "trunkline_ocaml_set_tls_ca_file"
external set_tls_hostname : options -> string -> unit = "trunkline_ocaml_set_tls_hostname"
external set_tls_sni : options -> string -> unit = "trunkline_ocaml_set_tls_sni"
external set_tls_pins : options -> string -> unit = "trunkline_ocaml_set_tls_pins"
external set_tls_key_log : options -> string -> unit = "trunkline_ocaml_set_tls_key_log"
external set_proxy_tls_ca : options -> string -> unit = "trunkline_ocaml_set_proxy_tls_ca"
external set_local_address : options -> string -> unit = "trunkline_ocaml_set_local_address"
external set_interface : options -> string -> unit = "trunkline_ocaml_set_interface"
external set_base_url : options -> string -> unit = "trunkline_ocaml_set_base_url"
external set_replay : options -> bool -> unit = "trunkline_ocaml_set_replay"
external set_manual_release : options -> bool -> unit = "trunkline_ocaml_set_manual_release"
external set_body : options -> string -> unit = "trunkline_ocaml_set_body"
external set_body_json : options -> string -> unit = "trunkline_ocaml_set_body_json"
external set_upgrade : options -> string -> unit = "trunkline_ocaml_set_upgrade"
external set_follow_redirects : options -> bool -> unit = "trunkline_ocaml_set_follow_redirects"
external set_max_redirects : options -> int -> unit = "trunkline_ocaml_set_max_redirects"
external set_redirect_trusted : options -> bool -> unit = "trunkline_ocaml_set_redirect_trusted"
external set_redirect_downgrade : options -> bool -> unit = "trunkline_ocaml_set_redirect_downgrade"
external set_retry : options -> int -> unit = "trunkline_ocaml_set_retry"
external set_max_retries : options -> int -> unit = "trunkline_ocaml_set_max_retries"
external set_status_errors : options -> bool -> unit = "trunkline_ocaml_set_status_errors"
external set_decode : options -> bool -> unit = "trunkline_ocaml_set_decode"
external set_max_decoded_bytes : options -> int -> unit = "trunkline_ocaml_set_max_decoded_bytes"
external set_max_decode_ratio : options -> int -> unit = "trunkline_ocaml_set_max_decode_ratio"
external set_cookies : options -> bool -> unit = "trunkline_ocaml_set_cookies"
external set_expect_continue : options -> int -> unit = "trunkline_ocaml_set_expect_continue"
external set_websocket_deflate : options -> bool -> unit = "trunkline_ocaml_set_websocket_deflate"
external set_websocket_frames : options -> bool -> unit = "trunkline_ocaml_set_websocket_frames"
external set_websocket_ping_interval : options -> int -> unit = "trunkline_ocaml_set_websocket_ping_interval"
external set_websocket_ping_timeout : options -> int -> unit = "trunkline_ocaml_set_websocket_ping_timeout"
external set_websocket_close_timeout : options -> int -> unit = "trunkline_ocaml_set_websocket_close_timeout"
external set_websocket_reconnect : options -> bool -> unit = "trunkline_ocaml_set_websocket_reconnect"
external set_websocket_reconnect_queue : options -> int -> unit = "trunkline_ocaml_set_websocket_reconnect_queue"
external set_auth_bearer : options -> string -> unit = "trunkline_ocaml_set_auth_bearer"
external set_auth_literal : options -> string -> unit = "trunkline_ocaml_set_auth_literal"
external set_auth_netrc : options -> string -> unit = "trunkline_ocaml_set_auth_netrc"
external manager_options_new : unit -> options = "trunkline_ocaml_manager_options_new"
external request_options_new : string -> string -> options = "trunkline_ocaml_request_options_new"
external request_options_new_connect : string -> string -> options = "trunkline_ocaml_request_options_new_connect"
external set_drive_inline : options -> unit = "trunkline_ocaml_set_drive_inline"
external set_tls_identity : options -> string -> string -> unit = "trunkline_ocaml_set_tls_identity"
external set_tls_versions : options -> int -> int -> unit = "trunkline_ocaml_set_tls_versions"
external set_manager_proxy : options -> string -> string -> string -> unit = "trunkline_ocaml_set_manager_proxy"
external set_proxy_environment : options -> unit = "trunkline_ocaml_set_proxy_environment"
external add_proxy_header : options -> string -> string -> unit = "trunkline_ocaml_add_proxy_header"
external set_tcp_keep_alive : options -> int -> int -> int -> unit = "trunkline_ocaml_set_tcp_keep_alive"
external add_resolve : options -> string -> int -> string -> unit = "trunkline_ocaml_add_resolve"
external set_request_proxy : options -> string -> unit = "trunkline_ocaml_set_request_proxy"
external add_header : options -> string -> string -> unit = "trunkline_ocaml_add_header"
external omit_header : options -> string -> unit = "trunkline_ocaml_omit_header"
external add_param : options -> string -> string -> unit = "trunkline_ocaml_add_param"
external add_path_param : options -> string -> string -> unit = "trunkline_ocaml_add_path_param"
external set_path_style : options -> int -> unit = "trunkline_ocaml_set_path_style"
external set_streamed_body : options -> int -> unit = "trunkline_ocaml_set_streamed_body"
external set_body_file : options -> string -> int -> int -> unit = "trunkline_ocaml_set_body_file"
external set_body_form : options -> Part.headers -> unit = "trunkline_ocaml_set_body_form"

(* [content] is a path where [is_file]; an empty [filename] or [content_type] is none. *)
type field = { name : string; content : string; filename : string; content_type : string; is_file : bool }

external set_body_multipart : options -> field array -> unit = "trunkline_ocaml_set_body_multipart"
external set_websocket_protocols : options -> string array -> unit = "trunkline_ocaml_set_websocket_protocols"

external set_websocket_deflate_effort : options -> int -> int -> unit
  = "trunkline_ocaml_set_websocket_deflate_effort"

external set_websocket_deflate_windows : options -> int -> int -> unit
  = "trunkline_ocaml_set_websocket_deflate_windows"

external set_websocket_deflate_alone : options -> bool -> bool -> unit
  = "trunkline_ocaml_set_websocket_deflate_alone"

external set_websocket_reconnect_pauses : options -> int -> int -> int -> unit
  = "trunkline_ocaml_set_websocket_reconnect_pauses"

external set_websocket_reconnect_codes : options -> int array -> unit
  = "trunkline_ocaml_set_websocket_reconnect_codes"

(* ---- Credentials ---- *)

external set_auth_none : options -> unit = "trunkline_ocaml_set_auth_none"
external set_auth_basic : options -> string -> string -> unit = "trunkline_ocaml_set_auth_basic"
external set_auth_digest : options -> string -> string -> unit = "trunkline_ocaml_set_auth_digest"
external set_auth_aws_sigv4 : options -> Auth.aws -> unit = "trunkline_ocaml_set_auth_aws_sigv4"

type auth_request = {
  auth_method : string;
  auth_url : string;
  auth_host : string;
  auth_body : string option;
  auth_handle : nativeint;
  credentials : options;
}

(* The function answers a status. *)
external set_auth_callback : options -> (auth_request -> int) -> unit = "trunkline_ocaml_set_auth_callback"
external auth_request_header : nativeint -> string -> string option = "trunkline_ocaml_auth_request_header"

(* ---- Retries ---- *)

type attempt = {
  number : int;
  attempt_method : string;
  attempt_url : string;
  attempt_status : int;
  attempt_error : int;
  attempt_message : string;
  attempt_handle : nativeint;
}

(* The function answers milliseconds, -1 to stop, or -2 for the usual pause. *)
external set_retry_callback : options -> (attempt -> int) -> unit = "trunkline_ocaml_set_retry_callback"
external attempt_header : nativeint -> string -> string option = "trunkline_ocaml_attempt_header"
external set_retry_delay : options -> (int -> int) -> unit = "trunkline_ocaml_set_retry_delay"

(* ---- WebSockets that are opened again ---- *)

external set_websocket_resume : options -> (Part.head -> Part.message array) -> unit
  = "trunkline_ocaml_set_websocket_resume"

(* ---- Addresses ---- *)

type resolve = { host : string; port : int; resolve_handle : nativeint }

external set_resolver : options -> (resolve -> unit) -> unit = "trunkline_ocaml_set_resolver"
external resolve_is_abandoned : nativeint -> bool = "trunkline_ocaml_resolve_is_abandoned"
external resolve_finish : nativeint -> string array -> unit = "trunkline_ocaml_resolve_finish"
external resolve_fail : nativeint -> string -> unit = "trunkline_ocaml_resolve_fail"

(* ---- What managers share ---- *)

type cookie_jar
type har

external set_cookie_jar : options -> cookie_jar -> unit = "trunkline_ocaml_set_cookie_jar"
external cookie_jar_new : unit -> cookie_jar = "trunkline_ocaml_cookie_jar_new"
external cookie_jar_load : cookie_jar -> string -> int = "trunkline_ocaml_cookie_jar_load"
external cookie_jar_save : cookie_jar -> string -> unit = "trunkline_ocaml_cookie_jar_save"
external cookie_jar_set : cookie_jar -> string -> string -> unit = "trunkline_ocaml_cookie_jar_set"
external cookie_jar_clear : cookie_jar -> unit = "trunkline_ocaml_cookie_jar_clear"
external cookie_jar_count : cookie_jar -> int = "trunkline_ocaml_cookie_jar_count"
external set_har : options -> har -> unit = "trunkline_ocaml_set_har"
external har_new : bool -> har = "trunkline_ocaml_har_new"
external har_set_recording : har -> bool -> unit = "trunkline_ocaml_har_set_recording"
external har_json : har -> string = "trunkline_ocaml_har_json"
external har_save : har -> string -> unit = "trunkline_ocaml_har_save"
external har_clear : har -> unit = "trunkline_ocaml_har_clear"

(* ---- Managers; times in milliseconds, -1 for ever ---- *)

type manager
type request

external manager_new : options -> manager = "trunkline_ocaml_manager_new"
external submit_recv : manager -> options -> request = "trunkline_ocaml_submit_recv"
external submit_queue : manager -> options -> int -> request = "trunkline_ocaml_submit_queue"
external poll : manager -> int -> (int * part) array = "trunkline_ocaml_poll"
external descriptor : manager -> int = "trunkline_ocaml_descriptor"
external manager_close : manager -> unit = "trunkline_ocaml_manager_close"
external shutdown : manager -> int -> bool = "trunkline_ocaml_shutdown"
external manager_free : manager -> unit = "trunkline_ocaml_manager_free"
external statistics : manager -> int array * int array = "trunkline_ocaml_statistics"
external openmetrics : manager -> string = "trunkline_ocaml_openmetrics"

(* ---- Requests ---- *)

external recv : request -> int -> part = "trunkline_ocaml_recv"
external cancel : request -> unit = "trunkline_ocaml_cancel"
external release : request -> int -> unit = "trunkline_ocaml_release"
external write : request -> string -> int -> int -> unit = "trunkline_ocaml_write"
external finish : request -> Part.headers -> unit = "trunkline_ocaml_finish"
external fail : request -> string -> unit = "trunkline_ocaml_fail"
external request_id : request -> int = "trunkline_ocaml_request_id"
external has_ended : request -> bool = "trunkline_ocaml_has_ended"

(* ---- WebSockets ---- *)

external send_many : request -> Part.message array -> int = "trunkline_ocaml_send_many"
external recv_many : request -> int -> int -> Part.message array = "trunkline_ocaml_recv_many"
external websocket_ping : request -> int = "trunkline_ocaml_websocket_ping"
external websocket_latency : request -> int = "trunkline_ocaml_websocket_latency"
external websocket_close : request -> int -> string -> unit = "trunkline_ocaml_websocket_close"

(* ---- The log ---- *)

external set_log : int -> unit = "trunkline_ocaml_set_log"
external take_log : unit -> (int * string * string) option = "trunkline_ocaml_take_log"
external lost_log : unit -> int = "trunkline_ocaml_lost_log"

(* ---- Texts in pieces, and URLs from them ---- *)

type lines

external lines_new : int -> bool -> lines = "trunkline_ocaml_lines_new"
external lines_push : lines -> string -> unit = "trunkline_ocaml_lines_push"
external lines_finish : lines -> unit = "trunkline_ocaml_lines_finish"
external lines_next : lines -> string option = "trunkline_ocaml_lines_next"

type sse

external sse_new : int -> sse = "trunkline_ocaml_sse_new"
external sse_push : sse -> string -> unit = "trunkline_ocaml_sse_push"
external sse_finish : sse -> unit = "trunkline_ocaml_sse_finish"

(* Type, data, id, milliseconds or -1. *)
external sse_next : sse -> (string * string * string * int) option = "trunkline_ocaml_sse_next"

type decoder

(* A label, or a content type. *)
external decoder_new : string -> bool -> decoder = "trunkline_ocaml_decoder_new"
external decoder_decode : decoder -> string -> string = "trunkline_ocaml_decoder_decode"
external decoder_finish : decoder -> string = "trunkline_ocaml_decoder_finish"
external decoder_encoding : decoder -> string = "trunkline_ocaml_decoder_encoding"

type url

external url_new : string -> string -> url = "trunkline_ocaml_url_new"
external url_set_path_style : url -> int -> unit = "trunkline_ocaml_url_set_path_style"
external url_add_path_param : url -> string -> string -> unit = "trunkline_ocaml_url_add_path_param"
external url_add_param : url -> string -> string -> unit = "trunkline_ocaml_url_add_param"
external url_build : url -> string = "trunkline_ocaml_url_build"
