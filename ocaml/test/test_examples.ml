(* The examples do what they say. *)

open Support

let run program arguments =
  let command = Filename.quote_command (Filename.concat "../examples" (program ^ ".exe")) arguments in
  let output = Unix.open_process_in command in
  let rec lines got =
    match input_line output with line -> lines (line :: got) | exception End_of_file -> List.rev got
  in
  let lines = lines [] in
  match Unix.close_process_in output with
  | WEXITED 0 -> lines
  | _ -> Alcotest.failf "%s failed: %s" program (String.concat "\n" lines)

let check program arguments expected = Alcotest.(check (list string)) program expected (run program arguments)

let manager_unix server () =
  let url = Printf.sprintf "http://127.0.0.1:%d/bytes/1000" (Server.port server "http") in
  let lines = run "manager_unix" [ url; url; "http://127.0.0.1:1/" ] in
  Alcotest.(check int) "lines" 3 (List.length lines);
  let answered line = String.length line > String.length url && String.sub line 0 (String.length url) = url in
  Alcotest.(check int) "answered" 2 (List.length (List.filter answered lines))

let manager_lwt server () =
  let url = Printf.sprintf "http://127.0.0.1:%d/bytes/300000" (Server.port server "http") in
  check "manager_lwt" [ url ]
    [ "status 200, 300000 bytes"; "300000 bytes in pieces, connection reused: true"; "cancelled" ]

let port server = string_of_int (Server.port server "http")
let http2_unix server () = check "http2_unix" [ port server; "/bytes/300000" ] [ "status 200"; "300000 bytes" ]

let http2_lwt server () =
  let lines = run "http2_lwt" [ port server; "/bytes/300000"; "/bytes/10" ] in
  let expected = [ "/bytes/10: 10 bytes"; "/bytes/300000: 300000 bytes" ] in
  Alcotest.(check (list string)) "http2_lwt" expected (List.sort compare lines)

let websocket_unix server () =
  check "websocket_unix" [ port server; "/ws"; "hello"; "again" ] [ "hello"; "again"; "closed by 1000" ]

let () =
  exit
  @@ Server.with_server [ "embedded" ] (fun server ->
         let one name test = (name, [ Suite.test "run" (test server) ]) in
         Suite.run "examples"
           [
             one "manager_unix" manager_unix; one "manager_lwt" manager_lwt; one "http2_unix" http2_unix;
             one "http2_lwt" http2_lwt; one "websocket_unix" websocket_unix;
           ])
