include H2_message

type error =
  [ `Malformed_response of string
  | `Invalid_response_body_length of Response.t
  | `Protocol_error of Error_code.t * string
  | `Exn of exn ]

(* ---- A connection, and what is under way on it ---- *)

type scheduled = { on_eof : unit -> unit; on_read : Bigstringaf.t -> off:int -> len:int -> unit }

type exchange = {
  on_response : Response.t -> exchange -> unit;
  on_trailers : Headers.t -> unit;
  on_error : error -> unit;
  mutable response : Response.t option;
  mutable answer : Engine.answer option;
  mutable is_reading : bool;  (* the engine was told so *)
  mutable scheduled : scheduled option;
  mutable is_dropped : bool;  (* nobody wants the rest *)
  mutable has_ended : bool;
  mutable is_complete : bool;  (* and well *)
  (* Held here, so that the collector does not give them back, which resets the stream. *)
  mutable upload : Engine.upload option;
  mutable is_closed : bool;  (* the body of the request *)
  connection : connection;
}

and connection = {
  engine : Engine.engine;
  sink : Engine.sink;
  exchanges : (int, exchange) Hashtbl.t;
  waiting : (int, unit -> unit) Hashtbl.t;
  mutable next : int;
  events : Engine.event Queue.t;
  mutable is_acting : bool;
  mutable raised : exn option;  (* in the push handler *)
  mutable reported : exn option;
  mutable connection_error : error -> unit;
  mutable output : Bigstringaf.t;
  mutable input : Bigstringaf.t;  (* what the engine has not taken yet *)
}

let new_key connection =
  connection.next <- connection.next + 1;
  connection.next

let wait connection continue =
  let key = new_key connection in
  Hashtbl.replace connection.waiting key continue;
  key

let woken connection key =
  let continue = Hashtbl.find_opt connection.waiting key in
  Hashtbl.remove connection.waiting key;
  Option.iter (fun continue -> continue ()) continue

