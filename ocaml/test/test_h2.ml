(* HTTP/2 connections without a socket: each function, against frames by hand and against a server. *)

open Trunkline.H2
open Support
module Connection = Client_connection
module Code = Error_code

let shown_error : Connection.error -> string = function
  | `Malformed_response _ -> "malformed"
  | `Invalid_response_body_length response -> "length of " ^ Status.to_string response.status
  | `Protocol_error (code, _) -> "protocol " ^ Code.to_string code
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

(* Writes what there is, [most] bytes at a time. *)
let rec write ?(most = max_int) bed =
  match Connection.next_write_operation bed.connection with
  | `Write vectors ->
      let count = min most (IOVec.lengthv vectors) in
      let take left { IOVec.buffer; off; len } =
        let len = min left len in
        Buffer.add_string bed.written (Bigstringaf.substring buffer ~off ~len);
        left - len
      in
      ignore (List.fold_left take count vectors);
      Connection.report_write_result bed.connection (`Ok count);
      write ~most bed
  | `Yield | `Close _ -> ()

(* Gives bytes of the server's, [most] at a time. *)
let read ?(most = max_int) bed bytes =
  let all = Bigstringaf.of_string bytes ~off:0 ~len:(String.length bytes) in
  let rec next off =
    if off < String.length bytes then (
      let len = min most (String.length bytes - off) in
      let consumed = Connection.read bed.connection all ~off ~len in
      write bed;
      if consumed = 0 then Alcotest.fail "nothing was taken";
      next (off + consumed))
  in
  next 0

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

(* ---- Splitting ---- *)

let promise path =
  Frames.promise 1 2 [ (":method", "GET"); (":scheme", "http"); (":authority", "example.test"); (":path", path) ]

(* Everything a server may send in one go. *)
let script =
  started
  ^ promise "/pushed"
  ^ Frames.headers 1 [ (":status", "103"); ("link", "x") ]
  ^ Frames.headers 1 ok_head ^ Frames.data 1 "some " ^ Frames.headers 2 ok_head ^ Frames.data 1 "body"
  ^ Frames.data ~ending:true 2 "pushed"
  ^ Frames.headers ~ending:true 1 [ ("x-sum", "42") ]
  ^ Frames.headers 3 (ok_head @ [ ("content-length", "3") ])
  ^ Frames.data ~ending:true 3 "abc" ^ Frames.reset 5 8 ^ Frames.ping_ack (String.make 8 '\000')

let accept log (request : Request.t) =
  let authority = Headers.get_exn request.headers ":authority" in
  note log "promise %s %s of %s" (Method.to_string request.meth) request.target authority;
  Ok (on_response log "pushed")

let play ?(cut = 0) ?most_read ?most_written () =
  let bed = bed ~push_handler:accept () in
  let trailers_handler trailers = note bed.log "trailers %s" (Headers.get_exn trailers "x-sum") in
  Body.close_writer (request ~trailers_handler ~name:"one" bed "/1");
  let body = request ~meth:`POST ~name:"two" bed "/2" in
  Body.write_string body "uploaded";
  Body.close_writer body;
  Body.close_writer (request ~name:"three" bed "/3");
  Connection.ping bed.connection (fun () -> note bed.log "pong");
  write ?most:most_written bed;
  read ?most:most_read bed (String.sub script 0 cut);
  read ?most:most_read bed (String.sub script cut (String.length script - cut));
  write ?most:most_written bed;
  (Buffer.contents bed.log, Buffer.contents bed.written)

let whole = lazy (play ())

let expected =
  [
    "promise GET /pushed of example.test"; "one: 200 x-a"; "pushed: 200 x-a"; {|pushed: body "pushed"|};
    "trailers 42"; {|one: body "some body"|}; "two: 200 x-a,content-length"; {|two: body "abc"|};
    "three: protocol CANCEL"; "pong";
  ]

let sorted log = List.sort compare (List.filter (( <> ) "") (String.split_on_char '\n' log))

(* Events of one stream come in order; those of several may come in another one. *)
let of_stream name log =
  List.filter (String.starts_with ~prefix:(name ^ ":")) (String.split_on_char '\n' log)

let same_events what (log, _) (other, _) =
  Alcotest.(check (list string)) what (sorted log) (sorted other);
  let same name = Alcotest.(check (list string)) (what ^ ": " ^ name) (of_stream name log) (of_stream name other) in
  List.iter same [ "one"; "two"; "three"; "pushed" ]

let in_one_piece () =
  Alcotest.(check (list string)) "events" (List.sort compare expected) (sorted (fst (Lazy.force whole)))

(* In two pieces, cut at every byte; then in pieces of every length. *)
let split_everywhere () =
  for cut = 1 to String.length script - 1 do
    same_events (Printf.sprintf "cut at %d" cut) (Lazy.force whole) (play ~cut ())
  done;
  for most_read = 1 to String.length script do
    same_events (Printf.sprintf "pieces of %d" most_read) (Lazy.force whole) (play ~most_read ())
  done

let written_everywhere () =
  let _, bytes = Lazy.force whole in
  for most_written = 1 to String.length bytes do
    let (_, other) as played = play ~most_written () in
    same_events (Printf.sprintf "written %d at a time" most_written) (Lazy.force whole) played;
    Alcotest.(check bool) "the same bytes" true (String.equal bytes other)
  done

(* ---- What a broken server sends ---- *)

(* The lines of a stream that tell of its end. *)
let ends name log =
  let is_end line =
    let starts word = String.starts_with ~prefix:(Printf.sprintf "%s: %s" name word) line in
    List.exists starts [ "body"; "malformed"; "length"; "protocol"; "exn" ]
  in
  List.length (List.filter is_end (String.split_on_char '\n' log))

let mutated_script random =
  let bytes = Bytes.of_string script in
  for _ = 0 to Random.State.int random 3 do
    Bytes.set bytes (Random.State.int random (Bytes.length bytes)) (Char.chr (Random.State.int random 256))
  done;
  Bytes.to_string bytes

(* Whatever comes, each request ends once, and nothing is raised. *)
let mutated () =
  for seed = 1 to 2000 do
    let random = Random.State.make [| seed |] in
    let bed = bed ~push_handler:accept () in
    let names = [ "one"; "two"; "three" ] in
    List.iter (fun name -> Body.close_writer (request ~name bed ("/" ^ name))) names;
    write bed;
    let text = mutated_script random in
    let bytes = Bigstringaf.of_string text ~off:0 ~len:(String.length text) in
    let rec feed off =
      if off < String.length text then (
        let len = min (1 + Random.State.int random 64) (String.length text - off) in
        let consumed = Connection.read bed.connection bytes ~off ~len in
        write bed;
        if consumed > 0 then feed (off + consumed))
    in
    feed 0;
    ignore (Connection.read_eof bed.connection Bigstringaf.empty ~off:0 ~len:0);
    write bed;
    let log = Buffer.contents bed.log in
    let check name = Alcotest.(check int) (Printf.sprintf "seed %d: ends of %s" seed name) 1 (ends name log) in
    List.iter check names
  done

let collected () =
  let control = Gc.get () in
  Gc.set { control with minor_heap_size = 256 };
  Fun.protect
    ~finally:(fun () -> Gc.set control)
    (fun () ->
      for _ = 1 to 50 do
        same_events "with much collecting" (Lazy.force whole) (play ~most_read:7 ());
        Gc.compact ()
      done)

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

let http_request =
  let headers = Headers.of_list [ ("host", "example.test"); ("x-one", "1") ] in
  Httpaf.Request.create ~headers `GET "/up"

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

(* Both directions of a socket, as a program with one thread has them: until [is_done]. *)
let pump connection socket is_done =
  let buffer = Bigstringaf.create 65536 and bytes = Bytes.create 65536 in
  let rec send () =
    match Connection.next_write_operation connection with
    | `Write vectors ->
        let piece { IOVec.buffer; off; len } = Bigstringaf.substring buffer ~off ~len in
        let text = String.concat "" (List.map piece vectors) in
        Connection.report_write_result connection (`Ok (Unix.write_substring socket text 0 (String.length text)));
        send ()
    | `Yield | `Close _ -> ()
  in
  let rec turn () =
    send ();
    if not (is_done ()) then (
      (match Unix.read socket bytes 0 (Bytes.length bytes) with
      | 0 -> ignore (Connection.read_eof connection buffer ~off:0 ~len:0)
      | count ->
          Bigstringaf.blit_from_bytes bytes ~src_off:0 buffer ~dst_off:0 ~len:count;
          Alcotest.(check int) "taken" count (Connection.read connection buffer ~off:0 ~len:count));
      turn ())
  in
  turn ()

let against_a_server server () =
  let socket = Unix.socket ~cloexec:true PF_INET SOCK_STREAM 0 in
  Unix.connect socket (ADDR_INET (Unix.inet_addr_loopback, Server.port server "http"));
  let bed = bed () in
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
  pump bed.connection socket (fun () -> !left = 0);
  Alcotest.(check int) "received" 4_000_000 !received;
  Connection.shutdown bed.connection;
  pump bed.connection socket (fun () -> Connection.next_read_operation bed.connection = `Close);
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
             group "splitting"
               [
                 ("in one piece", in_one_piece); ("split everywhere", split_everywhere);
                 ("written everywhere", written_everywhere); ("collected", collected); ("mutated", mutated);
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
                 ("writing", writing); ("answered early", answered_early); ("window room", window_room);
                 ("closing reader", closing_reader);
               ];
             group "upgrades" [ ("h2c", h2c); ("wrong h2c", wrong_h2c) ];
             group "a server" [ ("requests", against_a_server server) ];
           ])
