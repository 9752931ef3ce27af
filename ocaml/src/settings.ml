(* Sets options, those that are given. Each raises Native.Refused. *)

let give set options = function None -> () | Some given -> set options given
let time set options = function None -> () | Some seconds -> set options (Outcome.milliseconds seconds)
let pair set options = function None -> () | Some (one, other) -> set options one other

let http_number : Setting.http -> int = function Auto -> 0 | Http_1 -> 1 | Http_2 -> 2 | Upgrade -> 3
let http_setter options http = Native.set_http options (http_number http)
let websocket_http_setter options http = Native.set_websocket_http options (http_number http)

(* ---- Functions: what one raises stays in it ---- *)

let decision_of : Retry.decision -> int = function
  | Stop -> -1
  | Again -> -2
  | Again_after seconds -> max 0 (Outcome.milliseconds seconds)

let attempt_of (attempt : Native.attempt) : Retry.attempt =
  {
    number = attempt.number;
    meth = attempt.attempt_method;
    url = attempt.attempt_url;
    outcome =
      (if attempt.attempt_error = 0 then Ok attempt.attempt_status
      else Error (Outcome.error_of attempt.attempt_error attempt.attempt_message));
    header = Native.attempt_header attempt.attempt_handle;
  }

let retry_setter options : Retry.t -> unit = function
  | Off -> Native.set_retry options 0
  | Safe_transient -> Native.set_retry options 1
  | Transient -> Native.set_retry options 2
  | Function decide ->
      Native.set_retry_callback options (fun attempt ->
          match decide (attempt_of attempt) with decision -> decision_of decision | exception _ -> decision_of Stop)

let retry_delay_setter options delay =
  Native.set_retry_delay options (fun number ->
      match delay number with seconds -> max 0 (Outcome.milliseconds seconds) | exception _ -> 0)

let auth_request_of (request : Native.auth_request) : Auth.request =
  {
    meth = request.auth_method;
    url = request.auth_url;
    host = request.auth_host;
    body = request.auth_body;
    header = Native.auth_request_header request.auth_handle;
  }

let rec auth_setter options : Auth.t -> unit = function
  | Nothing -> Native.set_auth_none options
  | Basic (user, password) -> Native.set_auth_basic options user password
  | Bearer token -> Native.set_auth_bearer options token
  | Literal text -> Native.set_auth_literal options text
  | Digest (user, password) -> Native.set_auth_digest options user password
  | Netrc path -> Native.set_auth_netrc options (Option.value path ~default:"")
  | Aws aws -> Native.set_auth_aws_sigv4 options aws
  | Function choose -> Native.set_auth_callback options (chosen choose)

(* The status that the library is answered. *)
and chosen choose (request : Native.auth_request) =
  let refused = Error.to_int Invalid_argument in
  match choose (auth_request_of request) with
  | Ok (Function _) | Error _ -> refused
  | Ok auth -> ( match auth_setter request.credentials auth with () -> 0 | exception Native.Refused (code, _) -> code)
  | exception _ -> refused

let resolver_setter options (resolver : Resolver.t) =
  Native.set_resolver options (fun lookup ->
      match resolver (Resolver.of_native lookup) with
      | () -> ()
      | exception error -> (
          (* It may have been finished before. *)
          try Native.resolve_fail lookup.resolve_handle (Printexc.to_string error) with Native.Refused _ -> ()))

let resume_setter options resume =
  Native.set_websocket_resume options (fun head ->
      match resume head with messages -> Array.of_list messages | exception _ -> [||])

(* ---- Values of several pieces ---- *)

let drive_setter options : Setting.drive -> unit = function
  | Threads count -> Native.set_drive_threads options count
  | Inline -> Native.set_drive_inline options

let tls_number : Setting.tls_version -> int = function Tls_1_2 -> 12 | Tls_1_3 -> 13

let tls_versions_setter options (oldest, newest) =
  Native.set_tls_versions options (tls_number oldest) (tls_number newest)

let proxies_setter options (proxies : Setting.proxies) =
  Native.set_manager_proxy options proxies.without_tls proxies.with_tls proxies.direct

let proxy_environment_setter options wanted = if wanted then Native.set_proxy_environment options

let proxy_auth_setter options : Setting.proxy_auth -> unit = function
  | Proxy_basic -> Native.set_proxy_auth options 0
  | Proxy_digest -> Native.set_proxy_auth options 1

let proxy_headers_setter options =
  List.iter (fun (name, content) -> Native.add_proxy_header options name content)

let keep_alive_setter options (probes : Setting.keep_alive) =
  Native.set_tcp_keep_alive options
    (Outcome.milliseconds probes.silence)
    (Outcome.milliseconds probes.interval)
    probes.count

let resolve_setter options =
  List.iter (fun (host, port, addresses) -> Native.add_resolve options host port addresses)

