type t = Native.lines

let create ?(max_line = 1024 * 1024) ?(carriage_return = false) () =
  Outcome.catch (fun () -> Native.lines_new max_line carriage_return)

let push lines piece = Outcome.catch (fun () -> Native.lines_push lines piece)
let finish lines = Outcome.catch (fun () -> Native.lines_finish lines)
let next lines = Outcome.catch (fun () -> Native.lines_next lines)
