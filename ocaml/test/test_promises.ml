(* What a case cannot say: many at once, cancelling, threads, forks. *)

open Trunkline
open Support
open Asking

(* ---- Answers ---- *)

let whole_answer server drive () =
  let manager = manager ~drive () in
  let answer = answer manager (get (http server ^ "/bytes/1000000") "GET") in
  Alcotest.(check int) "status" 200 answer.head.status;
  Alcotest.(check int) "body" 1_000_000 (String.length answer.body);
  Alcotest.(check (option string)) "length" (Some "1000000") (Part.header answer.head.headers "Content-Length");
  Alcotest.(check int) "received" 1_000_000 answer.summary.received;
  Alcotest.(check bool) "protocol" true (answer.summary.protocol = Http_1);
  Alcotest.(check bool) "timing" true (answer.summary.timings.total <> None)

let trailers server () =
  let options =
    Suite.ok "options" (Request_options.make ~headers:[ ("te", "trailers") ] ~meth:"GET" (http server ^ "/trailers"))
  in
  let answer = answer (manager ()) options in
  Alcotest.(check (option string)) "x-sum" (Some "42") (Part.header answer.trailers "X-Sum")

let too_large server () =
  let request = Suite.ok "submit" (Manager.submit (manager ()) (get (http server ^ "/bytes/100000") "GET")) in
  Suite.refused "a large body" Body_too_large (Request.answer ~max_bytes:1000 request)

(* Over TLS the protocol is negotiated, and who is not trusted is an error with its phase. *)
let tls server drive () =
  let url = Printf.sprintf "https://localhost:%d/bytes/1000" (Server.port server "https") in
  let manager = Suite.ok "manager" (Manager.create ~drive ~tls_ca_file:(Server.text server "ca") ()) in
  let answer = answer manager (get url "GET") in
  Alcotest.(check bool) "protocol" true (answer.summary.protocol = Http_2 && answer.head.version = 20);
  Alcotest.(check bool) "TLS" true (answer.summary.tls <> None && answer.summary.timings.secured <> None);
  let stranger = Suite.ok "manager" (Manager.create ~drive ()) in
  match end_of (Suite.ok "submit" (Manager.submit stranger (get url "GET"))) with
  | Error { code = Tls_certificate; phase = Some Tls; _ } -> ()
  | part -> Alcotest.failf "no certificate error, but %s" (Compare.shown part)

let unix_socket server () =
  let manager = Suite.ok "manager" (Manager.create ~unix_socket:(Server.text server "unix") ()) in
  let answer = answer manager (get "http://anyone.test/bytes/10" "GET") in
  Alcotest.(check string) "address" "" (Option.value answer.summary.remote_address ~default:"")

(* ---- Many at once ---- *)

let many server drive () =
  let manager = manager ~drive () and left = ref 200 and bytes = ref 0 in
  let on_part _ : Part.t -> unit = function
    | Data data -> bytes := !bytes + String.length data
    | Done _ -> decr left
    | Error error -> Alcotest.failf "error: %s" (Error.to_string error)
    | _ -> ()
  in
  let options = get (http server ^ "/bytes/5000") "GET" in
  for _ = 1 to 200 do
    ignore (Suite.ok "submit" (Manager.submit_callback manager options on_part))
  done;
  while !left > 0 do
    if Suite.ok "poll" (Manager.poll ~timeout:20. manager) = 0 then Alcotest.fail "nothing came";
    Gc.compact ()
  done;
  Alcotest.(check int) "bytes" 1_000_000 !bytes;
  let statistics = Suite.ok "statistics" (Manager.statistics manager) in
  Alcotest.(check int) "completed" 200 statistics.requests_completed;
  Alcotest.(check int) "failed" 0 statistics.requests_failed

(* The program waits for the descriptor, and never in a call. *)
let descriptor server drive () =
  let manager = manager ~drive () and left = ref 20 in
  let descriptor = Suite.ok "descriptor" (Manager.descriptor manager) in
  let on_part _ part = if Part.is_terminal part then decr left in
  let options = get (http server ^ "/bytes/10000") "GET" in
  for _ = 1 to 20 do
    ignore (Suite.ok "submit" (Manager.submit_callback manager options on_part))
  done;
  let rec drain () = if Suite.ok "poll" (Manager.poll ~timeout:0. manager) > 0 then drain () in
  drain ();
  while !left > 0 do
    (match Unix.select [ descriptor ] [] [] 20. with [], _, _ -> Alcotest.fail "not readable" | _ -> ());
    drain ()
  done

