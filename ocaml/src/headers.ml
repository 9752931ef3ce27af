type name = string
type value = string

(* The last one first. *)
type t = (name * value) list

let empty = []
let of_rev_list fields = fields
let of_list = List.rev
let to_rev_list fields = fields
let to_list = List.rev

let is_named name =
  let name = String.lowercase_ascii name in
  fun (other, _) -> String.equal (String.lowercase_ascii other) name

let add fields ?sensitive name value =
  ignore (sensitive : bool option);
  (name, value) :: fields

let mem fields name = List.exists (is_named name) fields

let add_unless_exists fields ?sensitive name value =
  if mem fields name then fields else add fields ?sensitive name value
let add_list fields more = List.rev_append more fields

let add_multi fields more =
  add_list fields (List.concat_map (fun (name, values) -> List.map (fun value -> (name, value)) values) more)

let remove fields name = List.filter (fun field -> not (is_named name field)) fields

let replace fields ?sensitive name value =
  ignore (sensitive : bool option);
  let rec first_replaced = function
    | [] -> []
    | field :: rest when is_named name field -> (name, value) :: remove rest name
    | field :: rest -> field :: first_replaced rest
  in
  List.rev (first_replaced (List.rev fields))

let get fields name = Option.map snd (List.find_opt (is_named name) fields)
let get_exn fields name = snd (List.find (is_named name) fields)
let get_multi fields name = List.rev_map snd (List.filter (is_named name) fields)
let iter ~f fields = List.iter (fun (name, value) -> f name value) (to_list fields)
let fold ~f ~init fields = List.fold_left (fun result (name, value) -> f name value result) init (to_list fields)

let to_string fields =
  String.concat "" (List.map (fun (name, value) -> name ^ ": " ^ value ^ "\n") (to_list fields))

let pp_hum formatter fields = Format.pp_print_string formatter (to_string fields)

(* RFC 9110, 8.6: digits, and the same in each field. *)
let body_length fields =
  let is_number text = text <> "" && String.for_all (function '0' .. '9' -> true | _ -> false) text in
  match List.sort_uniq String.compare (get_multi fields "content-length") with
  | [] -> `Unknown
  | [ text ] when is_number text ->
      Option.fold ~none:(`Error `Bad_request) ~some:(fun length -> `Fixed length) (Int64.of_string_opt text)
  | _ -> `Error `Bad_request
