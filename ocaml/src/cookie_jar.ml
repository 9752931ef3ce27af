type t = Native.cookie_jar

let create () = Outcome.catch Native.cookie_jar_new
let load jar path = Outcome.catch (fun () -> Native.cookie_jar_load jar path)
let save jar path = Outcome.catch (fun () -> Native.cookie_jar_save jar path)
let set jar ~url cookie = Outcome.catch (fun () -> Native.cookie_jar_set jar url cookie)
let clear jar = Outcome.catch (fun () -> Native.cookie_jar_clear jar)
let count jar = Outcome.catch (fun () -> Native.cookie_jar_count jar)
let to_native jar = jar
