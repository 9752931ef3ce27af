(* HTTP/2 over a socket of the program's own, with Lwt: two loops, one for each direction, and requests at once.

   http2_lwt.exe PORT TARGET... *)

open Lwt.Infix
open Trunkline.H2
module Connection = Client_connection

let fetch connection target =
  let promise, resolver = Lwt.wait () in
  let rec take body bytes =
    Body.schedule_read body
      ~on_eof:(fun () -> Lwt.wakeup_later resolver bytes)
      ~on_read:(fun _ ~off:_ ~len -> take body (bytes + len))
  in
  let error_handler _ = Lwt.wakeup_later_exn resolver (Failure target) in
  let headers = Headers.of_list [ (":authority", "localhost") ] in
  let request = Request.create ~scheme:"http" ~headers `GET target in
  let body = Connection.request connection request ~error_handler ~response_handler:(fun _ body -> take body 0) in
  Body.close_writer body;
  promise >|= Printf.printf "%s: %d bytes\n" target

let rec write_loop connection socket =
  match Connection.next_write_operation connection with
  | `Write vectors ->
      let piece { IOVec.buffer; off; len } = Bigstringaf.substring buffer ~off ~len in
      let text = String.concat "" (List.map piece vectors) in
      Lwt_unix.write_string socket text 0 (String.length text) >>= fun count ->
      Connection.report_write_result connection (`Ok count);
      write_loop connection socket
  | `Yield ->
      let promise, resolver = Lwt.wait () in
      Connection.yield_writer connection (Lwt.wakeup_later resolver);
      promise >>= fun () -> write_loop connection socket
  | `Close _ -> Lwt.return_unit

let rec read_loop connection socket bytes =
  match Connection.next_read_operation connection with
  | `Close -> Lwt.return_unit
  | `Read ->
      Lwt_unix.read socket bytes 0 (Bytes.length bytes) >>= fun count ->
      let buffer = Bigstringaf.of_string (Bytes.sub_string bytes 0 count) ~off:0 ~len:count in
      if count = 0 then ignore (Connection.read_eof connection buffer ~off:0 ~len:0)
      else ignore (Connection.read connection buffer ~off:0 ~len:count);
      read_loop connection socket bytes

let main port targets =
  let socket = Lwt_unix.socket PF_INET SOCK_STREAM 0 in
  Lwt_unix.connect socket (ADDR_INET (Unix.inet_addr_loopback, port)) >>= fun () ->
  let error_handler _ = failwith "the connection failed" in
  let connection = Connection.create ?config:None ?push_handler:None ~error_handler in
  let requests = Lwt_list.iter_p (fetch connection) targets >|= fun () -> Connection.shutdown connection in
  Lwt.join [ requests; write_loop connection socket; read_loop connection socket (Bytes.create 65536) ] >>= fun () ->
  Lwt_unix.close socket

let () = Lwt_main.run (main (int_of_string Sys.argv.(1)) (List.tl (List.tl (Array.to_list Sys.argv))))
