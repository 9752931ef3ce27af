include H2_message
open Driven
open Http_connection
module Body = Body

(* ---- Connections ---- *)

module Client_connection = struct
  type t = connection
  type nonrec error = error
  type trailers_handler = Headers.t -> unit
  type response_handler = Response.t -> [ `read ] Body.t -> unit
  type error_handler = error -> unit
  type push_handler = Request.t -> (response_handler, unit) result

  (* From what the engine tells of a promised request. *)
  let request_of meth uri fields =
    let after_scheme = match String.index_opt uri ':' with Some colon -> colon + 3 | None -> 0 in
    let path = Option.value (String.index_from_opt uri after_scheme '/') ~default:(String.length uri) in
    let piece from until = String.sub uri from (until - from) in
    let headers = Headers.of_list ((":authority", piece after_scheme path) :: fields) in
    Request.create ~headers ~scheme:(piece 0 (max 0 (after_scheme - 3))) (Method.of_string meth)
      (piece path (String.length uri))

  (* ---- Making one ---- *)

  let settings (config : Config.t) : Engine.settings =
    let unsigned number = Int32.to_int number land 0xffffffff in
    {
      window = unsigned config.initial_window_size;
      frame = config.read_buffer_size;
      pushed = unsigned config.max_concurrent_streams;
      buffer = config.request_body_buffer_size;
    }

  (* The key of a pushed exchange, or a refusal. It runs inside of the engine: what it makes happen waits for the end
     of the call, and so does what it raises. *)
  let promised connection (handler : push_handler) meth uri fields =
    let was_acting = connection.is_acting in
    connection.is_acting <- true;
    let key =
      match handler (request_of meth uri fields) with
      | Ok response_handler ->
          let error_handler error = connection.connection_error error in
          (add connection ~error_handler ~response_handler).key
      | Error () -> -1
      | exception error ->
          connection.raised <- Some error;
          -1
    in
    connection.is_acting <- was_acting;
    key

  let connection push_handler error_handler engine =
    let self = ref None in
    let promise meth uri fields =
      match (!self, push_handler) with
      | Some connection, Some handler -> promised connection handler meth uri fields
      | _ -> -1
    in
    let connection = make engine ~promise ~connection_error:error_handler in
    self := Some connection;
    connection

  let may_push (config : Config.t) push_handler = config.enable_server_push && Option.is_some push_handler

  (* Its type is that of the library h2, whose optional arguments have no positional one behind them. *)
  let[@warning "-16"] create ?(config = Config.default) ?push_handler ~error_handler =
    connection push_handler error_handler (Engine.http2 (settings config) (may_push config push_handler))

  (* ---- Upgrades ---- *)

  let upgrade_fields = [ "host"; "connection"; "upgrade"; "http2-settings"; "content-length" ]
  let plain_headers headers = List.fold_left Headers.remove headers upgrade_fields

  (* What the engine is given of a request that asks for an upgrade. *)
  let asked (request : Httpaf.Request.t) =
    ( Method.to_string request.meth,
      uri ~scheme:"http" ~target:request.target request.headers,
      Headers.to_list (plain_headers request.headers) )

  (* The value of http2-settings, from the request that the engine would write. *)
  let settings_field config push request =
    let meth, uri, fields = asked request in
    let lines = String.split_on_char '\n' (Engine.upgrade (settings config) push meth uri fields) in
    let value line =
      match String.index_opt line ':' with
      | Some colon when String.lowercase_ascii (String.sub line 0 colon) = "http2-settings" ->
          Some (String.trim (String.sub line (colon + 1) (String.length line - colon - 1)))
      | _ -> None
    in
    Option.value (List.find_map value lines) ~default:""

  let told result = Result.map_error (fun (error : Error.t) -> error.message) result

  let h2c_request ?(config = Config.default) ?(push = false) (request : Httpaf.Request.t) =
    let with_fields () =
      let value = settings_field config (config.enable_server_push && push) request in
      let fields = [ ("connection", "Upgrade, HTTP2-Settings"); ("upgrade", "h2c"); ("http2-settings", value) ] in
      { request with headers = Headers.add_list request.headers fields }
    in
    told (Outcome.catch with_fields)

  let create_h2c ?(config = Config.default) ?push_handler ~http_request ~error_handler
      ((response_handler, answer_error_handler) : response_handler * error_handler) =
    let push = may_push config push_handler in
    let given = Headers.get http_request.Httpaf.Request.headers "http2-settings" in
    let make () =
      (if given <> Some (settings_field config push http_request) then
       let why = "the field http2-settings does not tell of this config" in
       raise (Native.Refused (Error.to_int Invalid_argument, why)));
      let meth, uri, fields = asked http_request in
      (* The first key of a new connection. *)
      let engine = Engine.upgraded (settings config) push meth uri fields 1 in
      let connection = connection push_handler error_handler engine in
      let exchange = add connection ~error_handler:answer_error_handler ~response_handler in
      exchange.is_closed <- true;
      exchange.upload <- Some (Engine.upgraded_request engine);
      connection.upgraded <- Some exchange;
      connection
    in
    told (Outcome.catch make)

  let upgraded_request connection = Option.map Body.writer connection.upgraded

  (* ---- Requests ---- *)

  let request connection ?trailers_handler (request : Request.t) ~error_handler ~response_handler =
    let fields = List.filter is_field (Headers.to_list request.headers) in
    let uri = uri ~scheme:request.scheme ~target:request.target request.headers in
    let exchange = add connection ?trailers_handler ~error_handler ~response_handler in
    send exchange ~meth:request.meth ~uri ~fields ~upgradable:false ~has_body:true;
    Body.writer exchange

  let ping connection ?payload ?(off = 0) continue =
    let octets =
      match payload with
      | None -> ""
      | Some payload ->
          let len = range ~off ~len:(Some 8) (Bigstringaf.length payload) in
          Bigstringaf.substring payload ~off ~len
    in
    let key = wait connection continue in
    try run connection (fun sink -> Engine.ping connection.engine sink octets key)
    with Native.Refused _ -> Hashtbl.remove connection.waiting key

  let shutdown connection = run_if_alive connection (Engine.http2_shutdown connection.engine)

  include Pump
end