let error_of connection response (fault : Engine.fault) : error =
  match (fault.kind, response) with
  | 1, _ -> `Malformed_response fault.message
  | 2, Some response -> `Invalid_response_body_length response
  | 2, None -> `Malformed_response fault.message
  | 3, _ -> `Protocol_error (Error_code.of_int (max 0 fault.code), fault.message)
  | _ -> `Exn (Option.value connection.reported ~default:(Failure fault.message))

(* ---- Events ---- *)

(* What a call on the engine answers, once its events wait to be acted on. *)
let rec collected connection call =
  match call connection.sink with
  | result ->
      take_events connection;
      result
  | exception error ->
      take_events connection;
      raise error

and take_events connection =
  let events = List.rev connection.sink.events in
  connection.sink.events <- [];
  List.iter (fun event -> Queue.push event connection.events) events

(* Has the engine go on with a body, where somebody wants more of it. *)
let go_on exchange =
  match exchange.answer with
  | Some answer when Option.is_some exchange.scheduled || exchange.is_dropped ->
      let first = not exchange.is_reading in
      exchange.is_reading <- true;
      collected exchange.connection (if first then Engine.answer_read answer else Engine.answer_resume answer)
  | _ -> ()

let ended exchange key =
  exchange.has_ended <- true;
  exchange.answer <- None;
  exchange.upload <- None;
  Hashtbl.remove exchange.connection.exchanges key

let take_scheduled exchange =
  let scheduled = exchange.scheduled in
  exchange.scheduled <- None;
  scheduled

let with_exchange connection key act = Option.iter act (Hashtbl.find_opt connection.exchanges key)

let act connection : Engine.event -> unit = function
  | Head (key, answer, status, fields) ->
      with_exchange connection key (fun exchange ->
          let response = Response.create ~headers:(Headers.of_list fields) (Status.of_code status) in
          exchange.response <- Some response;
          exchange.answer <- Some answer;
          exchange.on_response response exchange)
  | Data (key, bytes) ->
      with_exchange connection key (fun exchange ->
          match take_scheduled exchange with
          | Some scheduled -> scheduled.on_read bytes ~off:0 ~len:(Bigstringaf.length bytes)
          | None -> go_on exchange)
  | Trailers (key, fields) ->
      with_exchange connection key (fun exchange -> exchange.on_trailers (Headers.of_list fields))
  | End key ->
      with_exchange connection key (fun exchange ->
          ended exchange key;
          exchange.is_complete <- true;
          Option.iter (fun scheduled -> scheduled.on_eof ()) (take_scheduled exchange))
  | Fault (0, fault) -> connection.connection_error (error_of connection None fault)
  | Fault (key, fault) ->
      with_exchange connection key (fun exchange ->
          ended exchange key;
          exchange.scheduled <- None;
          exchange.on_error (error_of connection exchange.response fault))
  | Flushed (key, true) | Woken key -> woken connection key
  | Flushed (key, false) -> Hashtbl.remove connection.waiting key

let rec act_on_all connection =
  match Queue.take_opt connection.events with
  | None -> ()
  | Some event ->
      act connection event;
      act_on_all connection

(* Calls the engine and acts on what it tells. Inside of a function of the program's the call outside does that, so
   that everything comes in order. What such a function raises is let through; the other events wait for the next
   call. *)
let run connection call =
  let result = collected connection call in
  (match connection.raised with
  | None -> ()
  | Some error ->
      connection.raised <- None;
      raise error);
  if not connection.is_acting then (
    connection.is_acting <- true;
    Fun.protect ~finally:(fun () -> connection.is_acting <- false) (fun () -> act_on_all connection));
  result

(* For calls that fail where the connection or stream has ended, of which the error handlers are told. *)
let run_if_alive connection call = try run connection call with Native.Refused _ -> ()

let range ~off ~len length =
  let len = Option.value len ~default:(length - off) in
  if off < 0 || len < 0 || off > length - len then invalid_arg "Trunkline.H2: the range is not in the buffer";
  len

(* ---- Bodies ---- *)

module Body = struct
  type 'rw t = { exchange : exchange; is_writer : bool }

  let reader exchange = { exchange; is_writer = false }
  let writer exchange = { exchange; is_writer = true }

  (* ---- Of answers ---- *)

  let schedule_read { exchange; _ } ~on_eof ~on_read =
    if exchange.is_dropped || exchange.is_complete then on_eof ()
    else if not exchange.has_ended then (
      exchange.scheduled <- Some { on_eof; on_read };
      go_on exchange;
      run exchange.connection ignore)

  let close_reader { exchange; _ } =
    exchange.is_dropped <- true;
    exchange.scheduled <- None;
    go_on exchange;
    run exchange.connection ignore

  (* ---- Of requests ---- *)

  let write { exchange; _ } call =
    if exchange.is_closed then failwith "Trunkline.H2: the body was closed";
    Option.iter (fun upload -> run_if_alive exchange.connection (call upload)) exchange.upload

  let write_string body ?(off = 0) ?len text =
    let len = range ~off ~len (String.length text) in
    let piece = if len = String.length text then text else String.sub text off len in
    write body (fun upload sink -> Engine.write_string upload sink piece)

  let write_char body char = write_string body (String.make 1 char)

  let write_bigstring body ?(off = 0) ?len bytes =
    let len = range ~off ~len (Bigstringaf.length bytes) in
    write body (fun upload sink -> Engine.write upload sink bytes off len)

  let schedule_bigstring = write_bigstring

  let waiting { exchange; _ } continue call =
    let connection = exchange.connection in
    let wait_for upload =
      let key = wait connection continue in
      try run connection (fun sink -> call upload sink key)
      with Native.Refused _ -> Hashtbl.remove connection.waiting key
    in
    Option.iter wait_for exchange.upload

  let flush body continue = waiting body continue Engine.flush
  let on_room body continue = waiting body continue Engine.on_room

  let room { exchange; _ } =
    match exchange.upload with
    | Some upload when not exchange.is_closed -> ( try Engine.room upload with Native.Refused _ -> 0)
    | _ -> 0

  let close_writer { exchange; _ } =
    if not exchange.is_closed then (
      exchange.is_closed <- true;
      Option.iter (fun upload -> run_if_alive exchange.connection (Engine.close upload)) exchange.upload)

  let is_closed { exchange; is_writer } =
    exchange.has_ended || if is_writer then exchange.is_closed else exchange.is_dropped
end

(* ---- Connections ---- *)

module Client_connection = struct
  type t = connection
  type nonrec error = error
  type trailers_handler = Headers.t -> unit
  type response_handler = Response.t -> [ `read ] Body.t -> unit
  type error_handler = error -> unit
  type push_handler = Request.t -> (response_handler, unit) result

  (* Bytes that are held where the engine takes no more, because what is to be written waits. *)
  let most_input = 65536

  (* ---- Exchanges ---- *)

  let add_exchange connection ~trailers_handler ~error_handler ~response_handler =
    let key = new_key connection in
    let exchange =
      {
        on_response = (fun response exchange -> response_handler response (Body.reader exchange));
        on_trailers = trailers_handler;
        on_error = error_handler;
        response = None;
        answer = None;
        is_reading = false;
        scheduled = None;
        is_dropped = false;
        has_ended = false;
        is_complete = false;
        upload = None;
        is_closed = false;
        connection;
      }
    in
    Hashtbl.replace connection.exchanges key exchange;
    (key, exchange)

  (* The method, URI and fields of the engine, from those of a request, and back. *)

  let authority headers =
    match Headers.get headers ":authority" with None -> Headers.get headers "host" | given -> given

  let is_field (name, _) = not (String.equal name "host" || String.length name > 0 && name.[0] = ':')

  let uri ~scheme ~target headers =
    Printf.sprintf "%s://%s%s" scheme (Option.value (authority headers) ~default:"") target

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
          fst (add_exchange connection ~trailers_handler:ignore ~error_handler ~response_handler)
      | Error () -> -1
      | exception error ->
          connection.raised <- Some error;
          -1
    in
    connection.is_acting <- was_acting;
    key

  (* [make] makes the engine, given the connection whose exchanges it may add to. *)
  let connection push_handler error_handler engine =
    let self = ref None in
    let promise meth uri fields =
      match (!self, push_handler) with
      | Some connection, Some handler -> promised connection handler meth uri fields
      | _ -> -1
    in
    let connection =
      {
        engine;
        sink = { events = []; promise };
        exchanges = Hashtbl.create 16;
        waiting = Hashtbl.create 4;
        next = 0;
        events = Queue.create ();
        is_acting = false;
        raised = None;
        reported = None;
        connection_error = error_handler;
        output = Bigstringaf.create 16384;
        input = Bigstringaf.empty;
      }
    in
    self := Some connection;
    connection

  let may_push (config : Config.t) push_handler = config.enable_server_push && Option.is_some push_handler

  (* Its type is that of the library h2, whose optional arguments have no positional one behind them. *)
  let[@warning "-16"] create ?(config = Config.default) ?push_handler ~error_handler =
    connection push_handler error_handler (Engine.make (settings config) (may_push config push_handler))

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
      let _, exchange =
        add_exchange connection ~trailers_handler:ignore ~error_handler:answer_error_handler ~response_handler
      in
      exchange.is_closed <- true;
      connection
    in
    told (Outcome.catch make)

  (* ---- Requests ---- *)

  let request connection ?(trailers_handler = ignore) (request : Request.t) ~error_handler ~response_handler =
    let key, exchange = add_exchange connection ~trailers_handler ~error_handler ~response_handler in
    let uri = uri ~scheme:request.scheme ~target:request.target request.headers in
    let fields = List.filter is_field (Headers.to_list request.headers) in
    let send sink = Engine.request connection.engine sink key (Method.to_string request.meth) uri fields in
    (match collected connection send with
    | upload ->
        exchange.upload <- Some upload;
        run connection ignore
    | exception Native.Refused (_, message) ->
        ended exchange key;
        exchange.is_closed <- true;
        error_handler (`Exn (Failure message)));
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

  let shutdown connection = run_if_alive connection (Engine.shutdown connection.engine)

  (* ---- The side that is read ---- *)

  let operation_close = 4
  let is_read_closed connection = Engine.next_read connection.engine = operation_close
  let next_read_operation connection = if is_read_closed connection then `Close else `Read

  let give connection bytes off len =
    run connection (fun sink -> Engine.read connection.engine sink bytes off len)

  (* Gives the engine what it has not taken before. *)
  let rec give_input connection =
    let held = Bigstringaf.length connection.input in
    if held > 0 then (
      let input = connection.input in
      let consumed = collected connection (fun sink -> Engine.read connection.engine sink input 0 held) in
      connection.input <- Bigstringaf.sub input ~off:consumed ~len:(held - consumed);
      run connection ignore;
      if consumed > 0 then give_input connection)

  (* Holds what the engine does not take now, as far as there is room. *)
  let hold connection bytes off len =
    let held = Bigstringaf.length connection.input in
    let more = min len (max 0 (most_input - held)) in
    let input = Bigstringaf.create (held + more) in
    Bigstringaf.blit connection.input ~src_off:0 input ~dst_off:0 ~len:held;
    Bigstringaf.blit bytes ~src_off:off input ~dst_off:held ~len:more;
    connection.input <- input;
    more

  let read connection bytes ~off ~len =
    let len = range ~off ~len:(Some len) (Bigstringaf.length bytes) in
    give_input connection;
    let consumed = if Bigstringaf.length connection.input > 0 then 0 else give connection bytes off len in
    if consumed = len || is_read_closed connection then consumed
    else consumed + hold connection bytes (off + consumed) (len - consumed)

  let read_eof connection bytes ~off ~len =
    let consumed = read connection bytes ~off ~len in
    run_if_alive connection (Engine.read_eof connection.engine);
    consumed

  let yield_reader (_ : t) continue = continue ()

  (* ---- The side that is written ---- *)

  let rec next_write_operation connection =
    let room = Bigstringaf.length connection.output in
    match run connection (fun sink -> Engine.next_write connection.engine sink connection.output) with
    | -1 -> `Yield
    | size when size < 0 -> `Close (-2 - size)
    | size when size > room ->
        connection.output <- Bigstringaf.create (max size (2 * room));
        next_write_operation connection
    | size -> `Write [ { IOVec.buffer = connection.output; off = 0; len = size } ]

  let report_write_result connection result =
    let written = match result with `Ok count -> count | `Closed -> -1 in
    (match result with `Ok count when count < 0 -> invalid_arg "report_write_result" | _ -> ());
    (try run connection (fun sink -> Engine.wrote connection.engine sink written)
     with Native.Refused (_, message) -> invalid_arg message);
    give_input connection

  let yield_writer connection continue =
    let key = wait connection continue in
    run connection (fun sink -> Engine.yield_writer connection.engine sink key)

  (* ---- The end ---- *)

  let report_exn connection error =
    connection.reported <- Some error;
    run_if_alive connection (fun sink -> Engine.report_exn connection.engine sink (Printexc.to_string error))

  let is_closed connection = Engine.is_closed connection.engine
end
