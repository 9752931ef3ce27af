type lookup = Native.resolve

let host (lookup : lookup) = lookup.host
let port (lookup : lookup) = lookup.port
let is_abandoned (lookup : lookup) = Native.resolve_is_abandoned lookup.resolve_handle

let finish (lookup : lookup) addresses =
  Outcome.catch (fun () -> Native.resolve_finish lookup.resolve_handle (Array.of_list addresses))

let fail (lookup : lookup) why = Outcome.catch (fun () -> Native.resolve_fail lookup.resolve_handle why)

type t = lookup -> unit

let of_native lookup = lookup
