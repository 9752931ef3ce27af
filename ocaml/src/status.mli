(** Status codes of answers. 101 has no name, for HTTP/2 does without it (RFC 9113, 8.6): it is [`Code 101]. *)

type informational = [ `Continue ]
(** 1xx. *)

type successful =
  [ `OK | `Created | `Accepted | `Non_authoritative_information | `No_content | `Reset_content | `Partial_content ]
(** 2xx. *)

type redirection =
  [ `Multiple_choices
  | `Moved_permanently
  | `Found
  | `See_other
  | `Not_modified
  | `Use_proxy
  | `Temporary_redirect ]
(** 3xx. *)

type client_error =
  [ `Bad_request
  | `Unauthorized
  | `Payment_required
  | `Forbidden
  | `Not_found
  | `Method_not_allowed
  | `Not_acceptable
  | `Proxy_authentication_required
  | `Request_timeout
  | `Conflict
  | `Gone
  | `Length_required
  | `Precondition_failed
  | `Payload_too_large
  | `Uri_too_long
  | `Unsupported_media_type
  | `Range_not_satisfiable
  | `Expectation_failed
  | `Misdirected_request
  | `Upgrade_required
  | `I_m_a_teapot
  | `Enhance_your_calm ]
(** 4xx. *)

type server_error =
  [ `Internal_server_error
  | `Not_implemented
  | `Bad_gateway
  | `Service_unavailable
  | `Gateway_timeout
  | `Http_version_not_supported ]
(** 5xx. *)

type standard = [ informational | successful | redirection | client_error | server_error ]
(** Those that have a name. *)

type t = [ standard | `Code of int ]
(** A status. *)

val to_code : t -> int
(** Its number. *)

val default_reason_phrase : standard -> string
(** Its name in RFC 9110, 15. *)

val of_code : int -> t
(** The status of a number. Raises [Failure] for one that has not three digits. *)

val unsafe_of_code : int -> t
(** The same for any number that is positive. *)

val of_string : string -> t
(** The status of a number's text. Raises [Failure] as {!of_code}. *)

val to_string : t -> string
(** Its number as text. *)

val is_informational : t -> bool
(** 1xx. *)

val is_successful : t -> bool
(** 2xx. *)

val is_redirection : t -> bool
(** 3xx. *)

val is_client_error : t -> bool
(** 4xx. *)

val is_server_error : t -> bool
(** 5xx. *)

val is_error : t -> bool
(** 4xx or 5xx. *)

val pp_hum : Format.formatter -> t -> unit
(** Writes {!to_string}. *)
