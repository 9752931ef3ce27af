type t = {
  native : Native.options;
  manual_release : bool;
  lock : Mutex.t;  (* of what is changed for the time of one submission *)
}

let of_native native manual_release = { native; manual_release; lock = Mutex.create () }

let make
    ?headers ?omit_headers ?body ?params ?path_params ?path_style ?proxy ?upgrade ?replay ?manual_release
    ?websocket_protocols
    ?http ?pool_timeout ?resolve_timeout ?connect_timeout ?tls_timeout ?write_timeout ?first_byte_timeout
    ?idle_timeout ?total_timeout ?credit ?follow_redirects ?max_redirects ?redirect_trusted ?redirect_downgrade
    ?retry ?max_retries ?retry_delay ?auth ?status_errors ?decode ?max_decoded_bytes ?max_decode_ratio ?cookies
    ?expect_continue ?websocket_max_message_bytes ?websocket_deflate ?websocket_deflate_effort
    ?websocket_deflate_windows ?websocket_deflate_alone ?websocket_frames ?websocket_ping_interval
    ?websocket_ping_timeout ?websocket_close_timeout ?websocket_reconnect ?websocket_reconnect_pauses
    ?websocket_reconnect_queue ?websocket_reconnect_codes ?websocket_resume
    ~meth url =
  Outcome.catch (fun () ->
      let options = Native.request_options_new meth url in
      Settings.request options
        ~headers ~omit_headers ~body ~params ~path_params ~path_style ~proxy ~upgrade ~replay ~manual_release
    ~websocket_protocols;
      Settings.shared options
        ~http ~pool_timeout ~resolve_timeout ~connect_timeout ~tls_timeout ~write_timeout ~first_byte_timeout
        ~idle_timeout ~total_timeout ~credit ~follow_redirects ~max_redirects ~redirect_trusted ~redirect_downgrade
        ~retry ~max_retries ~retry_delay ~auth ~status_errors ~decode ~max_decoded_bytes ~max_decode_ratio ~cookies
        ~expect_continue ~websocket_max_message_bytes ~websocket_deflate ~websocket_deflate_effort
        ~websocket_deflate_windows ~websocket_deflate_alone ~websocket_frames ~websocket_ping_interval
        ~websocket_ping_timeout ~websocket_close_timeout ~websocket_reconnect ~websocket_reconnect_pauses
        ~websocket_reconnect_queue ~websocket_reconnect_codes ~websocket_resume;
      of_native options (Option.value manual_release ~default:false))

let connect ?headers ~proxy authority =
  Outcome.catch (fun () ->
      let options = Native.request_options_new_connect proxy authority in
      Settings.give Settings.headers_setter options headers;
      of_native options false)

let submitted options manual_release submit =
  Mutex.lock options.lock;
  Fun.protect ~finally:(fun () -> Mutex.unlock options.lock) @@ fun () ->
  match manual_release with
  | Some wanted when wanted <> options.manual_release ->
      Native.set_manual_release options.native wanted;
      Fun.protect
        ~finally:(fun () -> Native.set_manual_release options.native options.manual_release)
        (fun () -> submit options.native)
  | _ -> submit options.native
