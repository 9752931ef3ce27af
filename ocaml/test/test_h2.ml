(* HTTP/2 connections without a socket: each function, against frames by hand and against a server. *)

open Trunkline.H2
open Support
open H2_bed

(* ---- Requests ---- *)

let answer_with_trailers () =
  let bed = bed () in
  let trailers_handler trailers = note bed.log "trailers %s" (Headers.get_exn trailers "x-sum") in
  get ~trailers_handler bed "/path";
  read bed
    (started ^ Frames.headers 1 ok_head ^ Frames.data 1 "some " ^ Frames.data 1 "body"
    ^ Frames.headers ~ending:true 1 [ ("x-sum", "42") ]);
  check bed [ "stream: 200 x-a"; "trailers 42"; {|stream: body "some body"|} ];
  has bed "HEADERS" (fun frame -> frame.kind = 1 && frame.stream = 1);
  has bed "the end" (fun frame -> frame.kind = 0 && frame.flags land 1 = 1)

let stream_error () =
  let bed = bed () in
  get ~name:"one" bed "/1";
  get ~name:"two" bed "/2";
  read bed (started ^ Frames.reset 1 7 ^ Frames.headers ~ending:true 3 ok_head);
  check bed [ "one: protocol REFUSED_STREAM"; "two: 200 x-a"; {|two: body ""|} ]

let malformed () =
  let bed = bed () in
  get bed "/";
  read bed (started ^ Frames.headers ~ending:true 1 [ ("x-a", "b") ]);
  check bed [ "stream: malformed" ]

let wrong_length () =
  let bed = bed () in
  get bed "/";
  read bed (started ^ Frames.headers 1 (ok_head @ [ ("content-length", "5") ]) ^ Frames.data ~ending:true 1 "abc");
  check bed [ "stream: 200 x-a,content-length"; "stream: length of 200" ]

let connection_error () =
  let bed = bed () in
  get bed "/";
  read bed (started ^ Frames.goaway 0 11);
  Alcotest.(check string) "first" "connection: protocol ENHANCE_YOUR_CALM"
    (List.hd (String.split_on_char '\n' (Buffer.contents bed.log)))

let garbage () =
  let bed = bed () in
  get bed "/";
  let bytes = Bigstringaf.of_string (String.make 200 'x') ~off:0 ~len:200 in
  ignore (Connection.read bed.connection bytes ~off:0 ~len:200);
  write bed;
  let lines = String.split_on_char '\n' (Buffer.contents bed.log) in
  Alcotest.(check bool) "the connection" true (List.exists (String.starts_with ~prefix:"connection:") lines);
  has bed "GOAWAY" (fun frame -> frame.kind = 7)

let refused_request () =
  let bed = bed () in
  let headers = Headers.of_list [ ("host", "a"); ("bad\nname", "x") ] in
  let request = Request.create ~scheme:"http" ~headers `GET "/" in
  let error_handler error =
    match error with `Exn (Failure _) -> note bed.log "refused" | error -> note bed.log "%s" (shown_error error)
  in
  let body = Connection.request bed.connection request ~error_handler ~response_handler:(on_response bed.log "bad") in
  check bed [ "refused" ];
  Alcotest.(check bool) "closed" true (Body.is_closed body)

(* ---- Pushes ---- *)

let refused_push () =
  let bed = bed ~push_handler:(fun _ _ -> Error ()) () in
  get bed "/";
  read bed (started ^ promise "/pushed" ^ Frames.headers ~ending:true 1 ok_head);
  check bed [ "stream: 200 x-a"; {|stream: body ""|} ];
  has bed "RST_STREAM" (fun frame -> frame.kind = 3 && frame.stream = 2)

let raising_push () =
  let bed = bed ~push_handler:(fun _ _ -> raise Exit) () in
  get bed "/";
  (match read bed (started ^ promise "/pushed") with
  | exception Exit -> ()
  | () -> Alcotest.fail "it was not raised");
  write bed;
  has bed "RST_STREAM" (fun frame -> frame.kind = 3 && frame.stream = 2)