let pauses_setter options (pauses : Setting.pauses) =
  Native.set_websocket_reconnect_pauses options
    (Outcome.milliseconds pauses.first)
    (Outcome.milliseconds pauses.longest)
    pauses.attempts

let codes_setter options codes = Native.set_websocket_reconnect_codes options (Array.of_list codes)
let cookie_jar_setter options jar = Native.set_cookie_jar options (Cookie_jar.to_native jar)
let har_setter options har = Native.set_har options (Har.to_native har)

(* ---- Of a request ---- *)

let headers_setter options = List.iter (fun (name, content) -> Native.add_header options name content)
let omit_headers_setter options = List.iter (Native.omit_header options)
let params_setter options = List.iter (fun (name, content) -> Native.add_param options name content)
let path_params_setter options = List.iter (fun (name, content) -> Native.add_path_param options name content)

let path_style_number : Setting.path_style -> int = function Literal -> 0 | Colon -> 1 | Curly -> 2
let path_style_setter options style = Native.set_path_style options (path_style_number style)

let length_of = Option.value ~default:(-1)

let field_of : Setting.field -> Native.field =
  let or_none = Option.value ~default:"" in
  function
  | Text_field (name, content) -> { name; content; filename = ""; content_type = ""; is_file = false }
  | Bytes_field { name; bytes; filename; content_type } ->
      { name; content = bytes; filename = or_none filename; content_type = or_none content_type; is_file = false }
  | File_field { name; path; filename; content_type } ->
      { name; content = path; filename = or_none filename; content_type = or_none content_type; is_file = true }

let body_setter options : Setting.body -> unit = function
  | Bytes bytes -> Native.set_body options bytes
  | Json json -> Native.set_body_json options json
  | Form fields -> Native.set_body_form options fields
  | Multipart fields -> Native.set_body_multipart options (Array.of_list (List.map field_of fields))
  | File { path; offset; length } -> Native.set_body_file options path offset (length_of length)
  | Streamed length -> Native.set_streamed_body options (length_of length)

let proxy_setter = Native.set_request_proxy

let websocket_protocols_setter options names = Native.set_websocket_protocols options (Array.of_list names)

(* ---- What a manager and a request have alike ---- *)

