(* Managers, and connections without a socket, in several domains at once. *)

open Trunkline
open Support

let domains = 4
let rounds = 40
let numbers count = List.init count Fun.id

(* What each domain answers, in their order. *)
let in_domains work =
  let spawned = List.map (fun number -> Domain.spawn (fun () -> work number)) (numbers domains) in
  List.map Domain.join spawned

let url server path = Printf.sprintf "http://127.0.0.1:%d%s" (Server.port server "http") path

let options url = Suite.ok "options" (Request_options.make ~meth:"GET" url)

(* Alcotest is not made for several domains: in these a test fails by an exception, which joining raises again. *)
let expect what expected found =
  if expected <> found then failwith (Printf.sprintf "%s: %d, not %d" what found expected)

let with_manager ?drive ?retry ?max_retries ?har work =
  let manager = Suite.ok "manager" (Manager.create ?drive ?retry ?max_retries ?har ()) in
  let result = work manager in
  ignore (Suite.ok "shutdown" (Manager.shutdown ~timeout:10. manager));
  result

(* Bytes received; the garbage makes all domains collect together, again and again. *)
let fetch manager options =
  let garbage = List.init 200 (fun size -> Bytes.create size) in
  let request = Suite.ok "submit" (Manager.submit manager options) in
  let answer = Suite.ok "answer" (Request.answer request) in
  ignore (Sys.opaque_identity garbage);
  expect "status" 200 answer.head.status;
  String.length answer.body

let fetch_all manager options = List.fold_left (fun sum _ -> sum + fetch manager options) 0 (numbers rounds)
let check_sums size sums = List.iter (Alcotest.(check int) "received" (rounds * size)) sums

(* ---- Blocking calls ---- *)

(* The options are shared too. *)
let one_manager drive server () =
  with_manager ~drive @@ fun manager ->
  let options = options (url server "/bytes/10000") in
  check_sums 10000 (in_domains (fun _ -> fetch_all manager options))

let own_managers drive server () =
  let work manager = fetch_all manager (options (url server "/bytes/10000")) in
  check_sums 10000 (in_domains (fun _ -> with_manager ~drive work))

(* One submits and another one takes what comes. *)
let handed_on server () =
  with_manager @@ fun manager ->
  let options = options (url server "/bytes/50000") in
  let submit _ = Suite.ok "submit" (Manager.submit manager options) in
  let requests = List.concat (in_domains (fun _ -> List.init rounds submit)) in
  let take number =
    let mine = List.filteri (fun index _ -> index mod domains = number) requests in
    List.fold_left (fun sum request -> sum + String.length (Suite.ok "answer" (Request.answer request)).body) 0 mine
  in
  check_sums 50000 (in_domains take)

(* ---- Callbacks ---- *)

(* The main domain polls, the others submit. *)
let polled drive server () =
  with_manager ~drive @@ fun manager ->
  let ended = Atomic.make 0 and received = Atomic.make 0 in
  let on_part _ : Part.t -> unit = function
    | Data data -> ignore (Atomic.fetch_and_add received (String.length data))
    | Done _ -> Atomic.incr ended
    | Error error -> Alcotest.fail (Error.to_string error)
    | _ -> ()
  in
  let plain = options (url server "/bytes/10000") in
  let submit number =
    (* Half of them change the options for the time of the submission. *)
    let manual_release = if number mod 2 = 0 then Some false else None in
    let submit _ = ignore (Suite.ok "submit" (Manager.submit_callback ?manual_release manager plain on_part)) in
    List.iter submit (numbers rounds)
  in
  let others = List.map (fun number -> Domain.spawn (fun () -> submit number)) (numbers domains) in
  while Atomic.get ended < domains * rounds do
    ignore (Suite.ok "poll" (Manager.poll ~timeout:0.1 manager))
  done;
  List.iter Domain.join others;
  Alcotest.(check int) "received" (domains * rounds * 10000) (Atomic.get received)

(* Another domain polls while this one is in a function that polling calls. *)
let polled_twice server () =
  with_manager @@ fun manager ->
  let second = ref None in
  let on_part _ : Part.t -> unit = function
    | Done _ -> second := Some (Domain.join (Domain.spawn (fun () -> Manager.poll ~timeout:0. manager)))
    | _ -> ()
  in
  ignore (Suite.ok "submit" (Manager.submit_callback manager (options (url server "/bytes/1")) on_part));
  while Option.is_none !second do
    ignore (Suite.ok "poll" (Manager.poll ~timeout:0.1 manager))
  done;
  Suite.refused "the second poll" Busy (Option.get !second)

