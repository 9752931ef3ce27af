(* From what the stubs raise and answer to what the modules answer. *)

let error_of code message : Error.t = { code = Error.of_int code; message; phase = None; peer_code = None }

(* What a call answers, or why it was refused. *)
let catch call =
  match call () with
  | result -> Ok result
  | exception Native.Refused (code, message) -> Error (error_of code message)

let phase : int -> Error.phase option = function
  | 1 -> Some Pool
  | 2 -> Some Resolve
  | 3 -> Some Connect
  | 4 -> Some Tls
  | 5 -> Some Write
  | 6 -> Some First_byte
  | 7 -> Some Receive
  | _ -> None

let part : Native.part -> Part.t = function
  | Unknown -> Unknown
  | Writable -> Writable
  | Informational head -> Informational head
  | Head head -> Head head
  | Redirect (head, url) -> Redirect (head, url)
  | Data data -> Data data
  | Trailers headers -> Trailers headers
  | Frame message -> Frame message
  | Reconnected head -> Reconnected head
  | Latency (ping, nanoseconds) -> Latency (ping, nanoseconds)
  | Done summary -> Done summary
  | Failed { error; what; phase = number; peer_code } ->
      Error { code = Error.of_int error; message = what; phase = phase number; peer_code }

(* ---- Times ---- *)

(* No time is longer than a thousand years. *)
let milliseconds seconds = int_of_float (Float.ceil (Float.min (seconds *. 1000.) 3.2e13))

(* Signals are only noticed in OCaml: a wait is made of slices of this many milliseconds. *)
let slice = 200

(* Calls [wait] with the milliseconds of each slice, until [is_empty] denies its answer or the time is over. *)
let rec in_slices left wait is_empty =
  let now = if left < 0 then slice else min left slice in
  let answer = wait now in
  if is_empty answer && (left < 0 || left > now) then
    in_slices (if left < 0 then left else left - now) wait is_empty
  else answer

let left_of timeout = match timeout with None -> -1 | Some seconds -> max 0 (milliseconds seconds)
