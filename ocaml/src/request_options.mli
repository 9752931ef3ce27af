(** What is asked: method, URL, header fields, body, and the options of one request. *)

type t
(** The options of a request. They may be submitted any number of times. *)

val make :
  ?headers:Part.headers ->
  ?omit_headers:string list ->
  ?body:Setting.body ->
  ?params:(string * string) list ->
  ?path_params:(string * string) list ->
  ?path_style:Setting.path_style ->
  ?proxy:string ->
  ?upgrade:string ->
  ?replay:bool ->
  ?manual_release:bool ->
  ?websocket_protocols:string list ->
  (meth:string -> string -> (t, Error.t) result) Shared_options.t
(** [make ~meth url] asks for an absolute [url] whose scheme is [http], [https], [ws] or [wss]; the last two open a
    WebSocket, with the method [GET]. A URL that begins with [/] is appended to the manager's [base_url].

    {!Error.Invalid_url}; {!Error.Invalid_header} for a field that cannot be sent, or that the library writes itself;
    {!Error.Invalid_argument} for a method that is no token, and for an option that is out of its bounds.

    Every option is described, with its default, in [docs/options.md] under the same name. Times are in seconds; 0
    sets no limit. Of a request alone:

    - [headers]: header fields; a repeated name adds a further value.
    - [omit_headers]: names of fields that the library is not to add by itself, such as [user-agent].
    - [body]: the body.
    - [params]: query parameters that are appended to the URL.
    - [path_params]: values of path parameters.
    - [path_style]: how path parameters are written.
    - [proxy]: the proxy for this request; empty for none.
    - [upgrade]: asks to speak another protocol on the connection; after a 101 it is a raw stream.
    - [replay]: whether it may be sent again when the peer surely has not processed it.
    - [manual_release]: whether credit is given back with {!Request.release} only.
    - [websocket_protocols]: subprotocols that are offered, the best first.

    Then those of {!Shared_options.t}, in place of the manager's. *)

val connect : ?headers:Part.headers -> proxy:string -> string -> (t, Error.t) result
(** [connect ~proxy authority] asks the proxy at this URL for a connection to [authority], a host and a port with a
    colon between them (RFC 9110, 9.3.6). After a head with a status of 200 to 299 the connection is a raw stream that
    leads there. {!Error.Invalid_url}. *)

(**/**)

val submitted : t -> bool option -> (Native.options -> 'a) -> 'a
(** Within the library: calls a function that submits them, with another [manual_release] where one is given. Another
    thread that submits them waits meanwhile. *)
