type t = Native.har

let create ?(credentials = false) () = Outcome.catch (fun () -> Native.har_new credentials)
let set_recording har recording = Outcome.catch (fun () -> Native.har_set_recording har recording)
let json har = Outcome.catch (fun () -> Native.har_json har)
let save har path = Outcome.catch (fun () -> Native.har_save har path)
let clear har = Outcome.catch (fun () -> Native.har_clear har)
let to_native har = har
