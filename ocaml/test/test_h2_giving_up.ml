(* Requests that are given up on HTTP/2 connections without a socket: what the peer sees of it, and who is told. *)

open Trunkline.H2
open Support
open H2_bed

let is_reset stream code (frame : Frames.t) =
  frame.kind = 3 && frame.stream = stream && frame.payload = Frames.number code

(* Before the head: the peer sees RST_STREAM, nobody is told, and the neighbour goes on. *)
let cancelled () =
  let bed = bed () in
  let without = request ~name:"one" bed "/1" in
  Body.close_writer without;
  let upload = request ~meth:`POST ~name:"two" bed "/2" in
  Body.write_string upload "begun";
  get ~name:"three" bed "/3";
  read bed started;
  Body.cancel without;
  Body.cancel upload ~code:InternalError;
  write bed;
  has bed "CANCEL" (is_reset 1 8);
  has bed "its own code" (is_reset 3 2);
  Body.write_string upload "no more";
  Alcotest.(check bool) "over" true (Body.is_closed upload);
  let answer stream = Frames.headers ~ending:true stream ok_head in
  read bed (answer 1 ^ answer 3 ^ answer 5);
  check bed [ "three: 200 x-a"; {|three: body ""|} ];
  let resets () = List.length (List.filter (fun (frame : Frames.t) -> frame.kind = 3) (frames bed)) in
  let before = resets () in
  Body.cancel without;
  write bed;
  Alcotest.(check int) "once" before (resets ())

(* Where the exchange is over there is nothing to give up. *)
let cancelled_late () =
  let bed = bed () in
  let body = request bed "/" in
  Body.close_writer body;
  write bed;
  read bed (started ^ Frames.headers ~ending:true 1 ok_head);
  Body.cancel body;
  write bed;
  check bed [ "stream: 200 x-a"; {|stream: body ""|} ];
  Alcotest.(check bool) "no reset" false (List.exists (fun (frame : Frames.t) -> frame.kind = 3) (frames bed))

let cancelled_unsent () =
  let bed = bed () in
  Body.cancel (request bed "/");
  read bed started;
  write bed;
  check bed [];
  get ~name:"next" bed "/";
  has bed "the next" (fun frame -> frame.kind = 1 && frame.flags land 1 = 0)

(* From inside of its own functions, by the body of the answer. *)
let cancelled_answer () =
  let answered log name body =
    let on_eof () = note log "%s: eof" name in
    let more _ ~off:_ ~len:_ = note log "%s: more" name in
    Body.schedule_read body ~on_eof ~on_read:(fun _ ~off:_ ~len:_ ->
        note log "%s: data" name;
        Body.cancel body;
        Body.schedule_read body ~on_eof ~on_read:more)
  in
  let bed = bed ~push_handler:(fun log _ -> Ok (fun _ body -> answered log "pushed" body)) () in
  let request = Request.create ~scheme:"http" ~headers:(Headers.of_list [ (":authority", "a") ]) `GET "/" in
  let body =
    Connection.request bed.connection request
      ~error_handler:(fun error -> note bed.log "stream: %s" (shown_error error))
      ~response_handler:(fun _ body -> answered bed.log "stream" body)
  in
  Body.close_writer body;
  write bed;
  let answer stream = Frames.headers stream ok_head ^ Frames.data stream "some" in
  read bed (started ^ promise "/pushed" ^ answer 2 ^ answer 1);
  write bed;
  read bed (Frames.data ~ending:true 1 "late" ^ Frames.data ~ending:true 2 "late");
  let told name = of_stream name (Buffer.contents bed.log) in
  Alcotest.(check (list string)) "the answer" [ "stream: data" ] (told "stream");
  Alcotest.(check (list string)) "the pushed one" [ "pushed: data" ] (told "pushed");
  has bed "the answer" (is_reset 1 8);
  has bed "the pushed one" (is_reset 2 8)

let cancelled_upgrade () =
  let asked = Result.get_ok (Connection.h2c_request http_request) in
  let log = Buffer.create 64 in
  let fail what _ = Alcotest.fail what in
  let handlers = ((fun _ -> fail "an answer"), fail "an error") in
  let error_handler = fail "the connection" in
  let connection = Result.get_ok (Connection.create_h2c ~http_request:asked ~error_handler handlers) in
  let upgraded = { connection; log; written = Buffer.create 64 } in
  let body = Option.get (Connection.upgraded_request connection) in
  Alcotest.(check bool) "closed" true (Body.is_closed body);
  Body.cancel body;
  write upgraded;
  read upgraded (started ^ Frames.headers ~ending:true 1 ok_head);
  has upgraded "CANCEL" (is_reset 1 8);
  let plain = (bed ()).connection in
  Alcotest.(check bool) "none" true (Option.is_none (Connection.upgraded_request plain))

let () =
  let tests =
    [
      ("before the head", cancelled); ("before it is sent", cancelled_unsent); ("too late", cancelled_late); ("in the answer", cancelled_answer);
      ("after an upgrade", cancelled_upgrade);
    ]
  in
  exit (Suite.run "giving up" [ ("http/2", List.map (fun (name, test) -> Suite.test name test) tests) ])
