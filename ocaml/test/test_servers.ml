(* HTTP/2 connections without a socket against servers of others: nghttpd's pushes and trailers, nghttpx's upgrade. *)

open Trunkline.H2
open Support
module Connection = Client_connection

(* ---- Servers ---- *)

let free_port () =
  let socket = Unix.socket ~cloexec:true PF_INET SOCK_STREAM 0 in
  Fun.protect
    ~finally:(fun () -> Unix.close socket)
    (fun () ->
      Unix.bind socket (ADDR_INET (Unix.inet_addr_loopback, 0));
      match Unix.getsockname socket with ADDR_INET (_, port) -> port | ADDR_UNIX _ -> Alcotest.fail "no port")

(* A connection to a server that is starting: asked for 10 s. *)
let rec connect ?(left = 1000) port =
  let socket = Unix.socket ~cloexec:true PF_INET SOCK_STREAM 0 in
  match Unix.connect socket (ADDR_INET (Unix.inet_addr_loopback, port)) with
  | () -> socket
  | exception Unix.Unix_error (ECONNREFUSED, _, _) when left > 0 ->
      Unix.close socket;
      ignore (Unix.select [] [] [] 0.01);
      connect ~left:(left - 1) port

let with_program program arguments work =
  let nowhere = Unix.openfile "/dev/null" [ O_RDWR; O_CLOEXEC ] 0 in
  let path = "PATH=" ^ Sys.getenv "PATH" ^ ":/usr/sbin" in
  let command = Array.of_list ("env" :: path :: program :: arguments) in
  let pid = Unix.create_process "env" command nowhere nowhere nowhere in
  Fun.protect
    ~finally:(fun () ->
      Unix.close nowhere;
      Unix.kill pid Sys.sigterm;
      ignore (Unix.waitpid [] pid))
    work

let with_folder files work =
  let folder = Filename.temp_file "trunkline" ".d" in
  Sys.remove folder;
  Unix.mkdir folder 0o700;
  let path name = Filename.concat folder name in
  let write (name, text) =
    let file = open_out_bin (path name) in
    output_string file text;
    close_out file
  in
  List.iter write files;
  Fun.protect
    ~finally:(fun () ->
      List.iter (fun (name, _) -> Sys.remove (path name)) files;
      Unix.rmdir folder)
    (fun () -> work folder)

(* ---- A connection over a socket ---- *)

let write_all connection socket =
  let rec next () =
    match Connection.next_write_operation connection with
    | `Write vectors ->
        let piece { IOVec.buffer; off; len } = Bigstringaf.substring buffer ~off ~len in
        let text = String.concat "" (List.map piece vectors) in
        Connection.report_write_result connection (`Ok (Unix.write_substring socket text 0 (String.length text)));
        next ()
    | `Yield | `Close _ -> ()
  in
  next ()

let rec pump connection socket =
  write_all connection socket;
  if Connection.next_read_operation connection = `Read then (
    let bytes = Bytes.create 16384 in
    let count = Unix.read socket bytes 0 (Bytes.length bytes) in
    let buffer = Bigstringaf.of_string (Bytes.sub_string bytes 0 count) ~off:0 ~len:count in
    if count = 0 then ignore (Connection.read_eof connection buffer ~off:0 ~len:0)
    else ignore (Connection.read connection buffer ~off:0 ~len:count);
    pump connection socket)

let no_error what _ = Alcotest.failf "%s: an error" what

(* Has a body noted, and then [ended] called. *)
let rec take body noted ended =
  Body.schedule_read body ~on_eof:ended ~on_read:(fun bytes ~off ~len ->
      noted := !noted ^ Bigstringaf.substring bytes ~off ~len;
      take body noted ended)

let get target =
  Request.create ~scheme:"http" ~headers:(Headers.of_list [ (":authority", "localhost") ]) `GET target

(* ---- nghttpd ---- *)

