(** A resolver of the program's own, in place of the system's. *)

type lookup
(** A host name that is being looked up. *)

val host : lookup -> string
(** The name, in lower case. *)

val port : lookup -> int
(** The port that its addresses will be connected to. *)

val is_abandoned : lookup -> bool
(** Whether nobody waits for it any more. *)

val finish : lookup -> string list -> (unit, Error.t) result
(** Ends it with IP addresses in text form, the preferred one first; none is a failure as well.
    {!Error.Invalid_argument} for what is no IP address, and then the look-up is as before. *)

val fail : lookup -> string -> (unit, Error.t) result
(** Ends it without an address: requests that wait for it end with {!Error.Resolve_failed}, whose message holds the
    text. *)

type t = lookup -> unit
(** Looks up a name: it hands the look-up to {!finish} or {!fail}, now or later, on any thread; one of them in any
    case. A function that raises has failed. It runs as the function of {!Auth.t} does, and must not wait itself. *)

(**/**)

val of_native : Native.resolve -> lookup
(** Within the library. *)
