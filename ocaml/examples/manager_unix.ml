(* Fetches URLs at once, and waits for the manager's descriptor as a program with a loop of its own does.

   manager_unix.exe URL... *)

open Trunkline

let ok = function
  | Ok result -> result
  | Error error ->
      prerr_endline (Error.to_string error);
      exit 1

type state = { url : string; mutable status : int; mutable bytes : int }

let left = ref 0

let on_part state _request : Part.t -> unit = function
  | Head head -> state.status <- head.status
  | Data data -> state.bytes <- state.bytes + String.length data
  | Done summary ->
      decr left;
      let { url; status; bytes } = state in
      Printf.printf "%s: status %d, %d bytes, connection %d\n" url status bytes summary.connection_id
  | Error error ->
      decr left;
      Printf.printf "%s: %s\n" state.url (Error.to_string error)
  | _ -> ()

let submit manager url =
  let state = { url; status = 0; bytes = 0 } in
  let options = ok (Request_options.make ~decode:true ~meth:"GET" url) in
  ignore (ok (Manager.submit_callback manager options (on_part state)));
  incr left

(* Until nothing is left: then the descriptor tells when there is more. *)
let rec drain manager = if ok (Manager.poll ~timeout:0. manager) > 0 then drain manager

let () =
  let manager = ok (Manager.create ~drive:Inline ~total_timeout:30. ()) in
  let descriptor = ok (Manager.descriptor manager) in
  List.iter (submit manager) (List.tl (Array.to_list Sys.argv));
  drain manager;
  while !left > 0 do
    (* A program's own descriptors would be here, too. *)
    ignore (Unix.select [ descriptor ] [] [] (-1.));
    drain manager
  done;
  ignore (ok (Manager.shutdown manager));
  ok (Manager.free manager)
