(* The library for Lwt: promises, streams, WebSockets, cancelling, on both drives. *)

open Trunkline
open Support
open Lwt.Infix
module Client = Trunkline_lwt.Client
module Socket = Trunkline_lwt.Websocket

let http server = Printf.sprintf "http://127.0.0.1:%d" (Server.port server "http")

let options ?body ?credit ?(meth = "GET") url = Suite.ok "options" (Request_options.make ?body ?credit ~meth url)

(* Runs [work] with a client, and shuts that down. *)
let with_client drive work =
  let manager = Suite.ok "manager" (Manager.create ~drive ()) in
  let client = Suite.ok "client" (Client.create manager) in
  let run () =
    Lwt.finalize
      (fun () -> work client)
      (fun () -> Client.shutdown ~timeout:5. client >|= fun ended -> ignore (Suite.ok "shutdown" ended))
  in
  Lwt_main.run (run ())

let statistics client = Suite.ok "statistics" (Manager.statistics (Client.manager client))

let fetch server drive () =
  with_client drive @@ fun client ->
  Client.fetch client (options (http server ^ "/bytes/100000")) >|= fun answer ->
  let answer = Suite.ok "fetch" answer in
  Alcotest.(check int) "status" 200 answer.head.status;
  Alcotest.(check int) "body" 100_000 (String.length answer.body)

let many server drive () =
  with_client drive @@ fun client ->
  let options = options (http server ^ "/bytes/2000") in
  let one _ = Client.fetch client options >|= fun answer -> String.length (Suite.ok "fetch" answer).body in
  Lwt_list.map_p one (List.init 200 Fun.id) >|= fun sizes ->
  Alcotest.(check int) "bytes" 400_000 (List.fold_left ( + ) 0 sizes);
  Alcotest.(check int) "completed" 200 (statistics client).requests_completed

let too_large server drive () =
  with_client drive @@ fun client ->
  Client.fetch ~max_bytes:1000 client (options (http server ^ "/bytes/100000")) >|= fun answer ->
  Suite.refused "a large body" Body_too_large answer

let failing drive () =
  with_client drive @@ fun client ->
  Client.fetch client (options "http://127.0.0.1:1/") >|= fun answer ->
  Suite.refused "nobody there" Connect_failed answer

let stream server drive () =
  with_client drive @@ fun client ->
  Client.send client (options ~credit:65536 (http server ^ "/bytes/3000000")) >>= fun response ->
  let response = Suite.ok "send" response in
  Lwt_stream.fold (fun piece size -> size + String.length piece) response.body 0 >>= fun size ->
  Alcotest.(check int) "body" 3_000_000 size;
  response.ended >|= fun ended ->
  let _, summary = Suite.ok "ended" ended in
  Alcotest.(check int) "received" 3_000_000 summary.received

(* While nobody takes the body, no more than the credit and what one read brings is received. *)
let back_pressure server drive () =
  with_client drive @@ fun client ->
  Client.send client (options ~credit:65536 (http server ^ "/bytes/20000000")) >>= fun response ->
  let response = Suite.ok "send" response in
  Client.fetch client (options (http server ^ "/delay/200")) >>= fun answer ->
  ignore (Suite.ok "fetch" answer);
  Alcotest.(check bool) "bounded" true ((statistics client).bytes_received < 2_000_000);
  response.cancel ();
  response.ended >|= fun ended -> Suite.refused "the end" Cancelled ended

let upload server drive () =
  with_client drive @@ fun client ->
  let pieces = Lwt_stream.of_list (List.init 64 (fun _ -> String.make 65536 'x')) in
  let options = options ~body:(Streamed None) ~meth:"POST" (http server ^ "/upload") in
  Client.fetch ~body:pieces client options >|= fun answer ->
  let told = Yojson.Safe.from_string (Suite.ok "fetch" answer).body in
  Alcotest.(check int) "bytes" (64 * 65536) Yojson.Safe.Util.(to_int (member "bytes" told))

let failing_upload server drive () =
  with_client drive @@ fun client ->
  let pieces = Lwt_stream.from (fun () -> Lwt.fail_with "no more") in
  let options = options ~body:(Streamed None) ~meth:"POST" (http server ^ "/upload") in
  Client.fetch ~body:pieces client options >|= fun answer -> Suite.refused "the upload" Upload_failed answer

let cancel server drive () =
  with_client drive @@ fun client ->
  let promise = Client.fetch client (options (http server ^ "/hang")) in
  Lwt.pause () >>= fun () ->
  Lwt.cancel promise;
  let rejected = function Lwt.Canceled -> Lwt.return_true | error -> Lwt.fail error in
  Lwt.catch (fun () -> promise >|= fun _ -> false) rejected
  >>= fun cancelled ->
  Alcotest.(check bool) "cancelled" true cancelled;
  (* The request goes, too. *)
  let rec gone () = if (statistics client).requests_active > 0 then Lwt.pause () >>= gone else Lwt.return_unit in
  gone ()

