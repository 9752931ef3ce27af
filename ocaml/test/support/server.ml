(* The test server of the project: where it listens, and what it thinks of a case. *)

module Json = Yojson.Safe

type t = { place : Json.t; input : out_channel; output : in_channel; pid : int }

let program () =
  match Sys.getenv_opt "TRUNKLINE_TEST_SERVER" with
  | Some path -> path
  | None -> failwith "TRUNKLINE_TEST_SERVER names no test server"

(* It prints where it is, and serves until its standard input ends. *)
let start arguments =
  let path = program () in
  let their_input, our_output = Unix.pipe ~cloexec:true () in
  let our_input, their_output = Unix.pipe ~cloexec:true () in
  let pid =
    Unix.create_process path (Array.of_list (path :: arguments)) their_input their_output Unix.stderr
  in
  Unix.close their_input;
  Unix.close their_output;
  let output = Unix.in_channel_of_descr our_input in
  { place = Json.from_string (input_line output); input = Unix.out_channel_of_descr our_output; output; pid }

let stop server =
  close_out server.input;
  close_in server.output;
  ignore (Unix.waitpid [] server.pid)

let with_server arguments work =
  let server = start arguments in
  Fun.protect ~finally:(fun () -> stop server) (fun () -> work server)

let port server name = Json.Util.(to_int (member name server.place))
let case_port server name = Json.Util.(to_int (member name (member "cases" server.place)))
let text server name = Json.Util.(to_string (member name server.place))

(* ---- The control port of cases, in plain HTTP/1.1 ---- *)

let read_all socket =
  let buffer = Buffer.create 256 and piece = Bytes.create 4096 in
  let rec next () =
    match Unix.read socket piece 0 (Bytes.length piece) with
    | 0 -> Buffer.contents buffer
    | count ->
        Buffer.add_subbytes buffer piece 0 count;
        next ()
  in
  next ()

let control server meth path =
  let socket = Unix.socket ~cloexec:true PF_INET SOCK_STREAM 0 in
  Fun.protect
    ~finally:(fun () -> Unix.close socket)
    (fun () ->
      Unix.connect socket (ADDR_INET (Unix.inet_addr_loopback, port server "control"));
      let asked = Printf.sprintf "%s /%s HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n" meth path in
      ignore (Unix.write_substring socket asked 0 (String.length asked));
      read_all socket)

let reset server name = ignore (control server "POST" ("reset/" ^ name))

(* Why a script was not played to its end, if so. *)
let verdict server name =
  let answer = control server "GET" ("verdict/" ^ name) in
  match String.index_opt answer '{' with
  | None -> Some ("no verdict: " ^ answer)
  | Some start -> (
      let json = Json.from_string (String.sub answer start (String.length answer - start)) in
      match Json.Util.member "ok" json with
      | `Bool true -> None
      | _ -> Some (Json.to_string json))
