(** WebSockets: requests whose URL has the scheme [ws] or [wss]. They are open once their head has come; messages come
    as {!Part.Frame}. *)

val is_open : Part.head -> bool
(** Whether a WebSocket is open after this head: its status is 101, or over HTTP/2 200. After another one comes the
    body of the answer, and then {!Error.Websocket_rejected}. *)

val text : string -> Part.message
(** A whole text message. *)

val binary : string -> Part.message
(** A whole binary message. *)

val send : Request.t -> Part.message -> (unit, Error.t) result
(** Sends a message, a fragment ([more] is set, or the kind is {!Part.Continuation}) or a control frame. It never
    waits. {!Error.Again} when the queue is full: nothing was taken, and {!Part.Writable} tells when there is room.
    {!Error.Invalid_state} when the request is not an open WebSocket; {!Error.Invalid_argument} for text that is not
    UTF-8, or a ping or pong of more than 125 bytes. *)

val send_many : Request.t -> Part.message list -> (int, Error.t) result
(** Sends as many as there is room for, in order and as one batch, and tells how many. Errors are those of the first
    one. *)

val recv_many : ?timeout:float -> ?most:int -> Request.t -> (Part.message list, Error.t) result
(** Takes up to [most] messages and frames (by default 256), and waits for the first as {!Request.recv} does. None are
    taken where the next part is no frame: {!Request.recv} takes that part. Errors as for {!Request.recv}. *)

val ping : Request.t -> (int, Error.t) result
(** Pings the peer. A {!Part.Latency} with the number that is answered here tells how long that took. Errors as for
    {!send}. *)

val latency : Request.t -> (int option, Error.t) result
(** How long the last ping and its answer took, in nanoseconds; [None] before the first. *)

val close : ?code:int -> ?reason:string -> Request.t -> (unit, Error.t) result
(** Begins the closing handshake, by default with 1000 and no reason; 0 sends no code. When the peer has answered, its
    close frame and then the last part are delivered. {!Error.Invalid_state} when the request is not an open
    WebSocket, {!Error.Invalid_argument} for a code that must not be sent, or a reason that is not UTF-8, has more
    than 123 bytes, or comes without a code. *)