let timeout server drive () =
  with_client drive @@ fun client ->
  let late = Client.fetch client (options (http server ^ "/hang")) >|= fun _ -> "answered" in
  Lwt.pick [ late; (Lwt_unix.sleep 0.05 >|= fun () -> "late") ] >|= Alcotest.(check string) "which" "late"

let shutdown server drive () =
  let manager = Suite.ok "manager" (Manager.create ~drive ()) in
  let client = Suite.ok "client" (Client.create manager) in
  Lwt_main.run
    (let hanging = Client.fetch client (options (http server ^ "/hang")) in
     Client.shutdown ~timeout:0.05 client >>= fun all_ended ->
     Alcotest.(check bool) "all ended" false (Suite.ok "shutdown" all_ended);
     hanging >>= fun answer ->
     Suite.refused "the request" Shutdown answer;
     Client.fetch client (options (http server ^ "/")) >>= fun answer ->
     Suite.refused "a further request" Closed answer;
     Client.shutdown client >|= fun again -> Suite.refused "a second time" Closed again)

let socket_options server = options (Printf.sprintf "ws://127.0.0.1:%d/ws" (Server.port server "http"))

let websocket server drive () =
  with_client drive @@ fun client ->
  Socket.connect client (socket_options server) >>= fun socket ->
  let socket = Suite.ok "connect" socket in
  Alcotest.(check int) "status" 101 (Socket.head socket).status;
  let echoed index =
    let message = Trunkline.Websocket.binary (String.make (index * 1000) 'm') in
    Socket.send socket message >>= fun sent ->
    Suite.ok "send" sent;
    Socket.receive socket >|= fun got ->
    Alcotest.(check bool) "echoed" true (Suite.ok "receive" got = Some message)
  in
  Lwt_list.iter_s echoed (List.init 20 Fun.id) >>= fun () ->
  Socket.ping socket >>= fun nanoseconds ->
  Alcotest.(check bool) "ping" true (Suite.ok "ping" nanoseconds > 0);
  Socket.close socket >>= fun closed ->
  Suite.ok "close" closed;
  Socket.receive socket >>= fun last ->
  (match Suite.ok "receive" last with
  | Some { kind = Close; code = Some 1000; _ } -> ()
  | _ -> Alcotest.fail "no close frame");
  Socket.receive socket >>= fun last ->
  Alcotest.(check bool) "nothing follows" true (Suite.ok "receive" last = None);
  Socket.send socket (Trunkline.Websocket.text "late") >|= fun sent -> Suite.refused "a late send" Invalid_state sent

(* More than the queue holds, by two senders, while the other end reads as we do. *)
let websocket_room server drive () =
  with_client drive @@ fun client ->
  Socket.connect client (socket_options server) >>= fun socket ->
  let socket = Suite.ok "connect" socket in
  let count = 100 and message = Trunkline.Websocket.binary (String.make 100_000 'm') in
  let rec send left =
    if left = 0 then Lwt.return_unit
    else
      Socket.send socket message >>= fun sent ->
      Suite.ok "send" sent;
      send (left - 1)
  in
  let rec receive left =
    if left = 0 then Lwt.return_unit
    else
      Socket.receive socket >>= fun got ->
      Alcotest.(check bool) "echoed" true (Suite.ok "receive" got = Some message);
      receive (left - 1)
  in
  Lwt.join [ send (count / 2); send (count / 2); receive count ] >|= fun () -> Socket.cancel socket

let rejected server drive () =
  with_client drive @@ fun client ->
  let url = Printf.sprintf "ws://127.0.0.1:%d/status/403" (Server.port server "http") in
  Socket.connect client (options url) >|= fun socket -> Suite.refused "the handshake" Websocket_rejected socket

let () =
  exit
  @@ Server.with_server [ "embedded" ] (fun server ->
         let on_both name test =
           ( name,
             [
               Suite.test "inline" (test server Setting.Inline);
               Suite.test "threads" (test server (Setting.Threads 1));
             ] )
         in
         Suite.run "lwt"
           [
             on_both "fetch" fetch;
             on_both "many" many;
             on_both "too large" too_large;
             on_both "failing" (fun _ -> failing);
             on_both "stream" stream;
             on_both "back pressure" back_pressure;
             on_both "upload" upload;
             on_both "failing upload" failing_upload;
             on_both "cancel" cancel;
             on_both "timeout" timeout;
             on_both "shutdown" shutdown;
             on_both "websocket" websocket;
             on_both "websocket room" websocket_room;
             on_both "websocket rejected" rejected;
           ])
