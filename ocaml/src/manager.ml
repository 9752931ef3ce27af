type entry = { request : Request.t; on_part : Request.t -> Part.t -> unit }

type t = {
  native : Native.manager;
  lock : Mutex.t;  (* of [entries] and [next] *)
  entries : (int, entry) Hashtbl.t;
  mutable next : int;
  polling : bool Atomic.t;
  waiting : (entry * Part.t) Queue.t;  (* polled and not handed over; whoever polls has it *)
}

let of_native native =
  {
    native;
    lock = Mutex.create ();
    entries = Hashtbl.create 16;
    next = 0;
    polling = Atomic.make false;
    waiting = Queue.create ();
  }

let create
    ?drive ?unix_socket ?user_agent ?base_url ?idle_connection_timeout ?max_connections_per_origin ?max_connections
    ?upload_buffer ?max_header_bytes ?max_headers ?max_body_bytes ?websocket_max_frame_bytes ?websocket_send_buffer
    ?websocket_http ?http2_max_concurrent_streams ?http2_stream_window ?http2_adaptive_window ?http2_coalescing
    ?http2_connection_window ?http2_max_frame_size ?http2_header_table_size ?http2_connections_per_origin
    ?http2_ping_interval ?http2_ping_unused ?tls_ca ?tls_ca_file ?tls_verify ?tls_identity ?tls_hostname ?tls_sni
    ?tls_versions ?tls_pins ?tls_resumption ?tls_key_log ?proxy ?proxy_environment ?proxy_auth ?proxy_headers
    ?proxy_tls_ca ?proxy_tls_verify ?local_address ?interface ?nodelay ?tcp_keep_alive ?resolve ?resolver
    ?cookie_jar ?har =
  Settings.shared @@ fun give_shared () ->
  Outcome.catch (fun () ->
      let options = Native.manager_options_new () in
      Settings.manager options
        ~drive ~unix_socket ~user_agent ~base_url ~idle_connection_timeout ~max_connections_per_origin
        ~max_connections ~upload_buffer ~max_header_bytes ~max_headers ~max_body_bytes ~websocket_max_frame_bytes
        ~websocket_send_buffer ~websocket_http ~http2_max_concurrent_streams ~http2_stream_window
        ~http2_adaptive_window ~http2_coalescing ~http2_connection_window ~http2_max_frame_size
        ~http2_header_table_size ~http2_connections_per_origin ~http2_ping_interval ~http2_ping_unused ~tls_ca
        ~tls_ca_file ~tls_verify ~tls_identity ~tls_hostname ~tls_sni ~tls_versions ~tls_pins ~tls_resumption
        ~tls_key_log ~proxy ~proxy_environment ~proxy_auth ~proxy_headers ~proxy_tls_ca ~proxy_tls_verify
        ~local_address ~interface ~nodelay ~tcp_keep_alive ~resolve ~resolver ~cookie_jar ~har;
      give_shared options;
      of_native (Native.manager_new options))

let with_lock manager work =
  Mutex.lock manager.lock;
  Fun.protect ~finally:(fun () -> Mutex.unlock manager.lock) work

let submit manager options =
  Outcome.catch (fun () ->
      Request.of_native manager.native
        (Request_options.submitted options None (Native.submit_recv manager.native)))

let submit_callback ?manual_release manager options on_part =
  Outcome.catch (fun () ->
      Request_options.submitted options manual_release @@ fun options ->
      (* Locked: a part may come before the request is entered. *)
      with_lock manager (fun () ->
          let key = manager.next in
          let native = Native.submit_queue manager.native options key in
          let request = Request.of_native manager.native native in
          manager.next <- key + 1;
          Hashtbl.replace manager.entries key { request; on_part };
          request))

(* ---- Polling ---- *)

let keep manager (key, native) =
  let part = Outcome.part native in
  with_lock manager (fun () ->
      match Hashtbl.find_opt manager.entries key with
      | None -> ()
      | Some entry ->
          if Part.is_terminal part then Hashtbl.remove manager.entries key;
          Queue.push (entry, part) manager.waiting)

let rec hand_over manager count =
  match Queue.take_opt manager.waiting with
  | None -> count
  | Some (entry, part) ->
      entry.on_part entry.request part;
      hand_over manager (count + 1)

let fetch manager timeout =
  let is_empty parts = Array.length parts = 0 in
  let parts = Outcome.in_slices (Outcome.left_of timeout) (Native.poll manager.native) is_empty in
  Array.iter (keep manager) parts

let poll ?timeout manager =
  if not (Atomic.compare_and_set manager.polling false true) then
    Error (Outcome.error_of (Error.to_int Busy) "another thread polls this manager, or a function that it called")
  else
    Fun.protect
      ~finally:(fun () -> Atomic.set manager.polling false)
      (fun () ->
        let fetched =
          if Queue.is_empty manager.waiting then Outcome.catch (fun () -> fetch manager timeout) else Ok ()
        in
        Result.map (fun () -> hand_over manager 0) fetched)

(* A descriptor of Unix is its number on every system that has the library. *)
external file_descr_of_int : int -> Unix.file_descr = "%identity"

let descriptor manager = Outcome.catch (fun () -> file_descr_of_int (Native.descriptor manager.native))

(* ---- The end ---- *)

let close manager = Outcome.catch (fun () -> Native.manager_close manager.native)
let shutdown ?timeout manager = Outcome.catch (fun () -> Native.shutdown manager.native (Outcome.left_of timeout))
let free manager = Outcome.catch (fun () -> Native.manager_free manager.native)

(* ---- Counters ---- *)

let statistics manager =
  Outcome.catch (fun () ->
      let counters, errors = Native.statistics manager.native in
      Statistics.of_counters counters errors)

let openmetrics manager = Outcome.catch (fun () -> Native.openmetrics manager.native)
