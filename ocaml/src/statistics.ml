type t = {
  connections_opened : int;
  connections_closed : int;
  connections_active : int;
  connections_idle : int;
  streams_opened : int;
  streams_active : int;
  requests_submitted : int;
  requests_completed : int;
  requests_failed : int;
  requests_active : int;
  bytes_received : int;
  bytes_sent : int;
  replays : int;
  ping_round_trip : int;
  redirects : int;
  retries : int;
  errors : (Error.code * int) list;
}

let counted errors =
  List.filter_map
    (fun (number, count) -> if count = 0 then None else Some (Error.of_int number, count))
    (Array.to_list (Array.mapi (fun number count -> (number, count)) errors))

let of_counters counters errors =
  {
    connections_opened = counters.(0);
    connections_closed = counters.(1);
    connections_active = counters.(2);
    connections_idle = counters.(3);
    streams_opened = counters.(4);
    streams_active = counters.(5);
    requests_submitted = counters.(6);
    requests_completed = counters.(7);
    requests_failed = counters.(8);
    requests_active = counters.(9);
    bytes_received = counters.(10);
    bytes_sent = counters.(11);
    replays = counters.(12);
    ping_round_trip = counters.(13);
    redirects = counters.(14);
    retries = counters.(15);
    errors = counted errors;
  }
