(* Small GETs over HTTP/1.1 with Lwt, so many at once.

   http_async.exe CLIENT --job NAME --url URL --in-flight N --seconds S

   CLIENT is one of
   trunkline, trunkline-inline   Trunkline on either drive;
   cohttp                        Client.get, which opens a connection for each request;
   cohttp-kept                   no client but cohttp's reader and writer of messages, on connections that this program
                                 keeps open itself, one for each worker *)

open Lwt.Infix

let job = ref ""
let url = ref ""
let in_flight = ref 64
let seconds = ref 2.
let client = ref ""
let expected = 131
let warm_up = 0.5

type count = { mutable requests : int; mutable errors : int; mutable bytes : int; mutable first : string }

let fail count what =
  count.errors <- count.errors + 1;
  if count.first = "" then (
    count.first <- what;
    prerr_endline ("first error: " ^ what))

let answered count status length =
  count.requests <- count.requests + 1;
  count.bytes <- count.bytes + length;
  if status <> 200 || length <> expected then fail count (Printf.sprintf "status %d, %d bytes" status length)

(* ---- Clients: each gives a function that sends one request and counts its answer ---- *)

let ok = function Ok result -> result | Error error -> failwith (Trunkline.Error.to_string error)

let trunkline drive () =
  let client = ok (Trunkline_lwt.Client.create (ok (Trunkline.Manager.create ~drive ()))) in
  let options = ok (Trunkline.Request_options.make ~meth:"GET" !url) in
  let one count _worker =
    Trunkline_lwt.Client.fetch client options >|= function
    | Ok answer -> answered count answer.head.status (String.length answer.body)
    | Error error -> fail count (Trunkline.Error.to_string error)
  in
  (one, fun () -> Trunkline_lwt.Client.shutdown client >|= fun ended -> ignore (ok ended))

let cohttp () =
  let uri = Uri.of_string !url in
  let one count _worker =
    Cohttp_lwt_unix.Client.get uri >>= fun (response, body) ->
    Cohttp_lwt.Body.to_string body >|= fun body ->
    answered count (Cohttp.Code.code_of_status (Cohttp.Response.status response)) (String.length body)
  in
  (one, fun () -> Lwt.return_unit)

let cohttp_kept () =
  let uri = Uri.of_string !url in
  let address = Unix.ADDR_INET (Unix.inet_addr_loopback, Option.value (Uri.port uri) ~default:80) in
  let request = Cohttp.Request.make_for_client ~chunked:false `GET uri in
  let connect () =
    let socket = Lwt_unix.socket PF_INET SOCK_STREAM 0 in
    Lwt_unix.connect socket address >|= fun () ->
    Lwt_unix.setsockopt socket TCP_NODELAY true;
    (Lwt_io.of_fd ~mode:Input socket, Lwt_io.of_fd ~mode:Output socket)
  in
  let connections = Array.init !in_flight (fun _ -> lazy (connect ())) in
  let read_body reader =
    let rec next length =
      Cohttp_lwt_unix.Response.read_body_chunk reader >>= function
      | Cohttp.Transfer.Chunk piece -> next (length + String.length piece)
      | Final_chunk piece -> Lwt.return (length + String.length piece)
      | Done -> Lwt.return length
    in
    next 0
  in
  let one count worker =
    Lazy.force connections.(worker) >>= fun (input, output) ->
    Cohttp_lwt_unix.Request.write (fun _ -> Lwt.return_unit) request output >>= fun () ->
    Lwt_io.flush output >>= fun () ->
    Cohttp_lwt_unix.Response.read input >>= function
    | `Ok response ->
        read_body (Cohttp_lwt_unix.Response.make_body_reader response input)
        >|= answered count (Cohttp.Code.code_of_status (Cohttp.Response.status response))
    | `Eof -> Lwt.return (fail count "the connection ended")
    | `Invalid why -> Lwt.return (fail count why)
  in
  (one, fun () -> Lwt.return_unit)

(* ---- The run ---- *)

let run one for_seconds =
  let count = { requests = 0; errors = 0; bytes = 0; first = "" } in
  let start = Unix.gettimeofday () in
  let rec work worker =
    if Unix.gettimeofday () -. start >= for_seconds then Lwt.return_unit
    else one count worker >>= fun () -> work worker
  in
  Lwt.join (List.init !in_flight work) >|= fun () -> (count, Unix.gettimeofday () -. start)

let peak_of line = try Some (Scanf.sscanf line "VmHWM: %d kB" Fun.id) with Scanf.Scan_failure _ | Failure _ | End_of_file -> None

(* The most memory that the process has had, in KiB. *)
let peak_rss () =
  let status = open_in "/proc/self/status" in
  let rec find () =
    match peak_of (input_line status) with
    | Some kib -> kib
    | None -> find ()
    | exception End_of_file -> 0
  in
  Fun.protect ~finally:(fun () -> close_in status) find

let report (count, taken) =
  let times = Unix.times () in
  Printf.printf
    {|{"job": %S, "client": %S, "rate": %.1f, "requests": %d, "seconds": %.3f, "errors": %d, "bytes": %d, "cpu_seconds": %.6f, "peak_rss_kib": %d}|}
    !job !client
    (float_of_int count.requests /. taken)
    count.requests taken count.errors count.bytes
    (times.tms_utime +. times.tms_stime)
    (peak_rss ());
  print_newline ()

let () =
  let options =
    [
      ("--job", Arg.Set_string job, "NAME"); ("--url", Arg.Set_string url, "URL");
      ("--in-flight", Arg.Set_int in_flight, "N"); ("--seconds", Arg.Set_float seconds, "S");
    ]
  in
  Arg.parse options (fun name -> client := name) "http_async.exe CLIENT --url URL";
  let one, close =
    match !client with
    | "trunkline" -> trunkline (Threads 1) ()
    | "trunkline-inline" -> trunkline Inline ()
    | "cohttp" -> cohttp ()
    | "cohttp-kept" -> cohttp_kept ()
    | other ->
        prerr_endline ("there is no client " ^ other);
        exit 77
  in
  Lwt_main.run
    ( run one warm_up >>= fun _ ->
      run one !seconds >>= fun result ->
      report result;
      close () )
