(** Which failures are tried again, and when. *)

(** How an attempt at a request ended. *)
type attempt = {
  number : int;  (** 1 for the first. *)
  meth : string;  (** Its method. *)
  url : string;  (** Its absolute URL. *)
  outcome : (int, Error.t) result;  (** The status of the answer, or why none came. *)
  header : string -> string option;
      (** The first value of the answer's header field with this name, while the function runs; [None] afterwards. *)
}

(** What becomes of it. *)
type decision =
  | Stop  (** The answer or the error is the caller's. *)
  | Again  (** Again, after the usual pause. *)
  | Again_after of float  (** Again, after so many seconds. *)

(** The rule. *)
type t =
  | Off  (** Nothing. This is the default. *)
  | Safe_transient
      (** GET and HEAD after the statuses 408, 429, 500, 502, 503, 504, after timeouts other than the total one, and
          after connections that were refused or lost. *)
  | Transient  (** The same for every method. Only for peers that can tell a request that comes twice. *)
  | Function of (attempt -> decision)
      (** Asked after each answer with a status of 300 or above, and each failure, as long as retries are left. One
          that raises stops. It runs as the function of {!Auth.t} does. *)
