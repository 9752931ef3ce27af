(* HTTP/1.1 connections without a socket: against answers by hand, and against a server. *)

open Trunkline.Http1
open Support
module Connection = Client_connection
module Pump = Pumped.Make (Connection)

let shown_error : Connection.error -> string = function
  | `Malformed_response _ -> "malformed"
  | `Invalid_response_body_length response -> "length of " ^ Status.to_string response.status
  | `Protocol_error (code, _) -> "protocol " ^ Error_code.to_string code
  | `Exn error -> "exn " ^ Printexc.to_string error

(* ---- A connection whose events are written down ---- *)

type bed = { connection : Connection.t; log : Buffer.t; written : Buffer.t }

let note bed format = Printf.bprintf bed.log (format ^^ "\n")

let bed ?config () =
  let log = Buffer.create 256 in
  let error_handler error = Printf.bprintf log "connection: %s\n" (shown_error error) in
  { connection = Suite.ok "create" (Connection.create ?config ~error_handler ()); log; written = Buffer.create 256 }

let rec read_body bed name total body =
  Body.schedule_read body
    ~on_eof:(fun () -> note bed "%s: body %S" name (Buffer.contents total))
    ~on_read:(fun bytes ~off ~len ->
      Buffer.add_string total (Bigstringaf.substring bytes ~off ~len);
      read_body bed name total body)

let on_response bed name (response : Response.t) body =
  note bed "%s: %s %s" name (Status.to_string response.status)
    (String.concat "," (List.map fst (Headers.to_list response.headers)));
  read_body bed name (Buffer.create 16) body

let upgraded bed name (response : Response.t) rest =
  note bed "%s: upgraded by %s, %S" name (Status.to_string response.status) rest

let host = ("host", "example.test")

