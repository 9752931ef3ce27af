(* WebSockets without a socket: against frames by hand (RFC 6455, 5.7), and against a server. *)

open Trunkline
open Support
module Connection = Websocket_connection
module Pump = Pumped.Make (Connection)

type bed = { connection : Connection.t; log : Buffer.t; written : Buffer.t }

let shown (message : Part.message) =
  let kind =
    match message.kind with
    | Text -> "text"
    | Binary -> "binary"
    | Continuation -> "continuation"
    | Close -> "close"
    | Ping -> "ping"
    | Pong -> "pong"
  in
  let code = Option.fold ~none:"" ~some:(Printf.sprintf " %d") message.code in
  Printf.sprintf "%s%s%s %S" kind (if message.more then " and more" else "") code message.payload

let bed ?config ?handshake () =
  let log = Buffer.create 64 in
  let close_handler = function
    | Ok code -> Printf.bprintf log "closed %s\n" (Option.fold ~none:"without a code" ~some:string_of_int code)
    | Error (error : Error.t) -> Printf.bprintf log "error %s\n" (Error.name error.code)
  in
  let message_handler message = Printf.bprintf log "%s\n" (shown message) in
  let connection = Suite.ok "create" (Connection.create ?config ?handshake ~message_handler ~close_handler ()) in
  { connection; log; written = Buffer.create 64 }

let write ?most bed = Pump.write ?most bed.connection bed.written
let lines bed = List.filter (( <> ) "") (String.split_on_char '\n' (Buffer.contents bed.log))
let check what bed expected = Alcotest.(check (list string)) what expected (lines bed)
let send bed message = Suite.ok "send" (Connection.send bed.connection message)

let eof bed =
  ignore (Connection.read_eof bed.connection Bigstringaf.empty ~off:0 ~len:0);
  write bed

(* The frames that a client has written, unmasked: the first byte and the payload. *)
let frames text =
  let rec next at =
    if at >= String.length text then []
    else
      let short = Char.code text.[at + 1] land 127 in
      let length, start = if short = 126 then (String.get_uint16_be text (at + 2), at + 4) else (short, at + 2) in
      Alcotest.(check bool) "masked" true (Char.code text.[at + 1] land 128 = 128);
      let unmasked index = Char.chr (Char.code text.[start + 4 + index] lxor Char.code text.[start + (index land 3)]) in
      (Char.code text.[at], String.init length unmasked) :: next (start + 4 + length)
  in
  next 0

let check_written bed expected =
  Alcotest.(check (list (pair int string))) "written" expected (frames (Buffer.contents bed.written))

(* ---- Splitting ---- *)

let script =
  "\x81\x05Hello" ^ "\x01\x03Hel" ^ "\x89\x04ping" ^ "\x80\x02lo" ^ "\x82\x7e\x01\x00" ^ String.make 256 'b'
  ^ "\x8a\x00" ^ "\x88\x05\x03\xe8bye"

let expected =
  [
    {|text "Hello"|}; {|ping "ping"|}; {|text "Hello"|}; Printf.sprintf "binary %S" (String.make 256 'b'); {|pong ""|};
    {|close 1000 "bye"|}; "closed 1000";
  ]
[@@ocamlformat "disable"]

let play ?(cut = 0) ?most_read ?most_written () =
  let bed = bed () in
  send bed (Websocket.text "first");
  write ?most:most_written bed;
  let give bytes =
    Alcotest.(check int) "taken" (String.length bytes) (Pump.read ?most:most_read bed.connection bed.written bytes);
    write ?most:most_written bed
  in
  give (String.sub script 0 cut);
  give (String.sub script cut (String.length script - cut));
  eof bed;
  bed

let answers = [ (0x81, "first"); (0x8a, "ping"); (0x88, "\x03\xe8") ]

let in_one_piece () =
  let bed = play () in
  check "events" bed expected;
  check_written bed answers;
  Alcotest.(check bool) "closed" true (Connection.is_closed bed.connection)

let everywhere () =
  for cut = 1 to String.length script - 1 do
    check (Printf.sprintf "cut at %d" cut) (play ~cut ()) expected
  done;
  for most_read = 1 to String.length script do
    check (Printf.sprintf "pieces of %d" most_read) (play ~most_read ()) expected
  done;
  for most_written = 1 to 40 do
    let bed = play ~most_written () in
    check (Printf.sprintf "written %d at a time" most_written) bed expected;
    check_written bed answers
  done

