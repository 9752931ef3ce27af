(** The counters of a manager, at one moment. *)

(** The counters. *)
type t = {
  connections_opened : int;  (** Connections established. *)
  connections_closed : int;  (** Connections closed again. *)
  connections_active : int;  (** Connections that stand now. *)
  connections_idle : int;  (** Connections that stand unused in the pool. *)
  streams_opened : int;  (** HTTP/2 streams opened. *)
  streams_active : int;  (** HTTP/2 streams open now. *)
  requests_submitted : int;  (** Requests accepted. *)
  requests_completed : int;  (** Requests that ended with done. *)
  requests_failed : int;  (** Requests that ended with an error, cancelled ones among them. *)
  requests_active : int;  (** Requests under way. *)
  bytes_received : int;  (** Bytes received from sockets. *)
  bytes_sent : int;  (** Bytes written to sockets. *)
  replays : int;  (** Requests sent again because the peer surely had not processed them. *)
  ping_round_trip : int;  (** Round-trip time of the last HTTP/2 PING in nanoseconds; 0 before the first. *)
  redirects : int;  (** Redirects that were followed. *)
  retries : int;  (** Requests tried again after a pause. *)
  errors : (Error.code * int) list;  (** How often requests ended with each error, where they did. *)
}

(**/**)

val of_counters : int array -> int array -> t
(** Within the library. *)
