type attempt = {
  number : int;
  meth : string;
  url : string;
  outcome : (int, Error.t) result;
  header : string -> string option;
}

type decision =
  | Stop
  | Again
  | Again_after of float

type t =
  | Off
  | Safe_transient
  | Transient
  | Function of (attempt -> decision)
