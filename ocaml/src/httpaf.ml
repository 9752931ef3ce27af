module Method = Method
module Headers = Headers

module Version = struct
  type t = { major : int; minor : int }

  let v1_1 = { major = 1; minor = 1 }
  let compare : t -> t -> int = Stdlib.compare
  let to_string { major; minor } = Printf.sprintf "HTTP/%d.%d" major minor

  let of_string text =
    try Scanf.sscanf text "HTTP/%1u.%1u%!" (fun major minor -> { major; minor })
    with Scanf.Scan_failure _ | Failure _ | End_of_file -> failwith "Version: this is none"

  let pp_hum formatter version = Format.pp_print_string formatter (to_string version)
end

module Request = struct
  type t = { meth : Method.t; target : string; version : Version.t; headers : Headers.t }

  let create ?(version = Version.v1_1) ?(headers = Headers.empty) meth target = { meth; target; version; headers }

  let body_length request =
    match Headers.get_multi request.headers "transfer-encoding" with
    | [] -> (
        match Headers.body_length request.headers with
        | `Unknown -> `Fixed 0L
        | (`Fixed _ | `Error _) as length -> length)
    | [ coding ] when String.lowercase_ascii coding = "chunked" -> `Chunked
    | _ -> `Error `Bad_request

  let pp_hum formatter request =
    Format.fprintf formatter "%a %s %a@.%a" Method.pp_hum request.meth request.target Version.pp_hum request.version
      Headers.pp_hum request.headers
end
