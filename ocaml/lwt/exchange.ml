(* One request under way, and who waits for room to write. *)

open Trunkline
open Lwt.Infix

type state = { mutable room : (unit Lwt.t * unit Lwt.u) option; mutable has_ended : bool }
type t = { request : Request.t; state : state }

(* Nothing where the promise was cancelled or resolved before. *)
let resolve resolver result = try Lwt.wakeup_later resolver result with Invalid_argument _ -> ()

let wake state =
  let room = state.room in
  state.room <- None;
  Option.iter (fun (_, resolver) -> resolve resolver ()) room

let note state : Part.t -> unit = function
  | Writable -> wake state
  | Done _ | Error _ ->
      state.has_ended <- true;
      wake state
  | _ -> ()

(* Submits, and hands each part to [on_part] once who waits for room is told. *)
let submit manager ~manual_release options on_part =
  let state = { room = None; has_ended = false } in
  let handle request part =
    note state part;
    on_part { request; state } part
  in
  Manager.submit_callback ~manual_release manager options handle
  |> Result.map (fun request -> { request; state })

(* All who wait share a promise. *)
let wait_for_room state =
  match state.room with
  | Some (promise, _) -> promise
  | None ->
      let promise, resolver = Lwt.wait () in
      state.room <- Some (promise, resolver);
      promise

(* Calls [attempt] until there is room for it. *)
let rec with_room exchange attempt =
  match attempt exchange.request with
  | Error ({ code = Again; _ } : Error.t) when not exchange.state.has_ended ->
      wait_for_room exchange.state >>= fun () -> with_room exchange attempt
  | result -> Lwt.return result

(* Gives the credit of a part back: it is the program's now. One that has ended needs none. *)
let release exchange part = ignore (Request.release exchange.request (Part.credit part))

(* One that has ended already is left as it is. *)
let cancel exchange = ignore (Request.cancel exchange.request)
