(* HTTP/2 frames by hand: what a scripted server sends, and what a client has written. *)

let frame kind flags stream payload =
  let length = String.length payload in
  let header = Bytes.create 9 in
  Bytes.set_uint8 header 0 (length lsr 16);
  Bytes.set_uint16_be header 1 (length land 0xffff);
  Bytes.set_uint8 header 3 kind;
  Bytes.set_uint8 header 4 flags;
  Bytes.set_int32_be header 5 (Int32.of_int stream);
  Bytes.to_string header ^ payload

let number value =
  let bytes = Bytes.create 4 in
  Bytes.set_int32_be bytes 0 (Int32.of_int value);
  Bytes.to_string bytes

(* Fields as literals that are not indexed, so that no table changes (RFC 7541, 6.2.2). *)
let block fields =
  let text value = String.make 1 (Char.chr (String.length value)) ^ value in
  String.concat "" (List.map (fun (name, value) -> "\x00" ^ text name ^ text value) fields)

let end_stream = 1
let end_headers = 4
let settings = frame 4 0 0 ""
let settings_ack = frame 4 1 0 ""
let flags ending = if ending then end_stream else 0
let headers ?(ending = false) stream fields = frame 1 (end_headers lor flags ending) stream (block fields)
let data ?(ending = false) stream bytes = frame 0 (flags ending) stream bytes
let reset stream code = frame 3 0 stream (number code)
let goaway last code = frame 7 0 0 (number last ^ number code)
let ping_ack payload = frame 6 1 0 payload
let promise stream promised fields = frame 5 end_headers stream (number promised ^ block fields)
let window_update stream bytes = frame 8 0 stream (number bytes)

type t = { kind : int; flags : int; stream : int; payload : string }

let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

(* The whole frames of what a client has written, after its preface. *)
let parse written =
  let rec next at =
    if at + 9 > String.length written then []
    else
      let length = (Char.code written.[at] lsl 16) lor String.get_uint16_be written (at + 1) in
      let frame =
        {
          kind = Char.code written.[at + 3];
          flags = Char.code written.[at + 4];
          stream = Int32.to_int (String.get_int32_be written (at + 5));
          payload = String.sub written (at + 9) length;
        }
      in
      frame :: next (at + 9 + length)
  in
  next (if String.length written >= 24 && String.sub written 0 24 = preface then 24 else 0)
