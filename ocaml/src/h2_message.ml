module Method = Method
module Status = Status
module Headers = Headers
module Response = Response
module IOVec = Iovec
module Settings = H2_settings

module Request = struct
  type t = { meth : Method.t; target : string; scheme : string; headers : Headers.t }

  let create ?(headers = Headers.empty) ~scheme meth target = { meth; target; scheme; headers }

  let body_length request = Headers.body_length request.headers

  let pp_hum formatter request =
    Format.fprintf formatter "%a %s (%s)@.%a" Method.pp_hum request.meth request.target request.scheme Headers.pp_hum
      request.headers
end

module Error_code = struct
  type t =
    | NoError
    | ProtocolError
    | InternalError
    | FlowControlError
    | SettingsTimeout
    | StreamClosed
    | FrameSizeError
    | RefusedStream
    | Cancel
    | CompressionError
    | ConnectError
    | EnhanceYourCalm
    | InadequateSecurity
    | HTTP_1_1_Required
    | UnknownError_code of int32

  (* By their numbers. *)
  let known =
    [|
      (NoError, "NO_ERROR");
      (ProtocolError, "PROTOCOL_ERROR");
      (InternalError, "INTERNAL_ERROR");
      (FlowControlError, "FLOW_CONTROL_ERROR");
      (SettingsTimeout, "SETTINGS_TIMEOUT");
      (StreamClosed, "STREAM_CLOSED");
      (FrameSizeError, "FRAME_SIZE_ERROR");
      (RefusedStream, "REFUSED_STREAM");
      (Cancel, "CANCEL");
      (CompressionError, "COMPRESSION_ERROR");
      (ConnectError, "CONNECT_ERROR");
      (EnhanceYourCalm, "ENHANCE_YOUR_CALM");
      (InadequateSecurity, "INADEQUATE_SECURITY");
      (HTTP_1_1_Required, "HTTP_1_1_REQUIRED");
    |]

  let of_int number =
    if number >= 0 && number < Array.length known then fst known.(number)
    else UnknownError_code (Int32.of_int number)

  let to_int = function
    | UnknownError_code number -> Int32.to_int number land 0xffffffff
    | code ->
        let rec find number = if fst known.(number) = code then number else find (number + 1) in
        find 0

  let to_string = function
    | UnknownError_code _ as code -> string_of_int (to_int code)
    | code -> snd known.(to_int code)

  let pp_hum formatter code = Format.pp_print_string formatter (to_string code)
end

module Config = struct
  type t = {
    read_buffer_size : int;
    request_body_buffer_size : int;
    response_body_buffer_size : int;
    enable_server_push : bool;
    max_concurrent_streams : int32;
    initial_window_size : int32;
  }

  let default =
    {
      read_buffer_size = 16384;
      request_body_buffer_size = 262144;
      response_body_buffer_size = 4096;
      enable_server_push = true;
      max_concurrent_streams = 100l;
      initial_window_size = 2097152l;
    }

  let to_settings config =
    {
      Settings.default with
      enable_push = config.enable_server_push;
      max_concurrent_streams =
        (* Only pushed streams are the server's: without them nothing is to be told. *)
        (if config.enable_server_push then config.max_concurrent_streams else Settings.default.max_concurrent_streams);
      initial_window_size = config.initial_window_size;
      max_frame_size = config.read_buffer_size;
      max_header_list_size = Some 65536;
    }
end

module Httpaf = Httpaf
