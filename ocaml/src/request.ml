(* The manager is held so that it is not freed while somebody waits for one of its requests. *)
type t = { native : Native.request; manager : Native.manager }

let of_native manager native = { native; manager }
let to_native request = request.native

(* [Sys.opaque_identity]: the manager lives until the call is over. *)
let with_native request call =
  let result = Outcome.catch (fun () -> call request.native) in
  ignore (Sys.opaque_identity request.manager);
  result

let timed_out = Error.to_int Timeout

(* A part, or what refused it: a time that ran out is no end of the wait while some of it is left. *)
let recv ?timeout request =
  with_native request (fun native ->
      let receive milliseconds =
        match Native.recv native milliseconds with
        | part -> Some part
        | exception Native.Refused (code, _) when code = timed_out -> None
      in
      match Outcome.in_slices (Outcome.left_of timeout) receive Option.is_none with
      | Some part -> Outcome.part part
      | None -> raise (Native.Refused (timed_out, "no part came in time")))

(* ---- Whole answers ---- *)

type answer = { head : Part.head; body : string; trailers : Part.headers; summary : Part.summary }

let cancel request = with_native request Native.cancel

let too_large max_bytes =
  Outcome.error_of (Error.to_int Body_too_large) (Printf.sprintf "the body has more than %d bytes" max_bytes)

let incomplete = Outcome.error_of (Error.to_int Invalid_state) "the head of the answer was taken before"

let answer ?(max_bytes = 64 * 1024 * 1024) request =
  let body = Buffer.create 1024 in
  let rec next head trailers =
    match recv request with
    | Error _ as error -> error
    | Ok (Part.Error error) -> Error error
    | Ok (Part.Head head) -> next (Some head) trailers
    | Ok (Part.Trailers trailers) -> next head trailers
    | Ok (Part.Data data) ->
        if Buffer.length body + String.length data > max_bytes then
          Result.bind (cancel request) (fun () -> Error (too_large max_bytes))
        else (
          Buffer.add_string body data;
          next head trailers)
    | Ok (Part.Done summary) -> (
        match head with
        | None -> Error incomplete
        | Some head -> Ok { head; body = Buffer.contents body; trailers; summary })
    | Ok _ -> next head trailers
  in
  next None []

(* ---- Bodies ---- *)

let write ?(offset = 0) ?length request data =
  let size = String.length data in
  let length = Option.value length ~default:(size - offset) in
  if offset < 0 || length < 0 || offset > size - length then
    Error (Outcome.error_of (Error.to_int Invalid_argument) "the range is not in the string")
  else with_native request (fun native -> Native.write native data offset length)

let finish ?(trailers = []) request = with_native request (fun native -> Native.finish native trailers)
let fail request why = with_native request (fun native -> Native.fail native why)

(* ---- The rest ---- *)

let release request bytes = with_native request (fun native -> Native.release native bytes)
let id request = with_native request Native.request_id
let has_ended request = with_native request Native.has_ended