let raising server () =
  let manager = manager () and seen = ref [] in
  let on_part _ part =
    seen := part :: !seen;
    if List.length !seen = 1 then raise Exit
  in
  ignore (Suite.ok "submit" (Manager.submit_callback manager (get (http server ^ "/bytes/10") "GET") on_part));
  let has_ended () = List.exists Part.is_terminal !seen in
  let raised = ref 0 in
  while not (has_ended ()) do
    match Manager.poll ~timeout:20. manager with
    | Ok 0 -> Alcotest.fail "nothing came"
    | Ok _ -> ()
    | Error error -> Alcotest.failf "poll: %s" (Error.to_string error)
    | exception Exit -> incr raised
  done;
  Alcotest.(check int) "raised" 1 !raised;
  match List.rev !seen with
  | [ Head _; Data _; Done _ ] -> ()
  | parts -> Alcotest.failf "a part is lost or twice: %s" (String.concat ", " (List.map Compare.shown parts))

let polling_within server () =
  let manager = manager () and answered = ref (Ok 0) in
  let on_part _ part = if Part.is_terminal part then answered := Manager.poll ~timeout:0. manager in
  ignore (Suite.ok "submit" (Manager.submit_callback manager (get (http server ^ "/bytes/10") "GET") on_part));
  while !answered = Ok 0 do
    ignore (Suite.ok "poll" (Manager.poll ~timeout:20. manager))
  done;
  Suite.refused "a poll within" Busy !answered

(* ---- Bodies ---- *)

let upload server drive () =
  let manager = manager ~drive () in
  let size = 4 * 1024 * 1024 in
  let options = get ~body:(Streamed (Some size)) (http server ^ "/upload") "POST" in
  let request = Suite.ok "submit" (Manager.submit manager options) in
  let piece = String.make 65536 'x' and written = ref 0 and full = ref 0 in
  let rec write () =
    if !written = size then Suite.ok "finish" (Request.finish request)
    else
      match Request.write request piece with
      | Ok () ->
          written := !written + String.length piece;
          write ()
      | Error { code = Again; _ } -> incr full
      | Error error -> Alcotest.failf "write: %s" (Error.to_string error)
  in
  write ();
  let rec next body : string =
    match Suite.ok "recv" (Request.recv ~timeout:20. request) with
    | Writable ->
        write ();
        next body
    | Data data -> next (body ^ data)
    | Done summary ->
        Alcotest.(check int) "sent" size summary.sent;
        body
    | Error error -> Alcotest.failf "error: %s" (Error.to_string error)
    | _ -> next body
  in
  let told = Yojson.Safe.from_string (next "") in
  Alcotest.(check int) "bytes" size Yojson.Safe.Util.(to_int (member "bytes" told));
  Alcotest.(check bool) "the queue was full" true (!full > 0)

let ranges server () =
  let options = get ~body:(Streamed None) (http server ^ "/echo") "POST" in
  let request = Suite.ok "submit" (Manager.submit (manager ()) options) in
  Suite.refused "a range past the end" Invalid_argument (Request.write ~offset:2 ~length:3 request "four");
  Suite.refused "a negative length" Invalid_argument (Request.write ~length:(-1) request "four");
  Suite.refused "an offset that overflows" Invalid_argument (Request.write ~offset:max_int ~length:1 request "four");
  Suite.ok "write" (Request.write ~offset:1 ~length:2 request "four");
  Suite.ok "finish" (Request.finish request);
  Alcotest.(check string) "echoed" "ou" (Suite.ok "answer" (Request.answer request)).body

let given_up server () =
  let options = get ~body:(Streamed None) (http server ^ "/echo") "POST" in
  let request = Suite.ok "submit" (Manager.submit (manager ()) options) in
  Suite.ok "fail" (Request.fail request "no more of it");
  ended_with "the end" Upload_failed (end_of request)

let back_pressure server () =
  let options = get ~manual_release:true ~credit:65536 (http server ^ "/bytes/4000000") "GET" in
  let request = Suite.ok "submit" (Manager.submit (manager ()) options) in
  let rec take bytes =
    match Request.recv ~timeout:0.3 request with
    | Ok (Data data) -> take (bytes + String.length data)
    | Ok _ -> take bytes
    | Error { code = Timeout; _ } -> bytes
    | Error error -> Alcotest.failf "recv: %s" (Error.to_string error)
  in
  let held = take 0 in
  Alcotest.(check bool) "it stops at the credit" true (held >= 65536 && held < 2_000_000);
  Suite.ok "release" (Request.release request held);
  Alcotest.(check bool) "it goes on" true (take 0 > 0);
  Suite.ok "cancel" (Request.cancel request)