let pushes_and_trailers () =
  with_folder [ ("index.html", "the page"); ("pushed.txt", "pushed") ] @@ fun folder ->
  let port = free_port () in
  let options = [ "--no-tls"; "--address=127.0.0.1"; "--push=/index.html=/pushed.txt"; "--trailer=x-sum: 42" ] in
  with_program "nghttpd" (options @ [ "-d"; folder; string_of_int port ]) @@ fun () ->
  let socket = connect port in
  let page = ref "" and pushed = ref "" and promised = ref "" and trailer = ref "" and left = ref 2 in
  let connection = ref None in
  let ended () =
    decr left;
    if !left = 0 then Option.iter Connection.shutdown !connection
  in
  let push_handler (request : Request.t) =
    promised := request.target;
    Ok (fun _ body -> take body pushed ended)
  in
  let made = Connection.create ?config:None ~push_handler ~error_handler:(no_error "connection") in
  connection := Some made;
  let body =
    Connection.request made (get "/index.html")
      ~trailers_handler:(fun trailers -> trailer := Headers.get_exn trailers "x-sum")
      ~error_handler:(no_error "page")
      ~response_handler:(fun _ body -> take body page ended)
  in
  Body.close_writer body;
  pump made socket;
  Unix.close socket;
  Alcotest.(check (list string)) "what came" [ "the page"; "42"; "/pushed.txt"; "pushed" ]
    [ !page; !trailer; !promised; !pushed ]

(* ---- nghttpx ---- *)

let head_end = "\r\n\r\n"

(* The bytes up to the end of a head, and those after it. *)
let rec read_head socket got =
  let length = String.length got in
  let rec find at =
    if at + 4 > length then None else if String.sub got at 4 = head_end then Some (at + 4) else find (at + 1)
  in
  match find 0 with
  | Some at -> (String.sub got 0 at, String.sub got at (length - at))
  | None ->
      let bytes = Bytes.create 4096 in
      let count = Unix.read socket bytes 0 (Bytes.length bytes) in
      if count = 0 then Alcotest.failf "it ended after %S" got;
      read_head socket (got ^ Bytes.sub_string bytes 0 count)

let upgrade server () =
  let port = free_port () in
  let options =
    [
      Printf.sprintf "--frontend=127.0.0.1,%d;no-tls" port;
      Printf.sprintf "--backend=127.0.0.1,%d" (Server.port server "http");
      "--workers=1"; "--conf=/dev/null";
    ]
  in
  with_program "nghttpx" options @@ fun () ->
  let socket = connect port in
  let http_request =
    let headers = Headers.of_list [ ("host", "localhost") ] in
    match Connection.h2c_request (Httpaf.Request.create ~headers `GET "/bytes/1000") with
    | Ok request -> request
    | Error why -> Alcotest.fail why
  in
  let fields = List.map (fun (name, value) -> name ^ ": " ^ value ^ "\r\n") (Headers.to_list http_request.headers) in
  let text = "GET /bytes/1000 HTTP/1.1\r\n" ^ String.concat "" fields ^ "\r\n" in
  ignore (Unix.write_substring socket text 0 (String.length text));
  let head, rest = read_head socket "" in
  Alcotest.(check string) "switched" "HTTP/1.1 101" (String.sub head 0 12);
  let first = ref "" and second = ref "" and connection = ref None in
  let ended () = Option.iter Connection.shutdown !connection in
  (* The second request is asked when the first has been answered. *)
  let next () =
    let made = Option.get !connection in
    let response_handler _ body = take body second ended in
    let body = Connection.request made (get "/bytes/10") ~error_handler:(no_error "second") ~response_handler in
    Body.close_writer body
  in
  let handlers = ((fun _ body -> take body first next), no_error "first") in
  match Connection.create_h2c ~http_request ~error_handler:(no_error "connection") handlers with
  | Error why -> Alcotest.fail why
  | Ok made ->
      connection := Some made;
      write_all made socket;
      let bytes = Bigstringaf.of_string rest ~off:0 ~len:(String.length rest) in
      ignore (Connection.read made bytes ~off:0 ~len:(String.length rest));
      pump made socket;
      Unix.close socket;
      Alcotest.(check (pair int int)) "lengths" (1000, 10) (String.length !first, String.length !second)

let () =
  exit
  @@ Server.with_server [ "embedded" ] (fun server ->
         Suite.run "servers"
           [
             ("nghttpd", [ Suite.test "pushes and trailers" pushes_and_trailers ]);
             ("nghttpx", [ Suite.test "upgrade" (upgrade server) ]);
           ])
