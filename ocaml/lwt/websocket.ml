open Trunkline
open Lwt.Infix

type t = {
  exchange : Exchange.t;
  head : Part.head;
  messages : Part.message Lwt_stream.t;
  ended : (unit, Error.t) result Lwt.t;
  pings : (int, (int, Error.t) result Lwt.u) Hashtbl.t;  (* by their numbers *)
}

let head socket = socket.head

(* The pings that were not answered share the end of the connection. *)
let gone : Error.t =
  { code = Connection_closed; message = "the WebSocket has ended"; phase = Some Receive; peer_code = None }

let connect client options =
  let promise, resolver = Lwt.task () in
  let messages, push = Lwt_stream.create () in
  let ended, finish = Lwt.wait () in
  let pings = Hashtbl.create 4 in
  let finish_with result =
    push None;
    Hashtbl.iter (fun _ waiting -> Exchange.resolve waiting (Result.Error gone)) pings;
    Hashtbl.reset pings;
    Exchange.resolve finish result
  in
  let answered number nanoseconds =
    Option.iter (fun waiting -> Exchange.resolve waiting (Ok nanoseconds)) (Hashtbl.find_opt pings number);
    Hashtbl.remove pings number
  in
  let on_part exchange : Part.t -> unit = function
    | Head head when Trunkline.Websocket.is_open head ->
        Exchange.resolve resolver (Ok { exchange; head; messages; ended; pings })
    | Frame message -> push (Some message)
    (* The body of an answer that refuses. *)
    | Data _ as part -> Exchange.release exchange part
    | Latency (number, nanoseconds) -> answered number nanoseconds
    | Done _ -> finish_with (Ok ())
    | Error error ->
        Exchange.resolve resolver (Error error);
        finish_with (Error error)
    | _ -> ()
  in
  match Client.submit client ~manual_release:true options on_part with
  | Error error -> Lwt.return (Error error)
  | Ok exchange ->
      Lwt.on_cancel promise (fun () -> Exchange.cancel exchange);
      promise

let send socket message = Exchange.with_room socket.exchange (fun request -> Trunkline.Websocket.send request message)

let receive socket =
  Lwt_stream.get socket.messages >>= function
  | Some message ->
      Exchange.release socket.exchange (Frame message);
      Lwt.return (Ok (Some message))
  | None -> socket.ended >|= Result.map (fun () -> None)

let ping socket =
  match Trunkline.Websocket.ping socket.exchange.request with
  | Error error -> Lwt.return (Error error)
  | Ok number ->
      let promise, resolver = Lwt.wait () in
      Hashtbl.replace socket.pings number resolver;
      promise

let close ?code ?reason socket =
  match Trunkline.Websocket.close ?code ?reason socket.exchange.request with
  | Error error -> Lwt.return (Error error)
  | Ok () -> socket.ended

let cancel socket = Exchange.cancel socket.exchange