(* ---- Ends ---- *)

let cancel server drive () =
  let manager = manager ~drive () in
  let whole = Suite.ok "submit" (Manager.submit manager (get (http server ^ "/bytes/10") "GET")) in
  (match Suite.ok "recv" (Request.recv ~timeout:infinity whole) with
  | Head _ -> ()
  | part -> Alcotest.failf "no head, but %s" (Compare.shown part));
  let request = Suite.ok "submit" (Manager.submit manager (get (http server ^ "/hang") "GET")) in
  Suite.refused "a short wait" Timeout (Request.recv ~timeout:0.05 request);
  Suite.ok "cancel" (Request.cancel request);
  ended_with "the end" Cancelled (end_of request);
  Suite.refused "after the end" End_of_parts (Request.recv request);
  Alcotest.(check bool) "has ended" true (Suite.ok "has_ended" (Request.has_ended request))

let shutdown server drive () =
  let manager = manager ~drive () in
  let request = Suite.ok "submit" (Manager.submit manager (get (http server ^ "/hang") "GET")) in
  Alcotest.(check bool) "not all ended" false (Suite.ok "shutdown" (Manager.shutdown ~timeout:0.1 manager));
  ended_with "the end" Shutdown (end_of request);
  Suite.refused "a further submit" Closed (Manager.submit manager (get (http server ^ "/") "GET"))

let freed server () =
  let manager = manager () in
  let request = Suite.ok "submit" (Manager.submit manager (get (http server ^ "/hang") "GET")) in
  Suite.ok "free" (Manager.free manager);
  Suite.refused "a poll" Invalid_handle (Manager.poll ~timeout:0. manager);
  Suite.refused "statistics" Invalid_handle (Manager.statistics manager);
  Suite.refused "a second free" Invalid_handle (Manager.free manager);
  ended_with "the end" Shutdown (end_of request)

(* A handler runs while a call waits for ever, and may end that. *)
let interrupted server () =
  let manager = manager () in
  let request = Suite.ok "submit" (Manager.submit manager (get (http server ^ "/hang") "GET")) in
  let handle _ = Suite.ok "cancel" (Request.cancel request) in
  let before = Sys.signal Sys.sigusr1 (Sys.Signal_handle handle) in
  let kill = Printf.sprintf "kill -USR1 %d" (Unix.getpid ()) in
  let child = Unix.create_process "sh" [| "sh"; "-c"; kill |] Unix.stdin Unix.stdout Unix.stderr in
  (match Suite.ok "recv" (Request.recv request) with
  | Error { code = Cancelled; _ } -> ()
  | part -> Alcotest.failf "the end: %s" (Compare.shown part));
  Sys.set_signal Sys.sigusr1 before;
  ignore (Unix.waitpid [] child)

(* ---- Threads ---- *)

let threads server drive () =
  let manager = manager ~drive () and failures = Atomic.make 0 in
  let work () =
    for _ = 1 to 20 do
      let answer = answer manager (get (http server ^ "/bytes/1000") "GET") in
      if String.length answer.body <> 1000 then Atomic.incr failures
    done
  in
  List.iter Thread.join (List.init 8 (fun _ -> Thread.create work ()));
  Alcotest.(check int) "failures" 0 (Atomic.get failures);
  let statistics = Suite.ok "statistics" (Manager.statistics manager) in
  Alcotest.(check int) "completed" 160 statistics.requests_completed

let received_twice server () =
  let manager = manager () in
  let request = Suite.ok "submit" (Manager.submit manager (get (http server ^ "/hang") "GET")) in
  let rec wait () =
    match Request.recv ~timeout:20. request with
    | Ok part when Part.is_terminal part -> ()
    | Ok _ -> wait ()
    | Error { code = Busy; _ } ->
        Thread.yield ();
        wait ()
    | Error error -> Alcotest.failf "recv: %s" (Error.to_string error)
  in
  let first = Thread.create wait () in
  let rec meet () =
    match Request.recv ~timeout:0. request with
    | Error { code = Busy; _ } -> ()
    | _ ->
        Thread.yield ();
        meet ()
  in
  meet ();
  Suite.ok "cancel" (Request.cancel request);
  Thread.join first

(* ---- WebSockets ---- *)

