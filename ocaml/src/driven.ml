(* A connection without a socket, what is under way on it, and how what its engine tells is acted on. *)

module Error_code = H2_message.Error_code

type error =
  [ `Malformed_response of string
  | `Invalid_response_body_length of Response.t
  | `Protocol_error of Error_code.t * string
  | `Exn of exn ]

(* ---- A connection, and what is under way on it ---- *)

type scheduled = { on_eof : unit -> unit; on_read : Bigstringaf.t -> off:int -> len:int -> unit }

type exchange = {
  key : int;
  on_response : Response.t -> exchange -> unit;
  on_trailers : Headers.t -> unit;
  on_informational : Response.t -> unit;
  on_upgraded : Response.t -> string -> unit;  (* with what came behind it *)
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
  mutable upgraded : exchange option;  (* of the request that asked for HTTP/2 *)
  mutable raised : exn option;  (* in the push handler *)
  mutable reported : exn option;
  connection_error : error -> unit;
  on_socket : Engine.event -> unit;  (* what a WebSocket tells *)
  mutable output : Bigstringaf.t;
  mutable input : Bigstringaf.t;  (* what the engine has not taken yet *)
}

let make ?(on_socket = ignore) engine ~promise ~connection_error =
  {
    engine;
    sink = { events = []; promise };
    exchanges = Hashtbl.create 16;
    waiting = Hashtbl.create 4;
    next = 0;
    events = Queue.create ();
    is_acting = false;
    upgraded = None;
    raised = None;
    reported = None;
    connection_error;
    on_socket;
    output = Bigstringaf.create 16384;
    input = Bigstringaf.empty;
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

(* The body of a request may go on when its answer has ended, as long as the program holds it. *)
let answered exchange =
  exchange.has_ended <- true;
  exchange.answer <- None;
  Hashtbl.remove exchange.connection.exchanges exchange.key

let ended exchange =
  answered exchange;
  exchange.upload <- None

let take_scheduled exchange =
  let scheduled = exchange.scheduled in
  exchange.scheduled <- None;
  scheduled

let with_exchange connection key act = Option.iter act (Hashtbl.find_opt connection.exchanges key)

let response_of status fields = Response.create ~headers:(Headers.of_list fields) (Status.unsafe_of_code status)

(* What was read and not taken yet: after an upgrade it belongs to the other protocol. *)
let take_input connection =
  let input = connection.input in
  connection.input <- Bigstringaf.empty;
  Bigstringaf.to_string input

let act connection : Engine.event -> unit = function
  | Head (key, answer, status, fields) ->
      with_exchange connection key (fun exchange ->
          let response = response_of status fields in
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
          answered exchange;
          exchange.is_complete <- true;
          Option.iter (fun scheduled -> scheduled.on_eof ()) (take_scheduled exchange))
  | Informational (key, status, fields) ->
      with_exchange connection key (fun exchange -> exchange.on_informational (response_of status fields))
  | Upgraded (key, status, fields, rest) ->
      with_exchange connection key (fun exchange ->
          ended exchange;
          exchange.on_upgraded (response_of status fields) (rest ^ take_input connection))
  | (Message _ | Closed _) as event -> connection.on_socket event
  | Fault (0, fault) -> connection.connection_error (error_of connection None fault)
  | Fault (key, fault) ->
      with_exchange connection key (fun exchange ->
          ended exchange;
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
  if off < 0 || len < 0 || off > length - len then invalid_arg "Trunkline: the range is not in the buffer";
  len
