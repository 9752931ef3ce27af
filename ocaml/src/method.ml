type standard = [ `GET | `HEAD | `POST | `PUT | `DELETE | `CONNECT | `OPTIONS | `TRACE ]
type t = [ standard | `Other of string ]

let is_safe : standard -> bool = function `GET | `HEAD | `OPTIONS | `TRACE -> true | _ -> false
let is_cacheable : standard -> bool = function `GET | `HEAD | `POST -> true | _ -> false
let is_idempotent : standard -> bool = function `PUT | `DELETE -> true | meth -> is_safe meth

let to_string = function
  | `GET -> "GET"
  | `HEAD -> "HEAD"
  | `POST -> "POST"
  | `PUT -> "PUT"
  | `DELETE -> "DELETE"
  | `CONNECT -> "CONNECT"
  | `OPTIONS -> "OPTIONS"
  | `TRACE -> "TRACE"
  | `Other other -> other

let of_string = function
  | "GET" -> `GET
  | "HEAD" -> `HEAD
  | "POST" -> `POST
  | "PUT" -> `PUT
  | "DELETE" -> `DELETE
  | "CONNECT" -> `CONNECT
  | "OPTIONS" -> `OPTIONS
  | "TRACE" -> `TRACE
  | other -> `Other other

let pp_hum formatter meth = Format.pp_print_string formatter (to_string meth)