(* Takes the options, and hands on what gives them to the library. *)
let shared (next : (Native.options -> unit) -> 'rest) : 'rest Shared_options.t =
 fun
    ?http ?pool_timeout ?resolve_timeout ?connect_timeout ?tls_timeout ?write_timeout ?first_byte_timeout
    ?idle_timeout ?total_timeout ?credit ?follow_redirects ?max_redirects ?redirect_trusted ?redirect_downgrade
    ?retry ?max_retries ?retry_delay ?auth ?status_errors ?decode ?max_decoded_bytes ?max_decode_ratio ?cookies
    ?expect_continue ?websocket_max_message_bytes ?websocket_deflate ?websocket_deflate_effort
    ?websocket_deflate_windows ?websocket_deflate_alone ?websocket_frames ?websocket_ping_interval
    ?websocket_ping_timeout ?websocket_close_timeout ?websocket_reconnect ?websocket_reconnect_pauses
    ?websocket_reconnect_queue ?websocket_reconnect_codes ?websocket_resume
    ->
  next @@ fun options ->
  give http_setter options http;
  time Native.set_pool_timeout options pool_timeout;
  time Native.set_resolve_timeout options resolve_timeout;
  time Native.set_connect_timeout options connect_timeout;
  time Native.set_tls_timeout options tls_timeout;
  time Native.set_write_timeout options write_timeout;
  time Native.set_first_byte_timeout options first_byte_timeout;
  time Native.set_idle_timeout options idle_timeout;
  time Native.set_total_timeout options total_timeout;
  give Native.set_credit options credit;
  give Native.set_follow_redirects options follow_redirects;
  give Native.set_max_redirects options max_redirects;
  give Native.set_redirect_trusted options redirect_trusted;
  give Native.set_redirect_downgrade options redirect_downgrade;
  give retry_setter options retry;
  give Native.set_max_retries options max_retries;
  give retry_delay_setter options retry_delay;
  give auth_setter options auth;
  give Native.set_status_errors options status_errors;
  give Native.set_decode options decode;
  give Native.set_max_decoded_bytes options max_decoded_bytes;
  give Native.set_max_decode_ratio options max_decode_ratio;
  give Native.set_cookies options cookies;
  time Native.set_expect_continue options expect_continue;
  give Native.set_websocket_max_message_bytes options websocket_max_message_bytes;
  give Native.set_websocket_deflate options websocket_deflate;
  pair Native.set_websocket_deflate_effort options websocket_deflate_effort;
  pair Native.set_websocket_deflate_windows options websocket_deflate_windows;
  pair Native.set_websocket_deflate_alone options websocket_deflate_alone;
  give Native.set_websocket_frames options websocket_frames;
  time Native.set_websocket_ping_interval options websocket_ping_interval;
  time Native.set_websocket_ping_timeout options websocket_ping_timeout;
  time Native.set_websocket_close_timeout options websocket_close_timeout;
  give Native.set_websocket_reconnect options websocket_reconnect;
  give pauses_setter options websocket_reconnect_pauses;
  give Native.set_websocket_reconnect_queue options websocket_reconnect_queue;
  give codes_setter options websocket_reconnect_codes;
  give resume_setter options websocket_resume

(* ---- The rest of a manager's ---- *)

let manager options
    ~drive ~unix_socket ~user_agent ~base_url ~idle_connection_timeout ~max_connections_per_origin ~max_connections
    ~upload_buffer ~max_header_bytes ~max_headers ~max_body_bytes ~websocket_max_frame_bytes ~websocket_send_buffer
    ~websocket_http ~http2_max_concurrent_streams ~http2_stream_window ~http2_adaptive_window ~http2_coalescing
    ~http2_connection_window ~http2_max_frame_size ~http2_header_table_size ~http2_connections_per_origin
    ~http2_ping_interval ~http2_ping_unused ~tls_ca ~tls_ca_file ~tls_verify ~tls_identity ~tls_hostname ~tls_sni
    ~tls_versions ~tls_pins ~tls_resumption ~tls_key_log ~proxy ~proxy_environment ~proxy_auth ~proxy_headers
    ~proxy_tls_ca ~proxy_tls_verify ~local_address ~interface ~nodelay ~tcp_keep_alive ~resolve ~resolver
    ~cookie_jar ~har =
  give drive_setter options drive;
  give Native.set_unix_socket options unix_socket;
  give Native.set_user_agent options user_agent;
  give Native.set_base_url options base_url;
  time Native.set_idle_connection_timeout options idle_connection_timeout;
  give Native.set_max_connections_per_origin options max_connections_per_origin;
  give Native.set_max_connections options max_connections;
  give Native.set_upload_buffer options upload_buffer;
  give Native.set_max_header_bytes options max_header_bytes;
  give Native.set_max_headers options max_headers;
  give Native.set_max_body_bytes options max_body_bytes;
  give Native.set_websocket_max_frame_bytes options websocket_max_frame_bytes;
  give Native.set_websocket_send_buffer options websocket_send_buffer;
  give websocket_http_setter options websocket_http;
  give Native.set_http2_max_concurrent_streams options http2_max_concurrent_streams;
  give Native.set_http2_stream_window options http2_stream_window;
  give Native.set_http2_adaptive_window options http2_adaptive_window;
  give Native.set_http2_coalescing options http2_coalescing;
  give Native.set_http2_connection_window options http2_connection_window;
  give Native.set_http2_max_frame_size options http2_max_frame_size;
  give Native.set_http2_header_table_size options http2_header_table_size;
  give Native.set_http2_connections_per_origin options http2_connections_per_origin;
  time Native.set_http2_ping_interval options http2_ping_interval;
  give Native.set_http2_ping_unused options http2_ping_unused;
  give Native.set_tls_ca options tls_ca;
  give Native.set_tls_ca_file options tls_ca_file;
  give Native.set_tls_verify options tls_verify;
  pair Native.set_tls_identity options tls_identity;
  give Native.set_tls_hostname options tls_hostname;
  give Native.set_tls_sni options tls_sni;
  give tls_versions_setter options tls_versions;
  give Native.set_tls_pins options tls_pins;
  give Native.set_tls_resumption options tls_resumption;
  give Native.set_tls_key_log options tls_key_log;
  give proxies_setter options proxy;
  give proxy_environment_setter options proxy_environment;
  give proxy_auth_setter options proxy_auth;
  give proxy_headers_setter options proxy_headers;
  give Native.set_proxy_tls_ca options proxy_tls_ca;
  give Native.set_proxy_tls_verify options proxy_tls_verify;
  give Native.set_local_address options local_address;
  give Native.set_interface options interface;
  give Native.set_nodelay options nodelay;
  give keep_alive_setter options tcp_keep_alive;
  give resolve_setter options resolve;
  give resolver_setter options resolver;
  give cookie_jar_setter options cookie_jar;
  give har_setter options har

(* ---- The rest of a request's ---- *)

let request options
    ~headers ~omit_headers ~body ~params ~path_params ~path_style ~proxy ~upgrade ~replay ~manual_release
    ~websocket_protocols =
  give headers_setter options headers;
  give omit_headers_setter options omit_headers;
  give body_setter options body;
  give params_setter options params;
  give path_params_setter options path_params;
  give path_style_setter options path_style;
  give proxy_setter options proxy;
  give Native.set_upgrade options upgrade;
  give Native.set_replay options replay;
  give Native.set_manual_release options manual_release;
  give websocket_protocols_setter options websocket_protocols
