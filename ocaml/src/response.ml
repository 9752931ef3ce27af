type t = { status : Status.t; headers : Headers.t }

let create ?(headers = Headers.empty) status = { status; headers }

let body_length response =
  match response.status with
  | `No_content | `Not_modified -> `Fixed 0L
  | status when Status.is_informational status -> `Fixed 0L
  | _ -> Headers.body_length response.headers

let pp_hum formatter response =
  Format.fprintf formatter "%a@.%a" Status.pp_hum response.status Headers.pp_hum response.headers
