(** Requests as promises, over a manager that Lwt's loop watches. Everything here is called on Lwt's own thread.
    Expected errors are results; a promise is rejected with {!Lwt.Canceled} only, where it was cancelled. *)

type t
(** A manager whose parts Lwt's loop takes. *)

val create : Trunkline.Manager.t -> (t, Trunkline.Error.t) result
(** Watches the descriptor of a manager, whose [poll] is not to be called by the program any more. *)

val manager : t -> Trunkline.Manager.t
(** The manager. *)

val fetch :
  ?body:string Lwt_stream.t ->
  ?max_bytes:int ->
  t ->
  Trunkline.Request_options.t ->
  (Trunkline.Request.answer, Trunkline.Error.t) result Lwt.t
(** Sends a request and waits for its whole answer, whose body has at most [max_bytes] (by default 64 MiB). Cancelling
    the promise cancels the request. [body] is for {!send}. *)

(** An answer whose body comes piece by piece. *)
type response = {
  head : Trunkline.Part.head;  (** Its head. *)
  body : string Lwt_stream.t;
      (** Its body, to be taken to its end or cancelled. While nobody takes it no more than the request's credit is
          read from the peer. It ends where the answer does, well or not: see [ended]. *)
  ended : (Trunkline.Part.headers * Trunkline.Part.summary, Trunkline.Error.t) result Lwt.t;
      (** The trailers and what the good end told, or why the answer is not complete. *)
  cancel : unit -> unit;  (** Gives the answer up; [ended] tells {!Trunkline.Error.Cancelled}. *)
}

val send :
  ?body:string Lwt_stream.t -> t -> Trunkline.Request_options.t -> (response, Trunkline.Error.t) result Lwt.t
(** Sends a request and waits for the head of its answer. Cancelling the promise cancels the request.

    [body] is what a body of {!Trunkline.Setting.Streamed} is made of: a piece is taken from it when there is room for
    another. If it fails the request ends with {!Trunkline.Error.Upload_failed}. *)

val shutdown : ?timeout:float -> t -> (bool, Trunkline.Error.t) result Lwt.t
(** Takes no more requests, waits until all have ended, [timeout] seconds at most, and ends those that have not, with
    {!Trunkline.Error.Shutdown}; then it frees the manager. It tells whether none had to be ended. *)

(**/**)

val submit :
  t ->
  manual_release:bool ->
  Trunkline.Request_options.t ->
  (Exchange.t -> Trunkline.Part.t -> unit) ->
  (Exchange.t, Trunkline.Error.t) result
(** Within the library. *)