let ask ?(meth = `GET) ?(fields = []) ?(upgradable = false) bed name target =
  let request = Request.create ~headers:(Headers.of_list (host :: fields)) meth target in
  let upgrade_handler = if upgradable then Some (upgraded bed name) else None in
  Connection.request bed.connection ?upgrade_handler request
    ~trailers_handler:(fun trailers ->
      note bed "%s: trailers %s" name (Option.value (Headers.get trailers "x-sum") ~default:"of another name"))
    ~informational_handler:(fun response -> note bed "%s: informational %s" name (Status.to_string response.status))
    ~error_handler:(fun error -> note bed "%s: %s" name (shown_error error))
    ~response_handler:(on_response bed name)

let get bed name target = ignore (ask bed name target)
let write ?most bed = Pump.write ?most bed.connection bed.written

let read ?most bed bytes =
  Alcotest.(check int) "taken" (String.length bytes) (Pump.read ?most bed.connection bed.written bytes)

let eof bed =
  ignore (Connection.read_eof bed.connection Bigstringaf.empty ~off:0 ~len:0);
  write bed

let lines text = List.filter (( <> ) "") (String.split_on_char '\n' text)
let check bed expected = Alcotest.(check (list string)) "events" expected (lines (Buffer.contents bed.log))
let check_written bed expected = Alcotest.(check string) "written" expected (Buffer.contents bed.written)

(* ---- Splitting ---- *)

(* Each is given when its request was written: what comes earlier is no answer. *)
let answers =
  [
    "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 9\r\nx-a: b\r\n\r\nsome body";
    "HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n"
    ^ "5;extension\r\nsome \r\n4\r\nbody\r\n0\r\nx-sum: 42\r\n\r\n";
    "HTTP/1.1 204 No Content\r\n\r\n";
    "HTTP/1.1 404 Not Found\r\ncontent-type: text/plain\r\n\r\nuntil the end";
  ]

let longest = List.fold_left (fun most answer -> max most (String.length answer)) 0 answers

let expected =
  [
    "one: informational 103"; "one: 200 content-length,x-a"; {|one: body "some body"|};
    "two: 201 transfer-encoding,trailer"; "two: trailers 42"; {|two: body "some body"|}; "three: 204 ";
    {|three: body ""|}; "four: 404 content-type"; {|four: body "until the end"|};
  ]
[@@ocamlformat "disable"]

let play ?(cut = 0) ?most_read ?most_written () =
  let bed = bed () in
  get bed "one" "/1";
  let body = ask ~meth:`POST ~fields:[ ("transfer-encoding", "chunked") ] bed "two" "/2" in
  Body.write_string body "uploaded";
  Body.close_writer body;
  get bed "three" "/3";
  get bed "four" "/4";
  write ?most:most_written bed;
  let give bytes =
    let rec next rest =
      let most = Option.value most_read ~default:max_int in
      let len = min most (String.length rest) in
      if len > 0 then (
        read bed (String.sub rest 0 len);
        write ?most:most_written bed;
        next (String.sub rest len (String.length rest - len)))
    in
    next bytes
  in
  let give_cut answer =
    let cut = min cut (String.length answer) in
    give (String.sub answer 0 cut);
    give (String.sub answer cut (String.length answer - cut))
  in
  List.iter give_cut answers;
  eof bed;
  (lines (Buffer.contents bed.log), Buffer.contents bed.written)

let in_one_piece () =
  let log, written = play () in
  Alcotest.(check (list string)) "events" expected log;
  let one name = Printf.sprintf "GET /%s HTTP/1.1\r\nhost: example.test\r\n\r\n" name in
  let post = "POST /2 HTTP/1.1\r\nhost: example.test\r\ntransfer-encoding: chunked\r\n\r\n8\r\nuploaded\r\n0\r\n\r\n" in
  Alcotest.(check string) "written" (one "1" ^ post ^ one "3" ^ one "4") written

let split_everywhere () =
  for cut = 1 to longest - 1 do
    Alcotest.(check (list string)) (Printf.sprintf "cut at %d" cut) expected (fst (play ~cut ()))
  done;
  for most_read = 1 to longest do
    Alcotest.(check (list string)) (Printf.sprintf "pieces of %d" most_read) expected (fst (play ~most_read ()))
  done

let written_everywhere () =
  let _, whole = play () in
  for most_written = 1 to String.length whole do
    let log, written = play ~most_written () in
    Alcotest.(check (list string)) (Printf.sprintf "written %d at a time" most_written) expected log;
    Alcotest.(check string) "the same bytes" whole written
  done

(* Whatever comes, each request ends once, and nothing is raised. *)
let mutated () =
  let ends name log =
    let is_end line =
      List.exists
        (fun word -> String.starts_with ~prefix:(Printf.sprintf "%s: %s" name word) line)
        [ "body"; "malformed"; "length"; "protocol"; "exn" ]
    in
    List.length (List.filter is_end log)
  in
  for seed = 1 to 2000 do
    let random = Random.State.make [| seed |] in
    let mutated answer =
      let bytes = Bytes.of_string answer in
      for _ = 1 to Random.State.int random 3 do
        Bytes.set bytes (Random.State.int random (Bytes.length bytes)) (Char.chr (Random.State.int random 256))
      done;
      Bytes.to_string bytes
    in
    let bed = bed () in
    let names = [ "one"; "two"; "three"; "four" ] in
    List.iter (fun name -> get bed name ("/" ^ name)) names;
    write bed;
    let most = 1 + Random.State.int random 64 in
    List.iter (fun answer -> ignore (Pump.read ~most bed.connection bed.written (mutated answer))) answers;
    eof bed;
    let log = lines (Buffer.contents bed.log) in
    let check name = Alcotest.(check int) (Printf.sprintf "seed %d: ends of %s" seed name) 1 (ends name log) in
    List.iter check names
  done

(* ---- Faults ---- *)

let fault answer expected () =
  let bed = bed () in
  get bed "stream" "/";
  write bed;
  ignore (Pump.read bed.connection bed.written answer);
  eof bed;
  let of_stream = List.filter (String.starts_with ~prefix:"stream: ") (lines (Buffer.contents bed.log)) in
  match List.rev of_stream with
  | last :: _ -> Alcotest.(check bool) last true (String.starts_with ~prefix:("stream: " ^ expected) last)
  | [] -> Alcotest.fail "nothing was told"

let refused_requests () =
  let bed = bed () in
  let refused what ?(meth = `GET) ?(naming = "") fields target =
    let told = ref 0 in
    let body =
      Connection.request bed.connection
        (Request.create ~headers:(Headers.of_list fields) meth target)
        ~error_handler:(function
          | `Exn (Failure why) ->
              incr told;
              Alcotest.(check bool) why true (List.mem naming ("" :: String.split_on_char ' ' why))
          | error -> Alcotest.fail (shown_error error))
        ~response_handler:(fun _ _ -> Alcotest.fail "an answer")
    in
    Alcotest.(check int) what 1 !told;
    Alcotest.(check bool) what true (Body.is_closed body)
  in
  refused "no host" [] "/";
  refused "no field" [ host; ("bad\nname", "x") ] "/";
  refused "two lengths" ~naming:"content-length" [ host; ("content-length", "1"); ("content-length", "2") ] "/";
  refused "another coding" ~naming:"transfer-encoding" [ host; ("transfer-encoding", "gzip") ] "/";
  Connection.shutdown bed.connection;
  refused "after the shutdown" [ host ] "/";
  check bed [];
  check_written bed ""

let config () =
  let create max_header_bytes =
    Connection.create ~config:{ Config.default with max_header_bytes } ~error_handler:ignore ()
  in
  Suite.refused "too few bytes" Invalid_argument (create 100);
  Suite.refused "less than none" Invalid_argument (create (-1));
  let bed = bed ~config:{ Config.default with max_headers = 2 } () in
  get bed "stream" "/";
  write bed;
  ignore (Pump.read bed.connection bed.written "HTTP/1.1 200 OK\r\na: 1\r\nb: 2\r\nc: 3\r\n\r\n");
  Alcotest.(check bool) "too many fields" true (List.mem "stream: malformed" (lines (Buffer.contents bed.log)))

let report_exn () =
  let bed = bed () in
  get bed "stream" "/";
  write bed;
  Connection.report_exn bed.connection Exit;
  check bed [ "connection: exn Stdlib.Exit"; "stream: exn Stdlib.Exit" ];
  Alcotest.(check bool) "the reader" true (Connection.next_read_operation bed.connection = `Close)

(* ---- Bodies ---- *)

let framing () =
  let bed = bed () in
  let body = ask ~meth:`PUT ~fields:[ ("content-length", "3") ] bed "stream" "/" in
  Alcotest.(check bool) "open" false (Body.is_closed body);
  Body.write_string body "abc";
  Body.close_writer body;
  write bed;
  check_written bed "PUT / HTTP/1.1\r\nhost: example.test\r\ncontent-length: 3\r\n\r\nabc";
  Alcotest.(check bool) "none" true (Body.is_closed (ask ~meth:`POST bed "next" "/"))

(* Chunks go before a length. *)
let chunks () =
  let bed = bed () in
  let fields = [ ("content-length", "3"); ("transfer-encoding", "chunked") ] in
  let body = ask ~meth:`PUT ~fields bed "stream" "/" in
  Body.write_string body "abc";
  Body.write_string body ~off:1 ~len:2 "xdex";
  Body.close_writer body;
  write bed;
  check_written bed
    ("PUT / HTTP/1.1\r\nhost: example.test\r\ntransfer-encoding: chunked\r\n\r\n"
   ^ "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")

let shutdown () =
  let bed = bed () in
  get bed "one" "/1";
  get bed "two" "/2";
  Connection.shutdown bed.connection;
  write bed;
  let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" in
  read bed answer;
  Alcotest.(check bool) "not yet" true (Connection.next_read_operation bed.connection = `Read);
  read bed answer;
  check bed [ "one: 200 content-length"; {|one: body "ok"|}; "two: 200 content-length"; {|two: body "ok"|} ];
  (match Connection.next_write_operation bed.connection with
  | `Close 0 -> ()
  | _ -> Alcotest.fail "the writer is not closed");
  eof bed;
  Alcotest.(check bool) "closed" true (Connection.is_closed bed.connection)

(* ---- Giving up ---- *)

(* One that waits for its turn is only taken out. *)
let cancelled_in_turn () =
  let bed = bed () in
  get bed "one" "/1";
  let waits = ask bed "two" "/2" in
  let upload = ask ~meth:`POST ~fields:[ ("transfer-encoding", "chunked") ] bed "three" "/3" in
  get bed "four" "/4";
  write bed;
  Body.cancel waits;
  Body.write_string upload "never sent";
  Body.cancel upload;
  Body.write_string upload "nor this";
  Alcotest.(check bool) "over" true (Body.is_closed upload);
  let answer = "HTTP/1.1 204 No Content\r\n\r\n" in
  read bed answer;
  write bed;
  read bed answer;
  check bed [ "one: 204 "; {|one: body ""|}; "four: 204 "; {|four: body ""|} ];
  let one name = Printf.sprintf "GET /%s HTTP/1.1\r\nhost: example.test\r\n\r\n" name in
  check_written bed (one "1" ^ one "4")

(* One that is under way takes the connection with it, before its answer and in its body. *)
let cancelled_under_way () =
  let start answer =
    let bed = bed () in
    let body = ask bed "one" "/1" in
    get bed "two" "/2";
    write bed;
    Alcotest.(check bool) "open" true (Connection.next_read_operation bed.connection = `Read);
    ignore (Pump.read bed.connection bed.written answer);
    Body.cancel body;
    Body.cancel body;
    Alcotest.(check bool) "the reader" true (Connection.next_read_operation bed.connection = `Close);
    eof bed;
    Alcotest.(check bool) "closed" true (Connection.is_closed bed.connection);
    let told = lines (Buffer.contents bed.log) in
    let of_name name = List.filter (String.starts_with ~prefix:(name ^ ": ")) told in
    Alcotest.(check bool) "the next is told" true
      (match of_name "two" with [ line ] -> String.starts_with ~prefix:"two: exn" line | _ -> false);
    of_name "one"
  in
  Alcotest.(check (list string)) "before the head" [] (start "");
  Alcotest.(check (list string)) "in the body" [ "one: 200 content-length" ]
    (start "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nsome")

(* ---- Upgrades ---- *)

let upgrade_fields = [ ("connection", "upgrade"); ("upgrade", "echo") ]
let switching = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n"

(* What the connection was given of the other protocol and what it did not take are all of it. *)
let upgrade () =
  let all = switching ^ "the other protocol" in
  for cut = 1 to String.length all - 1 do
    let bed = bed () in
    ignore (ask ~fields:upgrade_fields ~upgradable:true bed "stream" "/");
    write bed;
    let first = String.sub all 0 cut in
    let consumed = Pump.read bed.connection bed.written first in
    let left = String.sub all consumed (String.length all - consumed) in
    if cut < String.length switching then (
      Alcotest.(check int) "taken" cut consumed;
      ignore (Pump.read bed.connection bed.written left));
    match lines (Buffer.contents bed.log) with
    | [ line ] ->
        let rest = Scanf.sscanf line "stream: upgraded by 101, %S" Fun.id in
        if cut >= String.length switching then
          Alcotest.(check string) "all of it" "the other protocol" (rest ^ left)
        else Alcotest.(check bool) "the beginning" true (String.starts_with ~prefix:rest "the other protocol")
    | other -> Alcotest.failf "cut at %d: %s" cut (String.concat ";" other)
  done

let tunnel () =
  let bed = bed () in
  ignore (ask ~meth:`CONNECT ~upgradable:true bed "stream" "example.test:443");
  write bed;
  check_written bed "CONNECT example.test:443 HTTP/1.1\r\nhost: example.test\r\n\r\n";
  ignore (Pump.read bed.connection bed.written "HTTP/1.1 200 OK\r\n\r\n");
  check bed [ {|stream: upgraded by 200, ""|} ]

(* ---- A server ---- *)

let connect server =
  let socket = Unix.socket ~cloexec:true PF_INET SOCK_STREAM 0 in
  Unix.connect socket (ADDR_INET (Unix.inet_addr_loopback, Server.port server "http"));
  socket

let against_a_server server () =
  let socket = connect server in
  let bed = bed () in
  let left = ref 6 and received = ref 0 in
  let rec take body =
    Body.schedule_read body
      ~on_eof:(fun () -> decr left)
      ~on_read:(fun _ ~off:_ ~len ->
        received := !received + len;
        take body)
  in
  let start ?(fields = []) meth target =
    Connection.request bed.connection
      (Request.create ~headers:(Headers.of_list (host :: fields)) meth target)
      ~error_handler:(fun error -> Alcotest.failf "%s: %s" target (shown_error error))
      ~response_handler:(fun response body ->
        Alcotest.(check int) target 200 (Status.to_code response.status);
        take body)
  in
  List.iter (fun _ -> ignore (start `GET "/bytes/100000")) (List.init 5 Fun.id);
  let upload = start ~fields:[ ("transfer-encoding", "chunked") ] `POST "/echo" in
  List.iter (fun _ -> Body.write_string upload (String.make 100_000 'u')) (List.init 10 Fun.id);
  Body.close_writer upload;
  Pump.over_socket bed.connection socket ~over:(fun () -> eof bed) ~is_done:(fun () -> !left = 0);
  Alcotest.(check int) "received" 1_500_000 !received;
  Unix.close socket;
  check bed []

let () =
  exit
  @@ Server.with_server [ "embedded" ] (fun server ->
         let group name tests = (name, List.map (fun (name, test) -> Suite.test name test) tests) in
         Suite.run "http1"
           [
             group "splitting"
               [
                 ("in one piece", in_one_piece); ("split everywhere", split_everywhere);
                 ("written everywhere", written_everywhere); ("mutated", mutated);
               ];
             group "faults"
               [
                 ("no HTTP", fault "SSH-2.0-OpenSSH\r\n" "malformed");
                 ("no status", fault "HTTP/1.1 abc\r\n\r\n" "malformed"); ("nothing", fault "" "exn");
                 ("a short body", fault "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc" "length of 200");
                 ("a short chunk", fault "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc" "exn");
                 ("a 101", fault switching "malformed"); ("refused requests", refused_requests); ("config", config);
                 ("report_exn", report_exn);
               ];
             group "bodies" [ ("framing", framing); ("chunks", chunks); ("shutdown", shutdown) ];
             group "giving up" [ ("in turn", cancelled_in_turn); ("under way", cancelled_under_way) ];
             group "upgrades" [ ("101", upgrade); ("CONNECT", tunnel) ];
             group "a server" [ ("requests", against_a_server server) ];
           ])