(* Whatever comes, the end is told once, and last. *)
let mutated () =
  for seed = 1 to 3000 do
    let random = Random.State.make [| seed |] in
    let bytes = Bytes.of_string script in
    for _ = 0 to Random.State.int random 4 do
      Bytes.set bytes (Random.State.int random (Bytes.length bytes)) (Char.chr (Random.State.int random 256))
    done;
    let bed = bed () in
    let most = 1 + Random.State.int random 32 in
    ignore (Pump.read ~most bed.connection bed.written (Bytes.to_string bytes));
    eof bed;
    let is_end line = String.starts_with ~prefix:"closed" line || String.starts_with ~prefix:"error" line in
    match List.rev (lines bed) with
    | last :: before when is_end last && not (List.exists is_end before) -> ()
    | _ -> Alcotest.failf "seed %d: %s" seed (Buffer.contents bed.log)
  done

(* ---- Frames, queues, ends ---- *)

let single_frames () =
  let bed = bed ~config:{ Connection.Config.default with frames = true } () in
  ignore (Pump.read bed.connection bed.written "\x01\x03Hel\x80\x02lo");
  check "events" bed [ {|text and more "Hel"|}; {|continuation "lo"|} ]

let fragments () =
  let bed = bed () in
  let piece kind payload more : Part.message = { kind; payload; code = None; more } in
  send bed (piece Text "Hel" true);
  Suite.refused "another message" Invalid_state (Connection.send bed.connection (Websocket.text "x"));
  send bed (piece Continuation "lo" false);
  Suite.refused "no text" Invalid_argument (Connection.send bed.connection (Websocket.text "\xff"));
  write bed;
  check_written bed [ (0x01, "Hel"); (0x80, "lo") ]

let room () =
  let bed = bed ~config:{ Connection.Config.default with send_buffer = 1000 } () in
  let told = ref 0 in
  send bed (Websocket.text (String.make 900 'x'));
  Suite.refused "a full queue" Again (Connection.send bed.connection (Websocket.text (String.make 900 'y')));
  Connection.on_room bed.connection (fun () -> incr told);
  Alcotest.(check int) "not yet" 0 !told;
  write bed;
  Alcotest.(check int) "told" 1 !told;
  send bed (Websocket.text (String.make 900 'y'))

let closing () =
  let bed = bed () in
  send bed { (Websocket.text "bye") with kind = Close; code = Some 1001 };
  Suite.refused "after the close" Invalid_state (Connection.send bed.connection (Websocket.text "late"));
  write bed;
  ignore (Pump.read bed.connection bed.written "\x88\x02\x03\xe9");
  eof bed;
  check "events" bed [ {|close 1001 ""|}; "closed 1001" ];
  check_written bed [ (0x88, "\x03\xe9bye") ]

let early_end () =
  let bed = bed () in
  ignore (Pump.read bed.connection bed.written "\x81\x05Hel");
  eof bed;
  match lines bed with
  | [ line ] -> Alcotest.(check bool) line true (String.starts_with ~prefix:"error" line)
  | other -> Alcotest.failf "it was told %s" (String.concat ";" other)

let too_large () =
  let bed = bed ~config:{ Connection.Config.default with max_frame_bytes = 100 } () in
  ignore (Pump.read bed.connection bed.written ("\x82\x7e\x00\xc8" ^ String.make 200 'b'));
  match (lines bed, frames (Buffer.contents bed.written)) with
  | [ line ], [ (0x88, close) ] ->
      Alcotest.(check bool) line true (String.starts_with ~prefix:"error" line);
      Alcotest.(check int) "code" 1009 (String.get_uint16_be close 0)
  | _ -> Alcotest.failf "it was told %s" (Buffer.contents bed.log)

