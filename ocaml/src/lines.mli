(** Lines of a text that comes in pieces of any size, such as the body of an answer. Another thread that uses the
    same one at the same time is answered {!Error.Busy}. *)

type t
(** A reader of lines. *)

val create : ?max_line:int -> ?carriage_return:bool -> unit -> (t, Error.t) result
(** One for lines of at most [max_line] bytes (1048576 by default), cut at [\n] and [\r\n], and with
    [carriage_return] at a lone [\r], too (the default is not). *)

val push : t -> string -> (unit, Error.t) result
(** Takes the next piece. Take its lines before pushing the next. *)

val finish : t -> (unit, Error.t) result
(** Says that nothing follows: what is left is the last line, unless it is empty. *)

val next : t -> (string option, Error.t) result
(** The next line, without its end; [None] where more has to be pushed, or all were taken. {!Error.Body_too_large}
    at a line that exceeds the limit, and from then on. *)
