type event = { event : string; data : string; id : string; retry : float option }
type t = Native.sse

let create ?(max_event = 1024 * 1024) () = Outcome.catch (fun () -> Native.sse_new max_event)
let push events piece = Outcome.catch (fun () -> Native.sse_push events piece)
let finish events = Outcome.catch (fun () -> Native.sse_finish events)

let event_of (event, data, id, milliseconds) =
  { event; data; id; retry = (if milliseconds < 0 then None else Some (float_of_int milliseconds /. 1000.)) }

let next events = Outcome.catch (fun () -> Option.map event_of (Native.sse_next events))
