open Driven

type 'rw t = { exchange : exchange; is_writer : bool }

let reader exchange = { exchange; is_writer = false }
let writer exchange = { exchange; is_writer = true }

(* ---- Of answers ---- *)

let schedule_read { exchange; _ } ~on_eof ~on_read =
  if exchange.is_dropped || exchange.is_complete then on_eof ()
  else if not exchange.has_ended then (
    exchange.scheduled <- Some { on_eof; on_read };
    go_on exchange;
    run exchange.connection ignore)

let close_reader { exchange; _ } =
  exchange.is_dropped <- true;
  exchange.scheduled <- None;
  go_on exchange;
  run exchange.connection ignore

(* ---- Of requests ---- *)

let write { exchange; _ } call =
  if exchange.is_closed then failwith "Trunkline: the body was closed";
  (* Refused: the stream has ended, and takes no more. *)
  let send upload = try run exchange.connection (call upload) with Native.Refused _ -> exchange.upload <- None in
  Option.iter send exchange.upload

let write_string body ?(off = 0) ?len text =
  let len = range ~off ~len (String.length text) in
  let piece = if len = String.length text then text else String.sub text off len in
  write body (fun upload sink -> Engine.write_string upload sink piece)

let write_char body char = write_string body (String.make 1 char)

let write_bigstring body ?(off = 0) ?len bytes =
  let len = range ~off ~len (Bigstringaf.length bytes) in
  write body (fun upload sink -> Engine.write upload sink bytes off len)

let schedule_bigstring = write_bigstring

let waiting { exchange; _ } continue call =
  let connection = exchange.connection in
  let wait_for upload =
    let key = wait connection continue in
    try run connection (fun sink -> call upload sink key)
    with Native.Refused _ -> Hashtbl.remove connection.waiting key
  in
  Option.iter wait_for exchange.upload

let flush body continue = waiting body continue Engine.flush
let on_room body continue = waiting body continue Engine.on_room

let room { exchange; _ } =
  match exchange.upload with
  | Some upload when not exchange.is_closed -> ( try Engine.room upload with Native.Refused _ -> 0)
  | _ -> 0

let close_writer { exchange; _ } =
  if not exchange.is_closed then (
    exchange.is_closed <- true;
    Option.iter (fun upload -> run_if_alive exchange.connection (Engine.close upload)) exchange.upload)

let is_closed { exchange; is_writer } =
  if is_writer then exchange.is_closed || Option.is_none exchange.upload
  else exchange.has_ended || exchange.is_dropped

(* ---- Of both ---- *)

let cancel ?(code = Error_code.Cancel) { exchange; _ } =
  let upload = exchange.upload and answer = exchange.answer in
  (* First, so that nothing is told of it any more. *)
  ended exchange;
  exchange.scheduled <- None;
  let give_up call = run_if_alive exchange.connection call in
  match (upload, answer) with
  | Some upload, _ -> give_up (fun sink -> Engine.cancel upload sink (Error_code.to_int code))
  | None, Some answer -> give_up (fun sink -> Engine.answer_cancel answer sink (Error_code.to_int code))
  | None, None -> ()

(* ---- The same by their ends ---- *)

module Reader = struct
  type nonrec t = [ `read ] t

  let schedule_read = schedule_read
  let close = close_reader
  let cancel = cancel
  let is_closed = is_closed
end

module Writer = struct
  type nonrec t = [ `write ] t

  let write_char = write_char
  let write_string = write_string
  let write_bigstring = write_bigstring
  let schedule_bigstring = schedule_bigstring
  let flush = flush
  let room = room
  let on_room = on_room
  let close = close_writer
  let cancel = cancel
  let is_closed = is_closed
end
