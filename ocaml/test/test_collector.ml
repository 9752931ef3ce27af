(* What the collector finds, and that nothing grows. *)

open Trunkline
open Support
open Asking

let dropped server drive () =
  collect ();
  let before = open_descriptors () in
  let work () =
    let manager = manager ~drive () in
    let answer = answer manager (get (http server ^ "/bytes/1000") "GET") in
    Alcotest.(check int) "body" 1000 (String.length answer.body);
    (* One under way when the manager goes. *)
    ignore (Suite.ok "submit" (Manager.submit manager (get (http server ^ "/hang") "GET")))
  in
  for _ = 1 to 20 do
    work ()
  done;
  eventually "the descriptors given back" (fun () ->
      collect ();
      open_descriptors () <= before)

(* The manager lives as long as somebody waits for a request of it. *)
let request_holds server () =
  let submit () = Suite.ok "submit" (Manager.submit (manager ()) (get (http server ^ "/delay/50") "GET")) in
  let request = submit () in
  collect ();
  Alcotest.(check int) "status" 200 (Suite.ok "answer" (Request.answer request)).head.status

let stress server drive () =
  let control = Gc.get () in
  Gc.set { control with minor_heap_size = 4096; space_overhead = 20 };
  let manager = manager ~drive () in
  for index = 1 to 100 do
    let options =
      Suite.ok "options"
        (Request_options.make ~headers:[ ("x-index", string_of_int index) ]
           ~retry:(Function (fun _ -> Stop))
           ~meth:"GET"
           (http server ^ "/headers"))
    in
    let answer = answer manager options in
    let told = Yojson.Safe.from_string answer.body in
    Alcotest.(check string) "x-index" (string_of_int index) Yojson.Safe.Util.(to_string (member "x-index" told));
    if index mod 10 = 0 then Gc.compact ()
  done;
  Gc.set control

(* What this process has in memory, in KiB. *)
let resident () =
  let file = open_in "/proc/self/status" in
  let rec find () =
    let line = input_line file in
    match String.split_on_char ':' line with
    | [ "VmRSS"; size ] -> Scanf.sscanf size " %d" Fun.id
    | _ -> find ()
  in
  Fun.protect ~finally:(fun () -> close_in file) find

(* Requests, functions and bodies leave nothing behind. *)
let no_growth server drive () =
  let manager = manager ~drive () in
  let run count =
    for _ = 1 to count do
      let options = get ~retry:(Function (fun _ -> Stop)) (http server ^ "/bytes/100") "GET" in
      ignore (answer manager options)
    done;
    collect ();
    resident ()
  in
  let before = run 1000 in
  let after = run 4000 in
  if after - before > 8192 then Alcotest.failf "it grew from %d to %d KiB" before after

let () =
  exit
  @@ Server.with_server [ "embedded" ] (fun server ->
         let on_both name test =
           [ Suite.test (name ^ ", inline") (test server Setting.Inline);
             Suite.test (name ^ ", threads") (test server (Setting.Threads 1)) ]
         in
         let once name test = [ Suite.test name (test server) ] in
         Suite.run "collector"
           [
             ("dropped", on_both "dropped" dropped @ once "request holds" request_holds);
             ("growth", on_both "stress" stress @ on_both "no growth" no_growth);
           ])
