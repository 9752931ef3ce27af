type 'a t = { buffer : 'a; off : int; len : int }

let length vector = vector.len
let lengthv vectors = List.fold_left (fun sum vector -> sum + vector.len) 0 vectors

let shift vector count =
  if count < 0 || count > vector.len then invalid_arg "IOVec.shift";
  { vector with off = vector.off + count; len = vector.len - count }

let rec shiftv vectors count =
  match vectors with
  | _ when count < 0 -> invalid_arg "IOVec.shiftv"
  | vectors when count = 0 -> vectors
  | [] -> invalid_arg "IOVec.shiftv"
  | vector :: rest when count >= vector.len -> shiftv rest (count - vector.len)
  | vector :: rest -> shift vector count :: rest

let pp_hum formatter { off; len; _ } = Format.fprintf formatter "%d bytes from %d" len off
