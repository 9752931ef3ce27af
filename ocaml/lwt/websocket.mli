(** WebSockets as promises. Expected errors are results. *)

type t
(** An open WebSocket. *)

val connect : Client.t -> Trunkline.Request_options.t -> (t, Trunkline.Error.t) result Lwt.t
(** Opens a WebSocket: the URL has the scheme [ws] or [wss]. Cancelling the promise gives it up. *)

val head : t -> Trunkline.Part.head
(** The head of the answer that opened it. *)

val send : t -> Trunkline.Part.message -> (unit, Trunkline.Error.t) result Lwt.t
(** Sends a message, and waits for room if there is none. Those of several that wait at once may go in any order.
    Errors are those of {!Trunkline.Websocket.send}. *)

val receive : t -> (Trunkline.Part.message option, Trunkline.Error.t) result Lwt.t
(** The next message or control frame; [None] after the good end, the error after the bad one. Not more is read from
    the peer than the credit while nobody receives. *)

val ping : t -> (int, Trunkline.Error.t) result Lwt.t
(** Pings the peer and waits for the answer: how many nanoseconds that took. *)

val close : ?code:int -> ?reason:string -> t -> (unit, Trunkline.Error.t) result Lwt.t
(** Begins the closing handshake and waits for its end; messages that came before it can still be received. Errors are
    those of {!Trunkline.Websocket.close}, and what ended the WebSocket. *)

val cancel : t -> unit
(** Gives it up at once. *)
