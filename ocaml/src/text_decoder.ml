type t = Native.decoder

let create ?(label = "") () = Outcome.catch (fun () -> Native.decoder_new label false)
let of_content_type content_type = Outcome.catch (fun () -> Native.decoder_new content_type true)
let decode decoder piece = Outcome.catch (fun () -> Native.decoder_decode decoder piece)
let finish decoder = Outcome.catch (fun () -> Native.decoder_finish decoder)
let encoding decoder = Outcome.catch (fun () -> Native.decoder_encoding decoder)