(* Functions are called from the library's threads, or inside of a wait in whichever domain that is. *)
let decisions drive server () =
  let asked = Atomic.make 0 in
  let decide (attempt : Retry.attempt) : Retry.decision =
    Atomic.incr asked;
    ignore (Sys.opaque_identity (List.init 100 (fun size -> Bytes.create size)));
    if attempt.number < 3 then Again_after 0. else Stop
  in
  let ask _ =
    with_manager ~drive ~retry:(Retry.Function decide) ~max_retries:5 @@ fun manager ->
    let status _ =
      let request = Suite.ok "submit" (Manager.submit manager (options (url server "/status/503"))) in
      (Suite.ok "answer" (Request.answer request)).head.status
    in
    List.iter (fun number -> expect "status" 503 (status number)) (numbers 5)
  in
  ignore (in_domains ask : unit list);
  Alcotest.(check int) "asked" (domains * 5 * 3) (Atomic.get asked)

(* ---- What managers share ---- *)

let records server () =
  let har = Suite.ok "har" (Har.create ()) in
  let record number =
    with_manager ~har @@ fun manager ->
    let path = Printf.sprintf "/bytes/%d" (1000 + number) in
    List.iter
      (fun _ ->
        ignore (fetch manager (options (url server path)));
        let json = Suite.ok "json" (Har.json har) in
        if not (json.[0] = '{' && String.ends_with ~suffix:"}" (String.trim json)) then failwith "it is not whole")
      (numbers 10)
  in
  ignore (in_domains record : unit list)

(* ---- Connections without a socket ---- *)

module Connection = H2.Client_connection

let settings = Frames.settings ^ Frames.settings_ack
let head = [ (":status", "200") ]

(* A connection with one request, and what comes of it. *)
let ask () =
  let text = Buffer.create 64 in
  let rec take body =
    H2.Body.schedule_read body
      ~on_eof:(fun () -> Buffer.add_string text "|end")
      ~on_read:(fun bytes ~off ~len ->
        Buffer.add_string text (Bigstringaf.substring bytes ~off ~len);
        take body)
  in
  let error_handler _ = Buffer.add_string text "|error" in
  let connection = Connection.create ?config:None ?push_handler:None ~error_handler in
  let headers = H2.Headers.of_list [ (":authority", "example.test") ] in
  let body =
    Connection.request connection (H2.Request.create ~scheme:"http" ~headers `POST "/") ~error_handler
      ~response_handler:(fun _ body -> take body)
  in
  (connection, body, text)

let give connection bytes =
  let all = Bigstringaf.of_string bytes ~off:0 ~len:(String.length bytes) in
  let rec next off =
    if off < String.length bytes then (
      (match Connection.next_write_operation connection with
      | `Write vectors -> Connection.report_write_result connection (`Ok (H2.IOVec.lengthv vectors))
      | `Yield | `Close _ -> ());
      next (off + Connection.read connection all ~off ~len:(min 7 (String.length bytes - off))))
  in
  next 0

let answer = settings ^ Frames.headers 1 head ^ Frames.data 1 "some " ^ Frames.data ~ending:true 1 "body"

let own_connections () =
  let run _ =
    let play _ =
      let connection, body, text = ask () in
      give connection answer;
      (* Nobody closes it: the collector finds it, in any domain. *)
      ignore (Sys.opaque_identity body);
      Buffer.contents text
    in
    List.map play (numbers 200)
  in
  let check text = Alcotest.(check string) "the answer" "some body|end" text in
  List.iter (List.iter check) (in_domains run)

(* Begun in one domain, read in another one, while a third collects. *)
let passed_connections () =
  let stop = Atomic.make false in
  let collecting =
    Domain.spawn (fun () ->
        while not (Atomic.get stop) do
          Gc.full_major ()
        done)
  in
  let begun = Domain.join (Domain.spawn (fun () -> List.init 100 (fun _ -> ask ()))) in
  let finish number =
    let mine = List.filteri (fun index _ -> index mod domains = number) begun in
    List.map
      (fun (connection, _, text) ->
        give connection answer;
        Buffer.contents text)
      mine
  in
  let answers = List.concat (in_domains finish) in
  Atomic.set stop true;
  Domain.join collecting;
  Alcotest.(check int) "all" 100 (List.length answers);
  List.iter (Alcotest.(check string) "the answer" "some body|end") answers

let () =
  exit
  @@ Server.with_server [ "embedded" ] (fun server ->
         let group name tests = (name, List.map (fun (name, test) -> Suite.test name test) tests) in
         let threads = Setting.Threads 1 and inline = Setting.Inline in
         Suite.run "domains"
           [
             group "managers"
               [
                 ("one, threads", one_manager threads server); ("one, inline", one_manager inline server);
                 ("own, threads", own_managers threads server); ("own, inline", own_managers inline server);
                 ("handed on", handed_on server); ("records", records server);
               ];
             group "callbacks"
               [
                 ("polled, threads", polled threads server); ("polled, inline", polled inline server);
                 ("polled twice", polled_twice server); ("decisions, threads", decisions threads server);
                 ("decisions, inline", decisions inline server);
               ];
             group "connections without a socket" [ ("own", own_connections); ("passed on", passed_connections) ];
           ])
