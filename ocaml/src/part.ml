type headers = (string * string) list

type head = {
  status : int;
  version : int;
  headers : headers;
}

type kind =
  | Text
  | Binary
  | Continuation
  | Close
  | Ping
  | Pong

type message = {
  kind : kind;
  payload : string;
  code : int option;
  more : bool;
}

type protocol =
  | No_protocol
  | Http_1
  | Http_2
  | Websocket

type timings = {
  resolved : int option;
  connected : int option;
  secured : int option;
  acquired : int option;
  first_byte : int option;
  total : int option;
}

type summary = {
  protocol : protocol;
  connection_id : int;
  reused : bool;
  attempts : int;
  received : int;
  sent : int;
  tls : string option;
  remote_address : string option;
  local_address : string option;
  timings : timings;
}

type t =
  | Informational of head
  | Redirect of head * string
  | Head of head
  | Data of string
  | Trailers of headers
  | Frame of message
  | Reconnected of head
  | Latency of int * int
  | Writable
  | Done of summary
  | Error of Error.t
  | Unknown

let is_terminal = function Done _ | Error _ -> true | _ -> false

let is_named name (other, _) = String.equal (String.lowercase_ascii other) name

let header headers name = Option.map snd (List.find_opt (is_named (String.lowercase_ascii name)) headers)

let header_values headers name = List.map snd (List.filter (is_named (String.lowercase_ascii name)) headers)

let credit = function
  | Data data -> String.length data
  | Frame message -> String.length message.payload + 64
  | _ -> 0
