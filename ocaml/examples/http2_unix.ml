(* HTTP/2 over a socket of the program's own: one GET in clear text, with plain calls of Unix.

   http2_unix.exe PORT TARGET *)

open Trunkline.H2
module Connection = Client_connection

let request connection target on_end =
  let bytes = ref 0 in
  let rec take body =
    Body.schedule_read body
      ~on_eof:(fun () ->
        Printf.printf "%d bytes\n" !bytes;
        on_end ())
      ~on_read:(fun _ ~off:_ ~len ->
        bytes := !bytes + len;
        take body)
  in
  let response_handler (response : Response.t) body =
    Printf.printf "status %s\n" (Status.to_string response.status);
    take body
  in
  let error_handler _ = failwith "the request failed" in
  let headers = Headers.of_list [ (":authority", "localhost") ] in
  let request = Request.create ~scheme:"http" ~headers `GET target in
  Body.close_writer (Connection.request connection request ~error_handler ~response_handler)

let rec send connection socket =
  match Connection.next_write_operation connection with
  | `Write vectors ->
      let piece { IOVec.buffer; off; len } = Bigstringaf.substring buffer ~off ~len in
      let text = String.concat "" (List.map piece vectors) in
      Connection.report_write_result connection (`Ok (Unix.write_substring socket text 0 (String.length text)));
      send connection socket
  | `Yield | `Close _ -> ()

let rec pump connection socket bytes =
  send connection socket;
  match Connection.next_read_operation connection with
  | `Close -> ()
  | `Read ->
      let count = Unix.read socket bytes 0 (Bytes.length bytes) in
      let buffer = Bigstringaf.of_string (Bytes.sub_string bytes 0 count) ~off:0 ~len:count in
      if count = 0 then ignore (Connection.read_eof connection buffer ~off:0 ~len:0)
      else ignore (Connection.read connection buffer ~off:0 ~len:count);
      pump connection socket bytes

let () =
  let socket = Unix.socket PF_INET SOCK_STREAM 0 in
  Unix.connect socket (ADDR_INET (Unix.inet_addr_loopback, int_of_string Sys.argv.(1)));
  let error_handler _ = failwith "the connection failed" in
  let connection = Connection.create ?config:None ?push_handler:None ~error_handler in
  request connection Sys.argv.(2) (fun () -> Connection.shutdown connection);
  pump connection socket (Bytes.create 65536);
  Unix.close socket
