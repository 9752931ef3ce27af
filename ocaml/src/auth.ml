type payload = Signed | Unsigned | Streaming

type aws = {
  access_key : string;
  secret_key : string;
  session_token : string;
  service : string;
  region : string;
  date : int option;
  payload : payload;
}

type request = {
  meth : string;
  url : string;
  host : string;
  body : string option;
  header : string -> string option;
}

type t =
  | Nothing
  | Basic of string * string
  | Bearer of string
  | Literal of string
  | Digest of string * string
  | Netrc of string option
  | Aws of aws
  | Function of (request -> (t, string) result)

