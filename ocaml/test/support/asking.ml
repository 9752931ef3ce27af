(* Requests to the test server, by blocking calls. *)

open Trunkline

let http server = Printf.sprintf "http://127.0.0.1:%d" (Server.port server "http")

let manager ?(drive = Setting.Threads 1) ?max_retries ?auth () =
  Suite.ok "manager" (Manager.create ~drive ?max_retries ?auth ())

let get ?body ?retry ?retry_delay ?auth ?http ?manual_release ?credit url meth =
  Suite.ok "options" (Request_options.make ?body ?retry ?retry_delay ?auth ?http ?manual_release ?credit ~meth url)

let answer manager options = Suite.ok "answer" (Request.answer (Suite.ok "submit" (Manager.submit manager options)))

let rec until_end request parts =
  let part = Suite.ok "recv" (Request.recv ~timeout:20. request) in
  if Part.is_terminal part then List.rev (part :: parts) else until_end request (part :: parts)

let end_of request = List.hd (List.rev (until_end request []))

let ended_with what expected (part : Part.t) =
  match part with
  | Error error -> Alcotest.check Suite.code what expected error.code
  | _ -> Alcotest.failf "%s: %s" what (Compare.shown part)

(* ---- What the process holds ---- *)

let open_descriptors () = Array.length (Sys.readdir "/proc/self/fd")

let collect () =
  Gc.compact ();
  Gc.full_major ()

(* Waits for the library's threads to be done: at most 10 s. *)
let eventually what condition =
  let rec wait left =
    if not (condition ()) then
      if left = 0 then Alcotest.failf "%s did not come to be" what
      else (
        Thread.delay 0.01;
        wait (left - 1))
  in
  wait 1000
