type t = {
  native : Native.options;
  manual_release : bool;
  lock : Mutex.t;  (* of what is changed for the time of one submission *)
}

let of_native native manual_release = { native; manual_release; lock = Mutex.create () }

let make
    ?headers ?omit_headers ?body ?params ?path_params ?path_style ?proxy ?upgrade ?replay ?manual_release
    ?websocket_protocols =
  Settings.shared @@ fun give_shared ~meth url ->
  Outcome.catch (fun () ->
      let options = Native.request_options_new meth url in
      Settings.request options
        ~headers ~omit_headers ~body ~params ~path_params ~path_style ~proxy ~upgrade ~replay ~manual_release
        ~websocket_protocols;
      give_shared options;
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
