type drive =
  | Threads of int
  | Inline

type http =
  | Auto
  | Http_1
  | Http_2
  | Upgrade

type tls_version = Tls_1_2   | Tls_1_3

type proxy_auth =
  | Proxy_basic
  | Proxy_digest

type proxies = {
  without_tls : string;
  with_tls : string;
  direct : string;
}

type keep_alive = {
  silence : float;
  interval : float;
  count : int;
}

type pauses = {
  first : float;
  longest : float;
  attempts : int;
}

type path_style =
  | Literal
  | Colon
  | Curly

type field =
  | Text_field of string * string
  | Bytes_field of { name : string; bytes : string; filename : string option; content_type : string option }
  | File_field of { name : string; path : string; filename : string option; content_type : string option }

type body =
  | Bytes of string
  | Json of string
  | Form of (string * string) list
  | Multipart of field list
  | File of { path : string; offset : int; length : int option }
  | Streamed of int option
