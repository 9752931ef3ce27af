(** Opens, pools and supervises connections; everything hangs off one. A manager that nobody holds any more, nor a
    request of it, is freed by the garbage collector, which ends what is still under way. *)

type t
(** A manager. All functions may be called on any thread. *)

val create :
  ?drive:Setting.drive ->
  ?unix_socket:string ->
  ?user_agent:string ->
  ?base_url:string ->
  ?idle_connection_timeout:float ->
  ?max_connections_per_origin:int ->
  ?max_connections:int ->
  ?upload_buffer:int ->
  ?max_header_bytes:int ->
  ?max_headers:int ->
  ?max_body_bytes:int ->
  ?websocket_max_frame_bytes:int ->
  ?websocket_send_buffer:int ->
  ?websocket_http:Setting.http ->
  ?http2_max_concurrent_streams:int ->
  ?http2_stream_window:int ->
  ?http2_adaptive_window:bool ->
  ?http2_coalescing:bool ->
  ?http2_connection_window:int ->
  ?http2_max_frame_size:int ->
  ?http2_header_table_size:int ->
  ?http2_connections_per_origin:int ->
  ?http2_ping_interval:float ->
  ?http2_ping_unused:bool ->
  ?tls_ca:string ->
  ?tls_ca_file:string ->
  ?tls_verify:bool ->
  ?tls_identity:(string * string) ->
  ?tls_hostname:string ->
  ?tls_sni:string ->
  ?tls_versions:(Setting.tls_version * Setting.tls_version) ->
  ?tls_pins:string ->
  ?tls_resumption:bool ->
  ?tls_key_log:string ->
  ?proxy:Setting.proxies ->
  ?proxy_environment:bool ->
  ?proxy_auth:Setting.proxy_auth ->
  ?proxy_headers:Part.headers ->
  ?proxy_tls_ca:string ->
  ?proxy_tls_verify:bool ->
  ?local_address:string ->
  ?interface:string ->
  ?nodelay:bool ->
  ?tcp_keep_alive:Setting.keep_alive ->
  ?resolve:(string * int * string) list ->
  ?resolver:Resolver.t ->
  ?cookie_jar:Cookie_jar.t ->
  ?har:Har.t ->
  (unit -> (t, Error.t) result) Shared_options.t
(** A manager. {!Error.Invalid_argument} for an option that is out of its bounds, and for certificates or keys that
    cannot be read; {!Error.Io}.

    Every option is described, with its default, in [docs/options.md] under the same name. Times are in seconds; 0
    sets no limit. Of a manager alone:

    - [drive]: who runs the reactor.
    - [unix_socket]: connects to the unix socket at this path, whatever the host.
    - [user_agent]: what is sent as [user-agent] where a request has none.
    - [base_url]: what a URL is appended to that begins with [/].
    - [idle_connection_timeout]: how long an unused connection is kept.
    - [max_connections_per_origin]: connections to one origin.
    - [max_connections]: connections in all.
    - [upload_buffer]: bytes of a streamed body that may be queued.
    - [max_header_bytes]: bytes of the head of an answer.
    - [max_headers]: header fields of an HTTP/1.1 answer.
    - [max_body_bytes]: bytes of the body of an answer; 0 sets no limit.
    - [websocket_max_frame_bytes]: bytes of one WebSocket frame.
    - [websocket_send_buffer]: bytes of outgoing WebSocket messages that may be queued.
    - [websocket_http]: over which HTTP version a WebSocket is opened.
    - [http2_max_concurrent_streams]: streams at once on one connection.
    - [http2_stream_window]: receive window of one stream, in bytes.
    - [http2_adaptive_window]: whether windows grow with bandwidth and delay.
    - [http2_coalescing]: whether a connection serves other origins of its certificate.
    - [http2_connection_window]: receive window of a connection, in bytes.
    - [http2_max_frame_size]: payload of one frame that the peer may send, in bytes.
    - [http2_header_table_size]: bytes of the table by which the peer compresses header fields.
    - [http2_connections_per_origin]: connections to one origin.
    - [http2_ping_interval]: how often a PING is sent on connections in use.
    - [http2_ping_unused]: whether PINGs are sent on unused connections as well.
    - [tls_ca]: trusts these certificate authorities (PEM), and no others.
    - [tls_ca_file]: the same, from a file.
    - [tls_verify]: whether peers are checked at all.
    - [tls_identity]: certificate and private key (PEM) for peers that ask.
    - [tls_hostname]: the name that is checked and sent in place of the host.
    - [tls_sni]: the name that is sent in place of the one that is checked.
    - [tls_versions]: the oldest and the newest version.
    - [tls_pins]: public keys of which the peer's certificate must have one.
    - [tls_resumption]: whether sessions are resumed.
    - [tls_key_log]: appends the secrets of sessions to this file.
    - [proxy]: the proxies.
    - [proxy_environment]: whether the proxies are those that the environment names.
    - [proxy_auth]: how user and password are shown to HTTP proxies.
    - [proxy_headers]: fields for every HTTP proxy.
    - [proxy_tls_ca]: as [tls_ca], for proxies.
    - [proxy_tls_verify]: as [tls_verify], for proxies.
    - [local_address]: the local IP address to connect from.
    - [interface]: the network interface to connect over.
    - [nodelay]: whether small pieces are sent at once.
    - [tcp_keep_alive]: TCP's own probes.
    - [resolve]: host, port and the addresses (with commas between them) that stand for it.
    - [resolver]: looks up host names.
    - [cookie_jar]: the jar; by default an empty one of its own.
    - [har]: where exchanges are recorded.

    Then those of {!Shared_options.t}, which hold where a request does not say otherwise. *)

