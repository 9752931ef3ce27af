(* A WebSocket over a socket of the program's own: the handshake by HTTP/1.1, then messages there and back.

   websocket_unix.exe PORT TARGET MESSAGE... *)

open Trunkline
module Http = Http1.Client_connection
module Socket = Websocket_connection

let ok = function Ok result -> result | Error error -> failwith (Error.to_string error)

let write_all socket vectors =
  let piece { Iovec.buffer; off; len } = Bigstringaf.substring buffer ~off ~len in
  let text = String.concat "" (List.map piece vectors) in
  `Ok (Unix.write_substring socket text 0 (String.length text))

(* Both sides of the transport until [is_done]: the two connections have the same functions for that. *)
let pump socket ~next_write ~report ~read ~is_done =
  let bytes = Bytes.create 65536 in
  let rec send () =
    match next_write () with
    | `Write vectors ->
        report (write_all socket vectors);
        send ()
    | `Yield | `Close _ -> ()
  in
  let rec give buffer off len =
    if off < len && not (is_done ()) then give buffer (off + read buffer ~off ~len:(len - off)) len
  in
  send ();
  while not (is_done ()) do
    let count = Unix.read socket bytes 0 (Bytes.length bytes) in
    if count = 0 then failwith "the server has left";
    give (Bigstringaf.of_string (Bytes.sub_string bytes 0 count) ~off:0 ~len:count) 0 count;
    send ()
  done

(* The server sends nothing behind its 101 before it was asked something. *)
let open_websocket socket target handshake =
  let answer = ref None in
  let failed _ = failwith "it was not upgraded" in
  let http = ok (Http.create ~error_handler:failed ()) in
  let headers = Headers.add (ok (Socket.Handshake.headers handshake)) "host" "localhost" in
  ignore
    (Http.request http
       (Http1.Request.create ~headers `GET target)
       ~upgrade_handler:(fun response _ -> answer := Some response)
       ~error_handler:failed
       ~response_handler:(fun _ _ -> failed ()));
  pump socket
    ~next_write:(fun () -> Http.next_write_operation http)
    ~report:(Http.report_write_result http) ~read:(Http.read http)
    ~is_done:(fun () -> Option.is_some !answer);
  ok (Socket.Handshake.check handshake (Option.get !answer))

let () =
  let port, target, messages =
    match Array.to_list Sys.argv with
    | _ :: port :: target :: messages -> (int_of_string port, target, messages)
    | _ -> failwith "websocket_unix.exe PORT TARGET MESSAGE..."
  in
  let socket = Unix.socket PF_INET SOCK_STREAM 0 in
  Unix.connect socket (ADDR_INET (Unix.inet_addr_loopback, port));
  let handshake = ok (Socket.Handshake.create ~deflate:true ()) in
  open_websocket socket target handshake;
  let ended = ref false in
  let message_handler (message : Part.message) = if message.kind = Text then print_endline message.payload in
  let close_handler ending =
    Printf.printf "closed by %d\n" (Option.value (ok ending) ~default:0);
    ended := true
  in
  let websocket = ok (Socket.create ~handshake ~message_handler ~close_handler ()) in
  List.iter (fun message -> ok (Socket.send websocket (Websocket.text message))) messages;
  ok (Socket.send websocket { kind = Close; payload = ""; code = Some 1000; more = false });
  pump socket
    ~next_write:(fun () -> Socket.next_write_operation websocket)
    ~report:(Socket.report_write_result websocket) ~read:(Socket.read websocket)
    ~is_done:(fun () -> !ended);
  Unix.close socket
