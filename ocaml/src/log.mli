(** The library's log, which is that of the whole process. Its lines come on any thread; they are queued, and taken
    from here. *)

(** How much is logged. *)
type level =
  | Off  (** Nothing. *)
  | Error  (** What the library cannot do. *)
  | Warn  (** What looks wrong but does no harm yet. *)
  | Info  (** Connections made and lost. *)
  | Debug  (** What each request goes through. *)
  | Trace  (** Every frame. *)

(** A line. *)
type line = {
  level : level;  (** Of which level it is. *)
  target : string;  (** Where it comes from. *)
  message : string;  (** The message, with its fields as [ name=value]. *)
}

val set_level : level -> (unit, Error.t) result
(** Queues the lines up to this level from now on; 10000 at most wait. {!Error.Busy} where the program has another log
    of libtrunkline's. *)

val take : unit -> line list
(** Takes the lines that wait. *)

val lost : unit -> int
(** How many lines were dropped since the last call, because too many waited. *)
