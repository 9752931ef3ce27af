let is_open (head : Part.head) = head.status = 101 || (head.status = 200 && head.version = 20)
let whole kind payload : Part.message = { kind; payload; code = None; more = false }
let text = whole Text
let binary = whole Binary

(* The native request is used while [request] is: that holds its manager. *)
let with_native request call =
  let result = Outcome.catch (fun () -> call (Request.to_native request)) in
  ignore (Sys.opaque_identity request);
  result

let send_many request messages =
  with_native request (fun native -> Native.send_many native (Array.of_list messages))

let send request message = Result.map (fun (_ : int) -> ()) (send_many request [ message ])
let timed_out = Error.to_int Timeout

let recv_many ?timeout ?(most = 256) request =
  with_native request (fun native ->
      let receive milliseconds =
        match Native.recv_many native milliseconds most with
        | messages -> Some messages
        | exception Native.Refused (code, _) when code = timed_out -> None
      in
      match Outcome.in_slices (Outcome.left_of timeout) receive Option.is_none with
      | Some messages -> Array.to_list messages
      | None -> raise (Native.Refused (timed_out, "no message came in time")))

let ping request = with_native request Native.websocket_ping

let latency request =
  with_native request (fun native ->
      match Native.websocket_latency native with 0 -> None | nanoseconds -> Some nanoseconds)

let close ?(code = 1000) ?(reason = "") request =
  with_native request (fun native -> Native.websocket_close native code reason)
