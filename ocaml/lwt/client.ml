open Trunkline
open Lwt.Infix

type t = {
  manager : Manager.t;
  mutable event : Lwt_engine.event option;
  mutable live : int;
  mutable at_rest : unit Lwt.u option;  (* of who waits until none is live *)
  mutable is_closed : bool;
}

let manager client = client.manager

(* Until nothing is left: the descriptor tells of what comes after that. *)
let rec drain manager = match Manager.poll ~timeout:0. manager with Ok 0 | Error _ -> () | Ok _ -> drain manager

let create manager =
  let watch descriptor =
    let event = Lwt_engine.on_readable descriptor (fun _ -> drain manager) in
    drain manager;
    { manager; event = Some event; live = 0; at_rest = None; is_closed = false }
  in
  Result.map watch (Manager.descriptor manager)

let closed : Error.t = { code = Closed; message = "the client was shut down"; phase = None; peer_code = None }

let ended client =
  client.live <- client.live - 1;
  if client.live = 0 then (
    let at_rest = client.at_rest in
    client.at_rest <- None;
    Option.iter (fun resolver -> Exchange.resolve resolver ()) at_rest)

let submit client ~manual_release options on_part =
  if client.is_closed then Error closed
  else
    let handle exchange part =
      on_part exchange part;
      if Part.is_terminal part then ended client
    in
    let submitted = Exchange.submit client.manager ~manual_release options handle in
    if Result.is_ok submitted then client.live <- client.live + 1;
    submitted

(* ---- Bodies of requests ---- *)

let rec upload exchange body =
  Lwt_stream.get body >>= function
  | None -> Lwt.return (ignore (Request.finish exchange.Exchange.request))
  | Some piece -> (
      Exchange.with_room exchange (fun request -> Request.write request piece) >>= function
      | Ok () -> upload exchange body
      (* The request has ended, or its answer needs no more of it: the parts tell. *)
      | Error _ -> Lwt.return_unit)

let start_upload exchange body =
  let failed error =
    ignore (Request.fail exchange.Exchange.request (Printexc.to_string error));
    Lwt.return_unit
  in
  let run body = Lwt.async (fun () -> Lwt.catch (fun () -> upload exchange body) failed) in
  Option.iter run body

(* ---- Whole answers ---- *)

type gathering = { mutable head : Part.head option; mutable trailers : Part.headers; bytes : Buffer.t }

let too_large max_bytes : Error.t =
  {
    code = Body_too_large;
    message = Printf.sprintf "the body has more than %d bytes" max_bytes;
    phase = Some Receive;
    peer_code = None;
  }

let no_head : Error.t = { code = Panic; message = "the answer has no head"; phase = None; peer_code = None }

let whole gathering summary : (Request.answer, Error.t) result =
  match gathering.head with
  | None -> Error no_head
  | Some head -> Ok { head; body = Buffer.contents gathering.bytes; trailers = gathering.trailers; summary }

let gather gathering max_bytes resolver exchange : Part.t -> unit = function
  | Head head -> gathering.head <- Some head
  | Data data when Buffer.length gathering.bytes + String.length data > max_bytes ->
      Exchange.cancel exchange;
      Exchange.resolve resolver (Error (too_large max_bytes))
  | Data data -> Buffer.add_string gathering.bytes data
  | Trailers trailers -> gathering.trailers <- trailers
  | Done summary -> Exchange.resolve resolver (whole gathering summary)
  | Error error -> Exchange.resolve resolver (Error error)
  | _ -> ()

(* A promise of what a request comes to; cancelling it cancels the request. *)
let promised client ~manual_release ?body options on_part =
  let promise, resolver = Lwt.task () in
  match submit client ~manual_release options (on_part resolver) with
  | Error error -> Lwt.return (Error error)
  | Ok exchange ->
      start_upload exchange body;
      Lwt.on_cancel promise (fun () -> Exchange.cancel exchange);
      promise

let fetch ?body ?(max_bytes = 64 * 1024 * 1024) client options =
  let gathering = { head = None; trailers = []; bytes = Buffer.create 256 } in
  promised client ~manual_release:false ?body options (gather gathering max_bytes)

(* ---- Answers piece by piece ---- *)

type response = {
  head : Part.head;
  body : string Lwt_stream.t;
  ended : (Part.headers * Part.summary, Error.t) result Lwt.t;
  cancel : unit -> unit;
}

let send ?body client options =
  let pieces, push = Lwt_stream.create () in
  let ended, finish = Lwt.wait () in
  let trailers = ref [] in
  let finish_with result =
    push None;
    Exchange.resolve finish result
  in
  let response exchange head =
    let take data =
      Exchange.release exchange (Part.Data data);
      data
    in
    { head; body = Lwt_stream.map take pieces; ended; cancel = (fun () -> Exchange.cancel exchange) }
  in
  let on_part resolver exchange : Part.t -> unit = function
    | Head head -> Exchange.resolve resolver (Ok (response exchange head))
    | Data data -> push (Some data)
    | Trailers fields -> trailers := fields
    | Done summary -> finish_with (Ok (!trailers, summary))
    | Error error ->
        Exchange.resolve resolver (Error error);
        finish_with (Error error)
    | _ -> ()
  in
  promised client ~manual_release:true ?body options on_part

(* ---- The end ---- *)

let rest client =
  if client.live = 0 then Lwt.return_unit
  else
    let promise, resolver = Lwt.wait () in
    client.at_rest <- Some resolver;
    promise

let let_go client =
  Option.iter Lwt_engine.stop_event client.event;
  client.event <- None;
  Manager.free client.manager

let shutdown ?timeout client =
  if client.is_closed then Lwt.return (Error closed)
  else (
    client.is_closed <- true;
    let all_ended = rest client in
    let in_time = all_ended >|= fun () -> true in
    let too_late seconds = Lwt_unix.sleep seconds >|= fun () -> false in
    Lwt.pick (Lwt.protected in_time :: List.map too_late (Option.to_list timeout)) >>= fun in_time ->
    (if not in_time then ignore (Manager.close client.manager));
    all_ended >|= fun () -> Result.map (fun () -> in_time) (let_go client))
