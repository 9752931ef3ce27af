(* Fetches a URL with promises: its whole answer, then the same piece by piece, and what cancelling does.

   manager_lwt.exe URL *)

open Trunkline
open Lwt.Infix
module Client = Trunkline_lwt.Client

let ok = function
  | Ok result -> result
  | Error error ->
      prerr_endline (Error.to_string error);
      exit 1

let whole client options =
  Client.fetch client options >|= fun answer ->
  let answer = ok answer in
  Printf.printf "status %d, %d bytes\n" answer.head.status (String.length answer.body)

let in_pieces client options =
  Client.send client options >>= fun response ->
  let response = ok response in
  (* The peer is read only as fast as pieces are taken. *)
  Lwt_stream.fold (fun piece bytes -> bytes + String.length piece) response.body 0 >>= fun bytes ->
  response.ended >|= fun ended ->
  let _, summary = ok ended in
  Printf.printf "%d bytes in pieces, connection reused: %b\n" bytes summary.reused

let cancelled client options =
  let promise = Client.fetch client options in
  Lwt.cancel promise;
  Lwt.catch
    (fun () -> promise >|= fun _ -> print_endline "answered")
    (function Lwt.Canceled -> Lwt.return (print_endline "cancelled") | error -> Lwt.fail error)

let () =
  let client = ok (Client.create (ok (Manager.create ()))) in
  let options = ok (Request_options.make ~meth:"GET" Sys.argv.(1)) in
  Lwt_main.run
    ( whole client options >>= fun () ->
      in_pieces client options >>= fun () ->
      cancelled client options >>= fun () ->
      Client.shutdown ~timeout:5. client >|= fun ended -> ignore (ok ended) )
