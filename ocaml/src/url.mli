(** URLs from pieces, as requests make them. *)

val make :
  ?base:string ->
  ?path_style:Setting.path_style ->
  ?path_params:(string * string) list ->
  ?params:(string * string) list ->
  string ->
  (string, Error.t) result
(** An absolute URL. A relative one is appended to [base], with one [/] between them. Each of [path_params] takes the
    place of its name, as [path_style] writes it (by default there are none), and stays within its segment: [/] in it
    becomes [%2F]. [params] are appended to the query, encoded; names may repeat.

    {!Error.Invalid_url} for what cannot be parsed, or is relative without a base; {!Error.Invalid_argument} for a
    path parameter that is missing, unused or given twice, or leaves its segment empty, [.] or [..]. *)
