(** A request that was submitted, up to its last part; also a WebSocket's whole life. *)

type t
(** A request. All functions may be called on any thread. *)

val recv : ?timeout:float -> t -> (Part.t, Error.t) result
(** The next part of a request of {!Manager.submit}. It waits for it: [timeout] seconds, for ever without it, not at
    all with 0. Signals are handled meanwhile. With {!Setting.Inline} it runs the reactor. The credit of a part is
    given back by the next call.
    {!Error.Timeout} when none came in time, {!Error.End_of_parts} after the last, {!Error.Invalid_state} for a
    request of {!Manager.submit_callback}, {!Error.Busy} while another thread receives from this request. *)

(** A whole answer. *)
type answer = {
  head : Part.head;  (** Its head. *)
  body : string;  (** Its body, or the rest that was not taken yet. *)
  trailers : Part.headers;  (** Header fields after the body. *)
  summary : Part.summary;  (** What the end told. *)
}

val answer : ?max_bytes:int -> t -> (answer, Error.t) result
(** Receives until the end and puts the answer together. A body of more than [max_bytes] (by default 64 MiB) ends the
    request with {!Error.Body_too_large}. Errors are those of {!recv}, and those that end the request. *)

val cancel : t -> (unit, Error.t) result
(** Ends it: its stream or connection is given up at once, and its last part is {!Error.Cancelled}. One that has ended
    is left as it is. *)

val write : ?offset:int -> ?length:int -> t -> string -> (unit, Error.t) result
(** Writes a piece of a streamed body, or to a raw stream: [length] bytes from [offset], by default all. It never
    waits. {!Error.Again} when the queue is full: nothing was taken, and {!Part.Writable} tells when there is room.
    {!Error.Invalid_state} when the body is not streamed, is finished or is no longer wanted.
    {!Error.Invalid_argument} for a range that is not in the string. *)

val finish : ?trailers:Part.headers -> t -> (unit, Error.t) result
(** Ends a streamed body. HTTP/1.1 sends only trailers that a field [trailer] of the request announces.
    {!Error.Invalid_header}, and {!Error.Invalid_state} as for {!write}. *)

val fail : t -> string -> (unit, Error.t) result
(** Gives a streamed body up: the request ends with {!Error.Upload_failed}, which tells why. {!Error.Invalid_state} as
    for {!write}. *)

val release : t -> int -> (unit, Error.t) result
(** Gives so many bytes of credit back, for requests with [manual_release]. *)

val id : t -> (int, Error.t) result
(** Its number, unique in its manager. *)

val has_ended : t -> (bool, Error.t) result
(** Whether its last part was delivered; it may still wait to be taken. *)

(**/**)

val of_native : Native.manager -> Native.request -> t
(** Within the library. *)

val to_native : t -> Native.request
(** Within the library. *)
