module Method = Method
module Status = Status
module Headers = Headers
module Response = Response
module IOVec = Iovec
module Body = Body
module Version = Httpaf.Version
module Request = Httpaf.Request
module Error_code = H2_message.Error_code

module Config = struct
  type t = { max_headers : int; max_header_bytes : int }

  let default = { max_headers = 100; max_header_bytes = 65536 }
end

module Client_connection = struct
  open Driven
  open Http_connection

  type t = connection
  type nonrec error = error
  type trailers_handler = Headers.t -> unit
  type response_handler = Response.t -> [ `read ] Body.t -> unit
  type error_handler = error -> unit

  let no_promise _ _ _ = -1

  let create ?(config = Config.default) ~error_handler () =
    Outcome.catch (fun () ->
        let engine = Engine.http1 config.max_headers config.max_header_bytes in
        make engine ~promise:no_promise ~connection_error:error_handler)

  (* Other targets are paths: the engine takes them with the authority. *)
  let uri_of (request : Request.t) =
    if request.meth = `CONNECT then request.target
    else uri ~scheme:"http" ~target:request.target request.headers

  let request connection ?trailers_handler ?informational_handler ?upgrade_handler (request : Request.t)
      ~error_handler ~response_handler =
    let exchange =
      add connection ?trailers_handler ?informational_handler ?upgrade_handler ~error_handler ~response_handler
    in
    (match Request.body_length request with
    | `Error `Bad_request ->
        ended exchange;
        exchange.is_closed <- true;
        let why =
          if Headers.mem request.headers "transfer-encoding" then
            "http/1.1: a transfer-encoding other than chunked cannot be sent"
          else "http/1.1: content-length does not tell how long the body is"
        in
        error_handler (`Exn (Failure why))
    | (`Fixed _ | `Chunked) as length ->
        (* RFC 9112, 6.2: chunks go before a length, which must not be sent then. *)
        let headers =
          if length = `Chunked then Headers.remove request.headers "content-length" else request.headers
        in
        send exchange ~meth:request.meth ~uri:(uri_of request) ~fields:(Headers.to_list headers)
          ~upgradable:(Option.is_some upgrade_handler)
          ~has_body:(length <> `Fixed 0L));
    Body.writer exchange

  let shutdown connection = run_if_alive connection (Engine.http1_shutdown connection.engine)

  include Pump
end