let push_error () =
  let bed = bed ~push_handler:accept () in
  get bed "/";
  read bed (started ^ promise "/pushed" ^ Frames.headers 2 ok_head ^ Frames.reset 2 2);
  check bed [ "promise GET /pushed of example.test"; "pushed: 200 x-a"; "connection: protocol INTERNAL_ERROR" ]

let raising_handler () =
  let bed = bed () in
  let request = Request.create ~scheme:"http" ~headers:(Headers.of_list [ (":authority", "a") ]) `GET "/" in
  let body =
    Connection.request bed.connection request
      ~error_handler:(fun error -> note bed.log "stream: %s" (shown_error error))
      ~response_handler:(fun _ _ -> raise Exit)
  in
  Body.close_writer body;
  write bed;
  match read bed (started ^ Frames.headers 1 ok_head) with
  | exception Exit ->
      Connection.report_exn bed.connection Exit;
      check bed [ "connection: exn Stdlib.Exit"; "stream: exn Stdlib.Exit" ]
  | () -> Alcotest.fail "it was not raised"

(* ---- Pings, the end ---- *)

let ping () =
  let bed = bed () in
  Connection.ping bed.connection (fun () -> note bed.log "zeroes");
  let payload = Bigstringaf.of_string "..12345678" ~off:0 ~len:10 in
  Connection.ping bed.connection ~payload ~off:2 (fun () -> note bed.log "digits");
  write bed;
  read bed (started ^ Frames.ping_ack (String.make 8 '\000') ^ Frames.ping_ack "12345678");
  check bed [ "zeroes"; "digits" ];
  has bed "PING" (fun frame -> frame.kind = 6 && frame.payload = "12345678");
  Alcotest.check_raises "too short" (Invalid_argument "Trunkline: the range is not in the buffer") (fun () ->
      Connection.ping bed.connection ~payload ~off:3 ignore)

let shutdown () =
  let bed = bed () in
  get ~name:"one" bed "/1";
  read bed started;
  Connection.shutdown bed.connection;
  write bed;
  has bed "GOAWAY" (fun frame -> frame.kind = 7 && String.sub frame.payload 4 4 = Frames.number 0);
  let late = request ~name:"late" bed "/2" in
  Alcotest.(check bool) "closed" true (Body.is_closed late);
  Alcotest.(check bool) "not yet closed" false (Connection.is_closed bed.connection);
  read bed (Frames.headers 1 ok_head ^ Frames.data ~ending:true 1 "whole");
  write bed;
  Alcotest.(check (list string)) "the stream" [ "one: 200 x-a"; {|one: body "whole"|} ]
    (of_stream "one" (Buffer.contents bed.log));
  Alcotest.(check int) "the late one" 1 (List.length (of_stream "late" (Buffer.contents bed.log)));
  (match Connection.next_write_operation bed.connection with
  | `Close 0 -> ()
  | _ -> Alcotest.fail "the writer is not closed");
  ignore (Connection.read_eof bed.connection Bigstringaf.empty ~off:0 ~len:0);
  Alcotest.(check bool) "closed" true (Connection.is_closed bed.connection);
  Alcotest.(check bool) "the reader" true (Connection.next_read_operation bed.connection = `Close)

let early_end () =
  let bed = bed () in
  get bed "/";
  read bed started;
  let head = Frames.headers 1 ok_head in
  let bytes = Bigstringaf.of_string head ~off:0 ~len:(String.length head) in
  Alcotest.(check int) "taken" (String.length head)
    (Connection.read_eof bed.connection bytes ~off:0 ~len:(String.length head));
  match of_stream "stream" (Buffer.contents bed.log) with
  | [ "stream: 200 x-a"; error ] ->
      Alcotest.(check bool) "an error" true (String.starts_with ~prefix:"stream: exn" error)
  | lines -> Alcotest.failf "events: %s" (String.concat " | " lines)

let closed_writer () =
  let bed = bed () in
  (match Connection.next_write_operation bed.connection with `Write _ -> () | _ -> Alcotest.fail "nothing to write");
  Connection.report_write_result bed.connection `Closed;
  match Connection.next_write_operation bed.connection with
  | `Close unsent -> Alcotest.(check bool) "unsent" true (unsent > 0)
  | _ -> Alcotest.fail "it is not closed"

