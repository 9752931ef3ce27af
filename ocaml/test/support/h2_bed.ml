(* An HTTP/2 connection without a socket whose events are written down, and its server by hand. *)

open Trunkline.H2
module Connection = Client_connection
module Pump = Pumped.Make (Connection)

let shown_error : Connection.error -> string = function
  | `Malformed_response _ -> "malformed"
  | `Invalid_response_body_length response -> "length of " ^ Status.to_string response.status
  | `Protocol_error (code, _) -> "protocol " ^ Error_code.to_string code
  | `Exn error -> "exn " ^ Printexc.to_string error

(* ---- A connection whose events are written down ---- *)

type bed = { connection : Connection.t; log : Buffer.t; written : Buffer.t }

let note log format = Printf.bprintf log (format ^^ "\n")

(* Reads a body to its end, each piece into one line's text: how it was cut is no matter. *)
let rec read_body log name total body =
  let on_eof () = note log "%s: body %S" name (Buffer.contents total) in
  let on_read bytes ~off ~len =
    Buffer.add_string total (Bigstringaf.substring bytes ~off ~len);
    read_body log name total body
  in
  Body.schedule_read body ~on_eof ~on_read

let on_response log name (response : Response.t) body =
  note log "%s: %s %s" name (Status.to_string response.status)
    (String.concat "," (List.map fst (Headers.to_list response.headers)));
  read_body log name (Buffer.create 16) body

let bed ?config ?push_handler () =
  let log = Buffer.create 256 in
  let error_handler error = note log "connection: %s" (shown_error error) in
  let push_handler = Option.map (fun handler -> handler log) push_handler in
  { connection = Connection.create ?config ?push_handler ~error_handler; log; written = Buffer.create 256 }

let write ?most bed = Pump.write ?most bed.connection bed.written

(* Gives bytes of the server's, [most] at a time. *)
let read ?most bed bytes =
  if Pump.read ?most bed.connection bed.written bytes < String.length bytes then Alcotest.fail "nothing was taken"

let request ?trailers_handler ?(meth = `GET) ?(name = "stream") bed target =
  let headers = Headers.of_list [ (":authority", "example.test"); ("x-one", "1") ] in
  let request = Request.create ~scheme:"http" ~headers meth target in
  Connection.request bed.connection ?trailers_handler request
    ~error_handler:(fun error -> note bed.log "%s: %s" name (shown_error error))
    ~response_handler:(on_response bed.log name)

let get ?trailers_handler ?name bed target =
  let body = request ?trailers_handler ?name bed target in
  Body.close_writer body;
  write bed

let check bed expected =
  let lines = String.concat "" (List.map (fun line -> line ^ "\n") expected) in
  Alcotest.(check string) "events" lines (Buffer.contents bed.log)

let frames bed = Frames.parse (Buffer.contents bed.written)
let has bed what found = Alcotest.(check bool) what true (List.exists found (frames bed))
let ok_head = [ (":status", "200"); ("x-a", "b") ]
let started = Frames.settings ^ Frames.settings_ack

(* The lines of one stream: events of several may come in another order. *)
let of_stream name log =
  List.filter (String.starts_with ~prefix:(name ^ ":")) (String.split_on_char '\n' log)

let promise path =
  Frames.promise 1 2 [ (":method", "GET"); (":scheme", "http"); (":authority", "example.test"); (":path", path) ]

let accept log (request : Request.t) =
  let authority = Headers.get_exn request.headers ":authority" in
  note log "promise %s %s of %s" (Method.to_string request.meth) request.target authority;
  Ok (on_response log "pushed")

(* One that may ask for an upgrade. *)
let http_request =
  let headers = Headers.of_list [ ("host", "example.test"); ("x-one", "1") ] in
  Httpaf.Request.create ~headers `GET "/up"