let websocket server drive () =
  let url = Printf.sprintf "ws://127.0.0.1:%d/ws" (Server.port server "http") in
  let request = Suite.ok "submit" (Manager.submit (manager ~drive ()) (get url "GET")) in
  (match Suite.ok "recv" (Request.recv ~timeout:20. request) with
  | Head { status = 101; _ } -> ()
  | part -> Alcotest.failf "no head, but %s" (Compare.shown part));
  let messages = List.init 10 (fun index -> Websocket.text (string_of_int index)) in
  Alcotest.(check int) "sent" 10 (Suite.ok "send_many" (Websocket.send_many request messages));
  let rec receive got =
    if List.length got = 10 then got
    else receive (got @ Suite.ok "recv_many" (Websocket.recv_many ~timeout:20. request))
  in
  Alcotest.(check bool) "echoed" true (receive [] = messages);
  Suite.refused "text that is not UTF-8" Invalid_argument (Websocket.send request (Websocket.text "\xff"));
  let ping = Suite.ok "ping" (Websocket.ping request) in
  (match Suite.ok "recv" (Request.recv ~timeout:20. request) with
  | Latency (number, nanoseconds) ->
      Alcotest.(check int) "number" ping number;
      Alcotest.(check bool) "measured" true (nanoseconds > 0)
  | part -> Alcotest.failf "no latency, but %s" (Compare.shown part));
  Alcotest.(check bool) "latency" true (Suite.ok "latency" (Websocket.latency request) <> None);
  Suite.ok "close" (Websocket.close request ~reason:"bye");
  match until_end request [] with
  | [ Frame { kind = Close; code = Some 1000; _ }; Done _ ] -> ()
  | parts -> Alcotest.failf "the end: %s" (String.concat ", " (List.map Compare.shown parts))

(* ---- Forks ---- *)

(* What the child finds goes back as its status. *)
let in_child work =
  match Unix.fork () with
  | 0 -> Unix._exit (try work () with _ -> 99)
  | pid -> ( match Unix.waitpid [] pid with _, WEXITED status -> status | _ -> 98)

let is_forked = function Error ({ code = Forked; _ } : Error.t) -> true | _ -> false

let fork server drive () =
  let manager = manager ~drive () in
  let url = http server ^ "/bytes/1000" in
  ignore (answer manager (get url "GET"));
  let request = Suite.ok "submit" (Manager.submit manager (get url "GET")) in
  let child () =
    let received = Request.recv request and polled = Manager.poll ~timeout:0. manager in
    let forked = is_forked received && is_forked polled && is_forked (Request.cancel request) in
    collect ();
    (* A manager of the child's own works. *)
    let own = Suite.ok "manager" (Manager.create ()) in
    let answer = answer own (get url "GET") in
    if forked && String.length answer.body = 1000 then 0 else 1
  in
  Alcotest.(check int) "the child" 0 (in_child child);
  Alcotest.(check int) "the parent" 1000 (String.length (Suite.ok "answer" (Request.answer request)).body)

(* ---- The log ---- *)

let log server () =
  Suite.ok "level" (Log.set_level Debug);
  ignore (answer (manager ()) (get (http server ^ "/") "GET"));
  Suite.ok "level" (Log.set_level Off);
  let lines = Log.take () in
  Alcotest.(check bool) "lines" true (lines <> []);
  Alcotest.(check bool) "targets" true (List.for_all (fun (line : Log.line) -> line.target <> "") lines);
  Alcotest.(check int) "lost" 0 (Log.lost ())

let () =
  exit
  @@ Server.with_server [ "embedded" ] (fun server ->
         let on_both name test =
           [ Suite.test (name ^ ", inline") (test server Setting.Inline);
             Suite.test (name ^ ", threads") (test server (Setting.Threads 1)) ]
         in
         let once name test = [ Suite.test name (test server) ] in
         Suite.run "promises"
           [
             ("fork", on_both "a child" fork);
             ( "answers",
               on_both "whole" whole_answer @ on_both "TLS" tls @ once "unix socket" unix_socket
               @ once "trailers" trailers @ once "too large" too_large );
             ( "polling",
               on_both "many" many @ on_both "descriptor" descriptor @ once "raising" raising
               @ once "polling within" polling_within );
             ( "bodies",
               on_both "upload" upload @ once "ranges" ranges @ once "given up" given_up
               @ once "back pressure" back_pressure );
             ( "ends",
               on_both "cancel" cancel @ on_both "shutdown" shutdown @ once "freed" freed
               @ once "interrupted" interrupted );
             ("threads", on_both "threads" threads @ once "received twice" received_twice);
             ("websockets", on_both "websocket" websocket);
             ("log", once "log" log);
           ])
