type t = {
  header_table_size : int;
  enable_push : bool;
  max_concurrent_streams : int32;
  initial_window_size : int32;
  max_frame_size : int;
  max_header_list_size : int option;
}

let default =
  {
    header_table_size = 4096;
    enable_push = true;
    max_concurrent_streams = Int32.max_int;
    initial_window_size = 65535l;
    max_frame_size = 16384;
    max_header_list_size = None;
  }

(* ---- Base64 for URLs, without padding (RFC 4648, 5) ---- *)

let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

let encoded bytes =
  let size = String.length bytes in
  let byte index = if index < size then Char.code bytes.[index] else 0 in
  let letter index =
    let at = index / 4 * 3 in
    let group = (byte at lsl 16) lor (byte (at + 1) lsl 8) lor byte (at + 2) in
    alphabet.[(group lsr (18 - (index mod 4 * 6))) land 63]
  in
  String.init (((size * 4) + 2) / 3) letter

let decoded text =
  let size = String.length text in
  let value index = if index < size then String.index_opt alphabet text.[index] else Some 0 in
  let byte index =
    let at = index / 3 * 4 in
    let add group offset = (group lsl 6) lor Option.value (value (at + offset)) ~default:0 in
    Char.chr ((List.fold_left add 0 [ 0; 1; 2; 3 ] lsr (16 - (index mod 3 * 8))) land 255)
  in
  if size mod 4 = 1 || not (String.for_all (String.contains alphabet) text) then Error "this is no base64 for URLs"
  else Ok (String.init (size * 3 / 4) byte)

(* ---- Single settings ---- *)

let unsigned number = Int32.to_int number land 0xffffffff

(* Their identifiers, and what they are in [settings], where they are told. *)
let told settings =
  let unless default number = if number = default then None else Some number in
  [
    (1, unless default.header_table_size settings.header_table_size);
    (2, if settings.enable_push then None else Some 0);
    (3, unless (unsigned default.max_concurrent_streams) (unsigned settings.max_concurrent_streams));
    (4, unless (unsigned default.initial_window_size) (unsigned settings.initial_window_size));
    (5, unless default.max_frame_size settings.max_frame_size);
    (6, settings.max_header_list_size);
  ]

let allowed (identifier, number) =
  match identifier with
  | 2 when number > 1 -> Error "ENABLE_PUSH is 0 or 1"
  | 4 when number > 0x7fffffff -> Error "INITIAL_WINDOW_SIZE is 2147483647 at most"
  | 5 when number < 16384 || number > 16777215 -> Error "MAX_FRAME_SIZE is from 16384 to 16777215"
  | _ when number < 0 || number > 0xffffffff -> Error "a setting has 32 bits"
  | _ -> Ok ()

let changed settings (identifier, number) =
  match identifier with
  | 1 -> { settings with header_table_size = number }
  | 2 -> { settings with enable_push = number = 1 }
  | 3 -> { settings with max_concurrent_streams = Int32.of_int number }
  | 4 -> { settings with initial_window_size = Int32.of_int number }
  | 5 -> { settings with max_frame_size = number }
  | 6 -> { settings with max_header_list_size = Some number }
  | _ -> settings

let all_allowed settings =
  List.fold_left (fun result setting -> Result.bind result (fun () -> allowed setting)) (Ok ()) settings

(* ---- The field ---- *)

let octets = 6

let payload (identifier, number) =
  let bytes = Bytes.create octets in
  Bytes.set_uint16_be bytes 0 identifier;
  Bytes.set_int32_be bytes 2 (Int32.of_int number);
  Bytes.to_string bytes

let to_base64 settings =
  let with_number (identifier, number) = Option.map (fun number -> (identifier, number)) number in
  let told = List.filter_map with_number (told settings) in
  Result.map (fun () -> encoded (String.concat "" (List.map payload told))) (all_allowed told)

let of_base64 text =
  Result.bind (decoded text) @@ fun bytes ->
  if String.length bytes mod octets <> 0 then Error "a setting is cut off"
  else
    let setting index =
      let at = index * octets in
      (String.get_uint16_be bytes at, unsigned (String.get_int32_be bytes (at + 2)))
    in
    let given = List.init (String.length bytes / octets) setting in
    Result.map (fun () -> List.fold_left changed default given) (all_allowed given)

let pp_hum formatter settings =
  Format.fprintf formatter "header table %d, push %b, streams %ld, window %ld, frame %d, fields %s"
    settings.header_table_size settings.enable_push settings.max_concurrent_streams settings.initial_window_size
    settings.max_frame_size
    (Option.fold ~none:"any" ~some:string_of_int settings.max_header_list_size)
