(** The options that managers and requests have alike. *)

type 'rest t =
  ?http:Setting.http ->
  ?pool_timeout:float ->
  ?resolve_timeout:float ->
  ?connect_timeout:float ->
  ?tls_timeout:float ->
  ?write_timeout:float ->
  ?first_byte_timeout:float ->
  ?idle_timeout:float ->
  ?total_timeout:float ->
  ?credit:int ->
  ?follow_redirects:bool ->
  ?max_redirects:int ->
  ?redirect_trusted:bool ->
  ?redirect_downgrade:bool ->
  ?retry:Retry.t ->
  ?max_retries:int ->
  ?retry_delay:(int -> float) ->
  ?auth:Auth.t ->
  ?status_errors:bool ->
  ?decode:bool ->
  ?max_decoded_bytes:int ->
  ?max_decode_ratio:int ->
  ?cookies:bool ->
  ?expect_continue:float ->
  ?websocket_max_message_bytes:int ->
  ?websocket_deflate:bool ->
  ?websocket_deflate_effort:(int * int) ->
  ?websocket_deflate_windows:(int * int) ->
  ?websocket_deflate_alone:(bool * bool) ->
  ?websocket_frames:bool ->
  ?websocket_ping_interval:float ->
  ?websocket_ping_timeout:float ->
  ?websocket_close_timeout:float ->
  ?websocket_reconnect:bool ->
  ?websocket_reconnect_pauses:Setting.pauses ->
  ?websocket_reconnect_queue:int ->
  ?websocket_reconnect_codes:int list ->
  ?websocket_resume:(Part.head -> Part.message list) ->
  'rest
(** What takes them, each if it is given, before the [rest] of its arguments. Every option is described, with its
    default, in [docs/options.md] under the same name. Times are in seconds; 0 sets no limit.

    - [http]: which HTTP versions may be used.
    - [pool_timeout]: waiting for a connection or stream of the pool.
    - [resolve_timeout]: resolving the host name.
    - [connect_timeout]: establishing the transport connection.
    - [tls_timeout]: the TLS handshake.
    - [write_timeout]: the peer takes nothing of the request.
    - [first_byte_timeout]: from the request being sent to the head of the answer.
    - [idle_timeout]: the answer stands still while more would be taken.
    - [total_timeout]: from submission to the end.
    - [credit]: bytes of an answer that may be delivered and not taken.
    - [follow_redirects]: whether redirects are followed.
    - [max_redirects]: how many redirects are followed.
    - [redirect_trusted]: whether credentials and cookies go along to another origin.
    - [redirect_downgrade]: whether a redirect may lead from [https] to [http].
    - [retry]: which failures are tried again.
    - [max_retries]: how often a request is tried again.
    - [retry_delay]: the pause before the retry of this number, from 1, where the peer names none.
    - [auth]: credentials.
    - [status_errors]: whether a status of 400 or above ends with {!Error.Http_status}, after its body.
    - [decode]: whether [accept-encoding] is sent and the body decoded.
    - [max_decoded_bytes]: bytes of a decoded body; 0 sets no limit.
    - [max_decode_ratio]: times that a decoded body may be longer than what was sent; 0 sets no limit.
    - [cookies]: whether cookies are kept in the manager's jar and sent.
    - [expect_continue]: how long a body waits for the peer's word after [expect: 100-continue].
    - [websocket_max_message_bytes]: bytes of one WebSocket message.
    - [websocket_deflate]: whether compression of WebSocket messages is offered.
    - [websocket_deflate_effort]: the level from 1 to 9, and the bytes below which messages are not compressed.
    - [websocket_deflate_windows]: windows of what the peer sends and of what is sent, as powers of two from 9 to
      15.
    - [websocket_deflate_alone]: whether each message of the peer, and each that is sent, is compressed by itself.
    - [websocket_frames]: whether messages are delivered frame by frame.
    - [websocket_ping_interval]: how often the peer is pinged.
    - [websocket_ping_timeout]: how long nothing may come after such a ping.
    - [websocket_close_timeout]: how long a close waits for the peer's.
    - [websocket_reconnect]: whether a WebSocket that was lost is opened again.
    - [websocket_reconnect_pauses]: the pauses before that.
    - [websocket_reconnect_queue]: bytes of messages that are queued meanwhile.
    - [websocket_reconnect_codes]: codes of a close after which it is opened again.
    - [websocket_resume]: what is sent first on a WebSocket that is open again, by the head of the answer that
      opened it. *)
