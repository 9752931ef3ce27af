(* Both sides of the transport of a connection without a socket, whatever it speaks. *)

open Driven

(* Bytes that are held where the engine takes no more, because what is to be written waits. *)
let most_input = 65536

(* ---- The side that is read ---- *)

let operation_close = 4
let is_read_closed connection = Engine.next_read connection.engine = operation_close
let next_read_operation connection = if is_read_closed connection then `Close else `Read

let give connection bytes off len =
  run connection (fun sink -> Engine.read connection.engine sink bytes off len)

(* Gives the engine what it has not taken before. *)
let rec give_input connection =
  let held = Bigstringaf.length connection.input in
  if held > 0 then (
    let input = connection.input in
    let consumed = collected connection (fun sink -> Engine.read connection.engine sink input 0 held) in
    connection.input <- Bigstringaf.sub input ~off:consumed ~len:(held - consumed);
    run connection ignore;
    if consumed > 0 then give_input connection)

(* Holds what the engine does not take now, as far as there is room. *)
let hold connection bytes off len =
  let held = Bigstringaf.length connection.input in
  let more = min len (max 0 (most_input - held)) in
  let input = Bigstringaf.create (held + more) in
  Bigstringaf.blit connection.input ~src_off:0 input ~dst_off:0 ~len:held;
  Bigstringaf.blit bytes ~src_off:off input ~dst_off:held ~len:more;
  connection.input <- input;
  more

let read connection bytes ~off ~len =
  let len = range ~off ~len:(Some len) (Bigstringaf.length bytes) in
  give_input connection;
  let consumed = if Bigstringaf.length connection.input > 0 then 0 else give connection bytes off len in
  if consumed = len || is_read_closed connection then consumed
  else consumed + hold connection bytes (off + consumed) (len - consumed)

let read_eof connection bytes ~off ~len =
  let consumed = read connection bytes ~off ~len in
  run_if_alive connection (Engine.read_eof connection.engine);
  consumed

let yield_reader (_ : connection) continue = continue ()

(* ---- The side that is written ---- *)

let rec next_write_operation connection =
  let room = Bigstringaf.length connection.output in
  match run connection (fun sink -> Engine.next_write connection.engine sink connection.output) with
  | -1 -> `Yield
  | size when size < 0 -> `Close (-2 - size)
  | size when size > room ->
      connection.output <- Bigstringaf.create (max size (2 * room));
      next_write_operation connection
  | size -> `Write [ { Iovec.buffer = connection.output; off = 0; len = size } ]

let report_write_result connection result =
  let written = match result with `Ok count -> count | `Closed -> -1 in
  (match result with `Ok count when count < 0 -> invalid_arg "report_write_result" | _ -> ());
  (try run connection (fun sink -> Engine.wrote connection.engine sink written)
   with Native.Refused (_, message) -> invalid_arg message);
  give_input connection

let yield_writer connection continue =
  let key = wait connection continue in
  run connection (fun sink -> Engine.yield_writer connection.engine sink key)

(* ---- The end ---- *)

let report_exn connection error =
  connection.reported <- Some error;
  run_if_alive connection (fun sink -> Engine.report_exn connection.engine sink (Printexc.to_string error))

let is_closed connection = Engine.is_closed connection.engine