let yields () =
  let bed = bed () in
  Alcotest.(check bool) "read" true (Connection.next_read_operation bed.connection = `Read);
  let called = ref 0 in
  Connection.yield_reader bed.connection (fun () -> incr called);
  Alcotest.(check int) "the reader" 1 !called;
  write bed;
  Alcotest.(check bool) "yield" true (Connection.next_write_operation bed.connection = `Yield);
  Connection.yield_writer bed.connection (fun () -> incr called);
  Alcotest.(check int) "nothing to write" 1 !called;
  let body = request bed "/" in
  Alcotest.(check int) "the writer" 2 !called;
  Body.close_writer body;
  Alcotest.(check int) "once" 2 !called

let wrong_calls () =
  let bed = bed () in
  let bytes = Bigstringaf.create 4 in
  let wrong = Invalid_argument "Trunkline: the range is not in the buffer" in
  Alcotest.check_raises "read" wrong (fun () -> ignore (Connection.read bed.connection bytes ~off:2 ~len:3));
  Alcotest.check_raises "negative" wrong (fun () -> ignore (Connection.read bed.connection bytes ~off:(-1) ~len:1));
  ignore (Connection.next_write_operation bed.connection);
  match Connection.report_write_result bed.connection (`Ok 1_000_000) with
  | exception Invalid_argument _ -> ()
  | () -> Alcotest.fail "more than there was"

(* ---- Bodies ---- *)

let writing () =
  let bed = bed () in
  let body = request ~meth:`POST bed "/" in
  read bed started;
  let bytes = Bigstringaf.of_string "0123456789" ~off:0 ~len:10 in
  Body.write_char body 'a';
  Body.write_string body "bcd";
  Body.write_string body ~off:1 ~len:2 "xefx";
  Body.write_bigstring body ~off:2 ~len:3 bytes;
  Body.schedule_bigstring body bytes;
  Alcotest.(check bool) "room" true (Body.room body > 0 && Body.room body < 262144);
  let flushed = ref 0 in
  Body.flush body (fun () -> incr flushed);
  Alcotest.(check int) "not yet" 0 !flushed;
  write bed;
  Alcotest.(check int) "flushed" 1 !flushed;
  Alcotest.(check bool) "open" false (Body.is_closed body);
  Body.close_writer body;
  Body.close_writer body;
  write bed;
  Alcotest.(check bool) "closed" true (Body.is_closed body);
  let sent (frame : Frames.t) = if frame.kind = 0 then frame.payload else "" in
  Alcotest.(check string) "sent" "abcdef2340123456789" (String.concat "" (List.map sent (frames bed)));
  match Body.write_string body "late" with
  | exception Failure _ -> ()
  | () -> Alcotest.fail "a closed body was written to"

(* The server has answered, and takes the rest of the request all the same. *)
let answered_early () =
  let bed = bed () in
  let body = request ~meth:`POST bed "/" in
  Body.write_string body "before ";
  write bed;
  read bed (started ^ Frames.headers ~ending:true 1 ok_head);
  check bed [ "stream: 200 x-a"; {|stream: body ""|} ];
  Gc.full_major ();
  Alcotest.(check bool) "open" false (Body.is_closed body);
  Body.write_string body "and after";
  Body.close_writer body;
  write bed;
  let sent (frame : Frames.t) = if frame.kind = 0 then frame.payload else "" in
  Alcotest.(check string) "sent" "before and after" (String.concat "" (List.map sent (frames bed)));
  has bed "the end" (fun frame -> frame.kind = 0 && frame.flags land 1 = 1)

(* It does not: the stream is reset, and the rest of the request has nowhere to go. *)
let reset_early () =
  let bed = bed () in
  let body = request ~meth:`POST bed "/" in
  Body.write_string body "before";
  write bed;
  read bed (started ^ Frames.headers ~ending:true 1 ok_head ^ Frames.reset 1 0);
  check bed [ "stream: 200 x-a"; {|stream: body ""|} ];
  Body.write_string body "after";
  Alcotest.(check bool) "closed" true (Body.is_closed body);
  Alcotest.(check int) "no room" 0 (Body.room body);
  Body.close_writer body

let window_room () =
  let bed = bed () in
  let body = request ~meth:`POST bed "/" in
  read bed started;
  Body.write_string body (String.make 400_000 'x');
  write bed;
  Alcotest.(check int) "no room" 0 (Body.room body);
  let told = ref 0 in
  Body.on_room body (fun () -> incr told);
  Alcotest.(check int) "not yet" 0 !told;
  read bed (Frames.window_update 0 400_000 ^ Frames.window_update 1 400_000);
  write bed;
  Alcotest.(check int) "told" 1 !told;
  Body.close_writer body;
  write bed;
  let sent (frame : Frames.t) = if frame.kind = 0 then String.length frame.payload else 0 in
  let total = List.fold_left (fun sum frame -> sum + sent frame) 0 (frames bed) in
  Alcotest.(check int) "everything was sent" 400_000 total

let closing_reader () =
  let bed = bed () in
  let request = Request.create ~scheme:"http" ~headers:(Headers.of_list [ (":authority", "a") ]) `GET "/" in
  let reader = ref None in
  let body =
    Connection.request bed.connection request
      ~error_handler:(fun error -> note bed.log "stream: %s" (shown_error error))
      ~response_handler:(fun _ body ->
        reader := Some body;
        Body.close_reader body)
  in
  Body.close_writer body;
  write bed;
  read bed (started ^ Frames.headers 1 ok_head ^ Frames.data 1 "dropped" ^ Frames.data ~ending:true 1 "too");
  check bed [];
  let reader = Option.get !reader in
  Alcotest.(check bool) "closed" true (Body.is_closed reader);
  Body.schedule_read reader
    ~on_eof:(fun () -> note bed.log "eof")
    ~on_read:(fun _ ~off:_ ~len:_ -> note bed.log "read");
  check bed [ "eof" ]

(* ---- Upgrades ---- *)

let h2c () =
  let asked = match Connection.h2c_request http_request with Ok asked -> asked | Error why -> Alcotest.fail why in
  Alcotest.(check (option string)) "upgrade" (Some "h2c") (Headers.get asked.headers "upgrade");
  let log = Buffer.create 64 in
  let error_handler error = note log "connection: %s" (shown_error error) in
  let handlers = (on_response log "first", fun error -> note log "first: %s" (shown_error error)) in
  match Connection.create_h2c ~http_request:asked ~error_handler handlers with
  | Error why -> Alcotest.fail why
  | Ok connection ->
      let bed = { connection; log; written = Buffer.create 64 } in
      write bed;
      read bed (started ^ Frames.headers 1 ok_head ^ Frames.data ~ending:true 1 "upgraded");
      check bed [ "first: 200 x-a"; {|first: body "upgraded"|} ];
      get ~name:"next" bed "/";
      has bed "stream 3" (fun frame -> frame.kind = 1 && frame.stream = 3)

let wrong_h2c () =
  let create request =
    Connection.create_h2c ~http_request:request ~error_handler:ignore ((fun _ _ -> ()), ignore) |> Result.is_ok
  in
  Alcotest.(check bool) "without settings" false (create http_request);
  match Connection.h2c_request ~config:{ Config.default with initial_window_size = 70000l } http_request with
  | Ok other -> Alcotest.(check bool) "other settings" false (create other)
  | Error why -> Alcotest.fail why

let config () =
  let bed = bed ~config:{ Config.default with initial_window_size = 70000l; read_buffer_size = 20000 } () in
  write bed;
  let told = List.find (fun (frame : Frames.t) -> frame.kind = 4) (frames bed) in
  let setting index = String.sub told.payload (6 * index) 6 in
  let settings = List.init (String.length told.payload / 6) setting in
  let holds part = List.mem part settings in
  Alcotest.(check bool) "window" true (holds ("\x00\x04" ^ Frames.number 70000));
  Alcotest.(check bool) "frame" true (holds ("\x00\x05" ^ Frames.number 20000));
  Alcotest.(check bool) "push" true (holds ("\x00\x02" ^ Frames.number 0))

(* ---- A server ---- *)

let against_a_server server () =
  let socket = Unix.socket ~cloexec:true PF_INET SOCK_STREAM 0 in
  Unix.connect socket (ADDR_INET (Unix.inet_addr_loopback, Server.port server "http"));
  let bed = bed () in
  let over () = ignore (Connection.read_eof bed.connection Bigstringaf.empty ~off:0 ~len:0) in
  let left = ref 21 and received = ref 0 in
  let rec take body =
    Body.schedule_read body
      ~on_eof:(fun () -> decr left)
      ~on_read:(fun _ ~off:_ ~len ->
        received := !received + len;
        take body)
  in
  let start meth target =
    let headers = Headers.of_list [ (":authority", "localhost") ] in
    Connection.request bed.connection (Request.create ~scheme:"http" ~headers meth target)
      ~error_handler:(fun error -> Alcotest.failf "%s: %s" target (shown_error error))
      ~response_handler:(fun response body ->
        Alcotest.(check int) target 200 (Status.to_code response.status);
        take body)
  in
  List.iter (fun _ -> Body.close_writer (start `GET "/bytes/100000")) (List.init 20 Fun.id);
  let upload = start `POST "/echo" in
  List.iter (fun _ -> Body.write_string upload (String.make 100_000 'u')) (List.init 20 Fun.id);
  Body.close_writer upload;
  Pump.over_socket bed.connection socket ~over ~is_done:(fun () -> !left = 0);
  Alcotest.(check int) "received" 4_000_000 !received;
  Connection.shutdown bed.connection;
  Pump.over_socket bed.connection socket ~over
    ~is_done:(fun () -> Connection.next_read_operation bed.connection = `Close);
  Unix.close socket;
  check bed []

let () =
  exit
  @@ Server.with_server [ "embedded" ] (fun server ->
         let group name tests = (name, List.map (fun (name, test) -> Suite.test name test) tests) in
         Suite.run "h2"
           [
             group "requests"
               [
                 ("answer with trailers", answer_with_trailers); ("stream error", stream_error);
                 ("malformed", malformed); ("wrong length", wrong_length); ("connection error", connection_error);
                 ("garbage", garbage);
                 ("refused request", refused_request); ("config", config);
               ];
             group "pushes"
               [
                 ("refused", refused_push); ("raising", raising_push); ("error", push_error);
                 ("raising handler", raising_handler);
               ];
             group "ends"
               [
                 ("ping", ping); ("shutdown", shutdown); ("early end", early_end); ("closed writer", closed_writer);
                 ("yields", yields); ("wrong calls", wrong_calls);
               ];
             group "bodies"
               [
                 ("writing", writing); ("answered early", answered_early); ("reset early", reset_early);
                 ("window room", window_room);
                 ("closing reader", closing_reader);
               ];
             group "upgrades" [ ("h2c", h2c); ("wrong h2c", wrong_h2c) ];
             group "a server" [ ("requests", against_a_server server) ];
           ])
