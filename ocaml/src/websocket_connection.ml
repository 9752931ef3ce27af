module Handshake = struct
  type t = Engine.handshake

  let create ?(deflate = false) ?(headers = Headers.empty) () =
    Outcome.catch (fun () -> Engine.handshake (Headers.to_list headers) deflate)

  let headers handshake =
    let rec fields index =
      match Engine.handshake_field handshake index with Some field -> field :: fields (index + 1) | None -> []
    in
    Outcome.catch (fun () -> Headers.of_list (fields 0))

  let check handshake (response : Response.t) =
    let check () =
      Engine.handshake_check handshake (Status.to_code response.status) (Headers.to_list response.headers)
    in
    Outcome.catch check
end

module Config = struct
  type t = { max_frame_bytes : int; max_message_bytes : int; send_buffer : int; frames : bool }

  let default =
    { max_frame_bytes = 16777216; max_message_bytes = 67108864; send_buffer = 1048576; frames = false }
end

open Driven

type t = connection

let settings (config : Config.t) : Engine.websocket_settings =
  {
    max_frame = config.max_frame_bytes;
    max_message = config.max_message_bytes;
    send_buffer = config.send_buffer;
    frames = config.frames;
  }

let ending status code message =
  if status <> 0 then Error (Outcome.error_of status message) else Ok (if code = 0 then None else Some code)

let create ?(config = Config.default) ?handshake ~message_handler ~close_handler () =
  let on_socket : Engine.event -> unit = function
    | Message (_, message) -> message_handler message
    | Closed (_, status, code, message) -> close_handler (ending status code message)
    | _ -> ()
  in
  let no_promise _ _ _ = -1 in
  Outcome.catch (fun () ->
      let engine = Engine.websocket handshake (settings config) in
      make ~on_socket engine ~promise:no_promise ~connection_error:ignore)

let send connection message =
  Outcome.catch (fun () -> run connection (fun sink -> Engine.send connection.engine sink message))

let on_room connection continue =
  let key = wait connection continue in
  try run connection (fun sink -> Engine.on_message_room connection.engine sink key)
  with Native.Refused _ -> Hashtbl.remove connection.waiting key

include Pump
