type level = Off | Error | Warn | Info | Debug | Trace
type line = { level : level; target : string; message : string }

let number = function Off -> 0 | Error -> 1 | Warn -> 2 | Info -> 3 | Debug -> 4 | Trace -> 5
let of_number = function 0 -> Off | 1 -> Error | 2 -> Warn | 3 -> Info | 4 -> Debug | _ -> Trace
let set_level level = Outcome.catch (fun () -> Native.set_log (number level))

let take () =
  let rec next lines =
    match Native.take_log () with
    | None -> List.rev lines
    | Some (level, target, message) -> next ({ level = of_number level; target; message } :: lines)
  in
  next []

let lost = Native.lost_log
