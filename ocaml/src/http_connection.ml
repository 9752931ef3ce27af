(* What the connections of HTTP/1.1 and HTTP/2 have alike: how requests are sent. *)

open Driven

let no_upgrade _ _ = ()

(* An exchange that its engine does not know yet. *)
let add ?(trailers_handler = ignore) ?(informational_handler = ignore) ?(upgrade_handler = no_upgrade) connection
    ~error_handler ~response_handler =
  let key = new_key connection in
  let exchange =
    {
      key;
      on_response = (fun response exchange -> response_handler response (Body.reader exchange));
      on_trailers = trailers_handler;
      on_informational = informational_handler;
      on_upgraded = upgrade_handler;
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
  exchange

(* The URI that the engine is given, from the fields of a request, and those that it is given besides. *)

let authority headers =
  match Headers.get headers ":authority" with None -> Headers.get headers "host" | given -> given

let is_field (name, _) =
  not (String.equal (String.lowercase_ascii name) "host" || (String.length name > 0 && name.[0] = ':'))

let uri ~scheme ~target headers =
  Printf.sprintf "%s://%s%s" scheme (Option.value (authority headers) ~default:"") target

(* Sends a request, or tells its exchange why it could not. *)
let send exchange ~meth ~uri ~fields ~upgradable ~has_body =
  let connection = exchange.connection in
  let ask sink =
    Engine.request connection.engine sink exchange.key (Method.to_string meth) uri fields upgradable has_body
  in
  exchange.is_closed <- not has_body;
  match collected connection ask with
  | upload ->
      exchange.upload <- Some upload;
      run connection ignore
  | exception Native.Refused (_, message) ->
      ended exchange;
      exchange.is_closed <- true;
      exchange.on_error (`Exn (Failure message))
