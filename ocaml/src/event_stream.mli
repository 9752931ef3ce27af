(** Server-sent events (WHATWG HTML, 9.2), from a stream that comes in pieces of any size. Another thread that uses
    the same one at the same time is answered {!Error.Busy}. *)

type event = {
  event : string;  (** Its type; [message] where the peer gave none. *)
  data : string;  (** The data, its lines joined by [\n]. *)
  id : string;  (** The last id in force; empty where there is none. *)
  retry : float option;
      (** Seconds to wait before connecting again, where the peer has set them since the event before. *)
}
(** An event. *)

type t
(** A reader of events. *)

val create : ?max_event:int -> unit -> (t, Error.t) result
(** One for events of at most [max_event] bytes of data, 1048576 by default. *)

val push : t -> string -> (unit, Error.t) result
(** Takes the next piece. Take its events before pushing the next. *)

val finish : t -> (unit, Error.t) result
(** Says that nothing follows. An event that no empty line ended is dropped, as the standard says. *)

val next : t -> (event option, Error.t) result
(** The next event; [None] where more has to be pushed, or all were taken. {!Error.Body_too_large} at an event or line
    that exceeds the limit, and from then on. *)
