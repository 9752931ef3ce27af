(* HTTP/2 connections without a socket: input split everywhere, output written in pieces, servers that are broken. *)

open Trunkline.H2
open Support
open H2_bed

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

let () =
  let group name tests = (name, List.map (fun (name, test) -> Suite.test name test) tests) in
  exit
    (Suite.run "h2 splitting"
       [
         group "splitting"
           [
             ("in one piece", in_one_piece); ("split everywhere", split_everywhere);
             ("written everywhere", written_everywhere); ("collected", collected);
           ];
         group "a broken server" [ ("mutated", mutated) ];
       ])
