(** Credentials of a manager or of a request. They stay at the origin that they were given for. *)

(** What of the body a signature covers. *)
type payload =
  | Signed  (** Its SHA-256; of a streamed one nothing. *)
  | Unsigned  (** Nothing, which not every service takes. Only TLS protects such a body. *)
  | Streaming
      (** As {!Signed}, but a file or a form with files is signed in chunks of 64 KiB as it is sent. For S3. *)

(** What signs requests for Amazon's services (signature version 4). *)
type aws = {
  access_key : string;  (** The key's name. *)
  secret_key : string;  (** The key. *)
  session_token : string;  (** The token of a temporary key; empty where there is none. *)
  service : string;  (** The service, for example ["s3"]. *)
  region : string;  (** The region; empty for [us-east-1]. *)
  date : int option;  (** Seconds since 1970 that stand for the present, for requests that are signed beforehand. *)
  payload : payload;  (** What of the body is covered. *)
}

(** A request that is to be authenticated. *)
type request = {
  meth : string;  (** Its method. *)
  url : string;  (** Its absolute URL. *)
  host : string;  (** The name of its host, without the port. *)
  body : string option;  (** Its body, where that was given whole. *)
  header : string -> string option;
      (** The first value of its header field with this name, while the function runs that was shown the request;
          [None] afterwards. After a challenge [authorization] is what was refused. *)
}

(** Credentials. *)
type t =
  | Nothing  (** None of its own, those in the URL excepted. This is the default. *)
  | Basic of string * string  (** User and password in the clear (RFC 7617). *)
  | Bearer of string  (** A token (RFC 6750). *)
  | Literal of string  (** The whole value of the field [authorization]. *)
  | Digest of string * string  (** User and password, proved without showing it (RFC 7616). *)
  | Netrc of string option
      (** What this netrc file has for the host; [None] is the file that [NETRC] names, else [~/.netrc]. *)
  | Aws of aws  (** Amazon's signature. *)
  | Function of (request -> (t, string) result)
      (** Chooses for each request; an error, an exception or another function ends it with {!Error.Invalid_argument}.
          It runs while the library waits for it, on a thread of the library's or inside the call that waits; it must
          not wait itself. *)