let report_exn () =
  let bed = bed () in
  Connection.report_exn bed.connection Exit;
  Alcotest.(check int) "told" 1 (List.length (lines bed));
  Alcotest.(check bool) "the reader" true (Connection.next_read_operation bed.connection = `Close)

(* ---- Handshakes ---- *)

let handshake ?deflate () =
  let headers = H2.Headers.of_list [ ("sec-websocket-protocol", "chat") ] in
  Suite.ok "handshake" (Connection.Handshake.create ?deflate ~headers ())

let wrong_handshakes () =
  let fields = Suite.ok "fields" (Connection.Handshake.headers (handshake ())) in
  let given name = Option.value (Headers.get fields name) ~default:"none" in
  Alcotest.(check (list string)) "fields" [ "websocket"; "13"; "chat"; "none" ]
    (List.map given [ "upgrade"; "sec-websocket-version"; "sec-websocket-protocol"; "sec-websocket-extensions" ]);
  let offered = Suite.ok "fields" (Connection.Handshake.headers (handshake ~deflate:true ())) in
  Alcotest.(check bool) "an offer" true (Headers.mem offered "sec-websocket-extensions");
  let check ?(status = `Code 101) fields =
    Connection.Handshake.check (handshake ()) (Response.create ~headers:(Headers.of_list fields) status)
  in
  Suite.refused "no upgrade" Websocket_rejected (check ~status:`OK []);
  Suite.refused "no fields" Websocket_handshake (check []);
  let accept = ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") in
  Suite.refused "the wrong key" Websocket_handshake
    (check [ ("upgrade", "websocket"); ("connection", "upgrade"); accept ]);
  Suite.refused "not checked" Invalid_state
    (Connection.create ~handshake:(handshake ()) ~message_handler:ignore ~close_handler:ignore ());
  Suite.refused "no field" Invalid_header
    (Connection.Handshake.create ~headers:(Headers.of_list [ ("bad\nname", "x") ]) ())

(* ---- A server ---- *)

module Http = Http1.Client_connection
module Http_pump = Pumped.Make (Http)

(* The handshake by Http1; then the WebSocket goes on with what came behind the 101. *)
let open_one socket handshake =
  let fields = Headers.to_list (Suite.ok "fields" (Connection.Handshake.headers handshake)) in
  let opened = ref None in
  let failed _ = Alcotest.fail "it was not upgraded" in
  let http = Suite.ok "create" (Http.create ~error_handler:failed ()) in
  let headers = Headers.of_list (("host", "localhost") :: fields) in
  ignore
    (Http.request http
       (Http1.Request.create ~headers `GET "/ws")
       ~upgrade_handler:(fun response rest -> opened := Some (response, rest))
       ~error_handler:failed
       ~response_handler:(fun _ _ -> Alcotest.fail "an answer"));
  Http_pump.over_socket http socket ~over:(fun () -> Alcotest.fail "the end") ~is_done:(fun () -> !opened <> None);
  let response, rest = Option.get !opened in
  Suite.ok "check" (Connection.Handshake.check handshake response);
  Alcotest.(check string) "nothing behind it" "" rest

let against_a_server deflate server () =
  let socket = Unix.socket ~cloexec:true PF_INET SOCK_STREAM 0 in
  Unix.connect socket (ADDR_INET (Unix.inet_addr_loopback, Server.port server "http"));
  let handshake = Suite.ok "handshake" (Connection.Handshake.create ~deflate ()) in
  open_one socket handshake;
  let bed = bed ~handshake () in
  let messages = List.init 20 (fun index -> Websocket.text (String.make (index * 1000) 'x')) in
  List.iter (send bed) messages;
  let until count () = List.length (lines bed) >= count in
  let over () = eof bed in
  Pump.over_socket bed.connection socket ~over ~is_done:(until 20);
  check "echoed" bed (List.map shown messages);
  send bed { (Websocket.text "") with kind = Close; code = Some 1000 };
  Pump.over_socket bed.connection socket ~over ~is_done:(until 22);
  Alcotest.(check string) "the end" "closed 1000" (List.nth (lines bed) 21);
  Unix.close socket

let () =
  exit
  @@ Server.with_server [ "embedded" ] (fun server ->
         let group name tests = (name, List.map (fun (name, test) -> Suite.test name test) tests) in
         Suite.run "websocket connection"
           [
             group "splitting" [ ("in one piece", in_one_piece); ("everywhere", everywhere); ("mutated", mutated) ];
             group "frames"
               [
                 ("single", single_frames); ("fragments", fragments); ("room", room); ("closing", closing);
                 ("early end", early_end); ("too large", too_large); ("report_exn", report_exn);
               ];
             group "handshakes" [ ("wrong ones", wrong_handshakes) ];
             group "a server" [ ("plain", against_a_server false server); ("deflate", against_a_server true server) ];
           ])
