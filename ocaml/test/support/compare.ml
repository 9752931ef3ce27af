(* What a request delivered, against what its case says. *)

open Trunkline
module Json = Yojson.Safe
module Util = Yojson.Safe.Util

(* Consecutive data parts are put together, and what is no piece of the answer is left out. *)
let gathered parts =
  let data = Buffer.create 256 in
  let flush got : Part.t list =
    if Buffer.length data = 0 then got
    else
      let piece = Buffer.contents data in
      Buffer.clear data;
      Data piece :: got
  in
  let take got : Part.t -> Part.t list = function
    | Data piece ->
        Buffer.add_string data piece;
        got
    | Writable | Unknown | Latency _ -> got
    | part -> part :: flush got
  in
  List.rev (flush (List.fold_left take [] parts))

let shown : Part.t -> string = function
  | Informational head -> Printf.sprintf "informational %d" head.status
  | Redirect (head, url) -> Printf.sprintf "redirect %d to %s" head.status url
  | Head head -> Printf.sprintf "head %d" head.status
  | Data data -> Printf.sprintf "data of %d bytes" (String.length data)
  | Trailers _ -> "trailers"
  | Frame message -> Printf.sprintf "frame %S" message.payload
  | Done _ -> "done"
  | Error error -> "error " ^ Error.to_string error
  | _ -> "another part"

let fields_match (headers : Part.headers) json =
  let matches (name, (wanted : Json.t)) =
    match (Part.header_values headers name, wanted) with
    | [], `Null -> true
    | (_ :: _ as values), `String wanted -> String.concat ", " values = wanted
    | _ -> false
  in
  match json with `Assoc fields -> List.for_all matches fields | _ -> true

let head_matches (head : Part.head) wanted json =
  head.status = Util.to_int wanted && fields_match head.headers (Util.member "headers" json)

(* The port of a case is not known beforehand. *)
let without_origin url =
  match String.index_from_opt url (String.length "http://") '/' with
  | Some start -> String.sub url start (String.length url - start)
  | None -> url

let url_matches url json =
  match Util.member "url" json with `String wanted -> without_origin url = wanted | _ -> true

let frame_matches (got : Part.message) json =
  let wanted = Case.message json in
  got.kind = wanted.kind && got.code = wanted.code
  && (got.payload = wanted.payload || (wanted.kind = Close && wanted.payload = ""))

let error_matches (error : Error.t) (json : Json.t) =
  let name = Error.name error.code in
  match json with
  | `String wanted -> name = wanted
  | `List wanted -> List.mem (`String name) wanted
  | _ -> false

let matches (part : Part.t) json =
  let wanted name = Case.given name json in
  match part with
  | Informational head -> Option.fold ~none:false ~some:(fun w -> head_matches head w json) (wanted "informational")
  | Head head -> Option.fold ~none:false ~some:(fun w -> head_matches head w json) (wanted "head")
  | Redirect (head, url) ->
      Option.fold ~none:false ~some:(fun w -> head_matches head w json && url_matches url json) (wanted "redirect")
  | Data data ->
      wanted "data_any" <> None || Option.fold ~none:false ~some:(fun w -> Case.bytes w = data) (wanted "data")
  | Trailers headers -> Option.fold ~none:false ~some:(fields_match headers) (wanted "trailers")
  | Frame message -> Option.fold ~none:false ~some:(frame_matches message) (wanted "frame")
  | Done _ -> wanted "done" <> None
  | Error error -> Option.fold ~none:false ~some:(error_matches error) (wanted "error")
  | _ -> false

let may_be_absent json =
  Case.given "data_any" json <> None
  || Option.fold ~none:false ~some:(fun data -> Case.bytes data = "") (Case.given "data" json)

let rec compare_parts wanted (got : Part.t list) =
  match (wanted, got) with
  | [], [] -> ()
  | json :: rest, part :: parts when matches part json -> compare_parts rest parts
  | json :: rest, _ when may_be_absent json -> compare_parts rest got
  | json :: _, part :: _ -> Alcotest.failf "expected %s, but %s came" (Json.to_string json) (shown part)
  | json :: _, [] -> Alcotest.failf "expected %s, but nothing more came" (Json.to_string json)
  | [], part :: _ -> Alcotest.failf "%s came after the end" (shown part)

let check request got = compare_parts (Case.list "parts" request) (gathered got)
