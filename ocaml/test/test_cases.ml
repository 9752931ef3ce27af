(* Runs tests/cases: each case by receiving and by polling, on both drives. *)

open Trunkline
open Support
module Util = Yojson.Safe.Util

type delivery = Recv | Poll

(* One request under way. *)
type play = {
  json : Yojson.Safe.t;
  mutable chunks : string list;
  mutable frames : Part.message list;
  mutable is_finished : bool;  (* its body is, or it has none *)
  mutable got : Part.t list;  (* the last one first *)
}

let play_of json =
  {
    json;
    chunks = List.map Case.bytes (Case.list "body_chunks" json);
    frames = List.map Case.message (Case.list "send" json);
    is_finished = Case.given "body_chunks" json = None;
    got = [];
  }

let has_ended play = match play.got with last :: _ -> Part.is_terminal last | [] -> false

(* Writes the streamed body as far as it is taken. The request may have ended meanwhile: the parts tell. *)
let rec write play request =
  if not play.is_finished then
    match play.chunks with
    | [] -> (
        play.is_finished <- true;
        match Request.finish request ~trailers:(List.map Case.pair (Case.list "trailers" play.json)) with
        | Ok () | Error { code = Invalid_state; _ } -> ()
        | Error error -> Alcotest.failf "finish: %s" (Error.to_string error))
    | chunk :: rest -> (
        match Request.write request chunk with
        | Ok () ->
            play.chunks <- rest;
            write play request
        | Error { code = Again; _ } -> ()
        | Error { code = Invalid_state; _ } -> play.is_finished <- true
        | Error error -> Alcotest.failf "write: %s" (Error.to_string error))

let send_one request (message : Part.message) =
  match message.kind with
  | Close -> Websocket.close request ~code:(Option.value message.code ~default:0) ~reason:message.payload
  | _ -> Websocket.send request message

let rec send play request =
  match play.frames with
  | [] -> ()
  | frame :: rest -> (
      match send_one request frame with
      | Error { code = Again; _ } -> ()
      (* The peer may have closed first. *)
      | Ok () | Error { code = Invalid_state; _ } ->
          play.frames <- rest;
          send play request
      | Error error -> Alcotest.failf "send: %s" (Error.to_string error))

let is_due play (part : Part.t) =
  match (Case.text "cancel_after" play.json, part) with
  | Some "head", Head _ | Some "data", Data _ -> true
  | _ -> false

let on_part play request (part : Part.t) =
  if has_ended play then Alcotest.fail "a part came after the last";
  play.got <- part :: play.got;
  if is_due play part then Suite.ok "cancel" (Request.cancel request);
  match part with
  | Writable ->
      write play request;
      send play request
  | Head { status = 101 | 200; _ } -> send play request
  | _ -> ()

let submit manager delivery case port play =
  let options = Suite.ok "options" (Case.request_options case port play.json) in
  let submitted =
    match delivery with
    | Recv -> Manager.submit manager options
    | Poll -> Manager.submit_callback manager options (on_part play)
  in
  let request = Suite.ok "submit" submitted in
  if Case.text "cancel_after" play.json = Some "submit" then Suite.ok "cancel" (Request.cancel request);
  write play request;
  request

let rec receive play request =
  if has_ended play then Suite.refused "a further recv" End_of_parts (Request.recv request)
  else (
    on_part play request (Suite.ok "recv" (Request.recv ~timeout:15. request));
    receive play request)

let rec poll manager plays =
  if not (List.for_all has_ended plays) then (
    if Suite.ok "poll" (Manager.poll ~timeout:15. manager) = 0 then Alcotest.fail "nothing came in 15 s";
    poll manager plays)

let finish manager delivery running =
  match delivery with
  | Recv -> List.iter (fun (play, request) -> receive play request) running
  | Poll -> poll manager (List.map fst running)

(* What an unused connection does with the inline drive, it does while a call runs: so calls run while the server is
   asked. Some scripts wait until what is unused is closed: the manager is shut down when the answer does not come
   soon. *)
let verdict manager server name =
  let answer = Atomic.make None in
  let thread = Thread.create (fun () -> Atomic.set answer (Some (Server.verdict server name))) () in
  let rec wait calls =
    if calls > 0 && Atomic.get answer = None then (
      ignore (Suite.ok "poll" (Manager.poll ~timeout:0.01 manager));
      wait (calls - 1))
  in
  wait 50;
  let all_ended = Suite.ok "shutdown" (Manager.shutdown ~timeout:10. manager) in
  Alcotest.(check bool) "all have ended" true all_ended;
  Thread.join thread;
  Option.join (Atomic.get answer)

let run_case server drive delivery case () =
  let name = Util.to_string (Util.member "name" case) in
  let port = Server.case_port server name in
  Server.reset server name;
  let manager = Suite.ok "manager" (Case.manager ~drive case) in
  let plays = List.map play_of (Case.list "requests" case) in
  let start play = (play, submit manager delivery case port play) in
  if Case.text "mode" case = Some "concurrent" then finish manager delivery (List.map start plays)
  else List.iter (fun play -> finish manager delivery [ start play ]) plays;
  List.iter (fun play -> Compare.check play.json (List.rev play.got)) plays;
  Option.iter (Alcotest.failf "the server: %s") (verdict manager server name);
  Suite.ok "free" (Manager.free manager)

let () =
  exit
  @@ Server.with_server [ "cases"; Case.folder () ] (fun server ->
      let cases = Case.load () in
      let suite name drive delivery =
        let test case = Suite.test (Util.to_string (Util.member "name" case)) (run_case server drive delivery case) in
        (name, List.map test cases)
      in
      Suite.run "cases"
        [
          suite "recv, inline" Setting.Inline Recv;
          suite "recv, threads" (Setting.Threads 1) Recv;
          suite "poll, inline" Setting.Inline Poll;
          suite "poll, threads" (Setting.Threads 1) Poll;
        ])