val submit : t -> Request_options.t -> (Request.t, Error.t) result
(** Submits a request whose parts {!Request.recv} takes; it is cancelled when nobody holds it any more. It never
    waits. {!Error.Closed} after {!close} or {!shutdown}; {!Error.Invalid_argument} where the options do not fit
    together. *)

val submit_callback :
  ?manual_release:bool -> t -> Request_options.t -> (Request.t -> Part.t -> unit) -> (Request.t, Error.t) result
(** Submits a request whose parts are handed to a function, one a call and in order, by {!poll} and on its thread. The
    request goes on whether or not somebody holds it. [manual_release] stands before that of the options. Errors as
    for {!submit}. *)

val poll : ?timeout:float -> t -> (int, Error.t) result
(** Takes up to 256 parts of requests that were submitted with {!submit_callback}, hands each to its function, and
    tells how many they were. It waits for the first one: [timeout] seconds, for ever without it, not at all with 0.
    Signals are handled meanwhile. With {!Setting.Inline} it runs the reactor. The functions may call everything that
    does not wait; what one raises is raised from here, and the parts that were left are handed over by the next call.
    {!Error.Busy} while another thread polls this manager, or from inside a function that it called.

    The credit of the parts is given back by the next call, whether or not that takes any. *)

val descriptor : t -> (Unix.file_descr, Error.t) result
(** A descriptor that becomes readable when {!poll} has something to do, for an event loop of the program's. Then call
    {!poll} with a timeout of 0 until it answers 0. It is neither read nor closed by the program, and lives as long as
    the manager. *)

val close : t -> (unit, Error.t) result
(** Takes no more requests and ends those under way with {!Error.Shutdown}. Their last parts can still be taken. *)

val shutdown : ?timeout:float -> t -> (bool, Error.t) result
(** Takes no more requests and waits until all have ended, [timeout] seconds at most; then it ends those that have
    not, with {!Error.Shutdown}. It tells whether none had to be ended. Their last parts can still be taken.
    {!Error.Busy} from inside a function of {!Auth.t}, {!Retry.t} or their like. Signals are handled when it is over.
    *)

val free : t -> (unit, Error.t) result
(** Closes it and gives everything back now: threads, connections, descriptor. What waits to be polled is dropped;
    requests of {!submit} still get their last part. Later calls answer {!Error.Invalid_handle}. {!Error.Busy} while a
    thread polls. *)

val statistics : t -> (Statistics.t, Error.t) result
(** The counters as they are now. *)

val openmetrics : t -> (string, Error.t) result
(** The counters as text of OpenMetrics 1.0, which Prometheus and its kin read. *)
