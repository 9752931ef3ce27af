(* Connections without a socket: the stubs of stubs/engine.h, and how what they tell is acted on.

   Every call takes the sink of its connection, into which the library's functions put events; [run] acts on them when
   the call is over. *)

type engine
type upload
type answer
type fault = { kind : int; code : int; message : string }

(* Each with the key of who is told; that of the connection is 0. *)
type event =
  | Head of int * answer * int * Part.headers
  | Data of int * Bigstringaf.t
  | End of int
  | Trailers of int * Part.headers
  | Fault of int * fault
  | Flushed of int * bool
  | Woken of int
  | Informational of int * int * Part.headers
  | Upgraded of int * int * Part.headers * string
  | Message of int * Part.message
  | Closed of int * int * int * string

(* The last event first; and who is asked about a promised request (method, URI, fields): the key of its exchange, or
   a negative number to refuse it. *)
type sink = { mutable events : event list; promise : string -> string -> Part.headers -> int }

(* stream_window, max_frame_size, max_pushed_streams, upload_buffer. *)
type settings = { window : int; frame : int; pushed : int; buffer : int }

external http2 : settings -> bool -> engine = "trunkline_ocaml_http2_new"
external upgrade : settings -> bool -> string -> string -> Part.headers -> string = "trunkline_ocaml_http2_upgrade"

external upgraded : settings -> bool -> string -> string -> Part.headers -> int -> engine
  = "trunkline_ocaml_http2_upgraded_bytes" "trunkline_ocaml_http2_upgraded"

external upgraded_request : engine -> upload = "trunkline_ocaml_http2_upgraded_request"
external http1 : int -> int -> engine = "trunkline_ocaml_http1_new"
external http1_shutdown : engine -> sink -> unit = "trunkline_ocaml_http1_shutdown"

(* Whether an upgrade is an answer, and whether there is a body. Without one the handle is for giving up. *)
external request : engine -> sink -> int -> string -> string -> Part.headers -> bool -> bool -> upload
  = "trunkline_ocaml_engine_request_bytes" "trunkline_ocaml_engine_request"

external next_read : engine -> int = "trunkline_ocaml_engine_next_read"
external read : engine -> sink -> Bigstringaf.t -> int -> int -> int = "trunkline_ocaml_engine_read"
external read_eof : engine -> sink -> unit = "trunkline_ocaml_engine_read_eof"
external next_write : engine -> sink -> Bigstringaf.t -> int = "trunkline_ocaml_engine_next_write"
external wrote : engine -> sink -> int -> unit = "trunkline_ocaml_engine_wrote"
external yield_writer : engine -> sink -> int -> unit = "trunkline_ocaml_engine_yield_writer"
external ping : engine -> sink -> string -> int -> unit = "trunkline_ocaml_http2_ping"
external http2_shutdown : engine -> sink -> unit = "trunkline_ocaml_http2_shutdown"
external report_exn : engine -> sink -> string -> unit = "trunkline_ocaml_engine_report_exn"
external is_closed : engine -> bool = "trunkline_ocaml_engine_is_closed"
external write : upload -> sink -> Bigstringaf.t -> int -> int -> unit = "trunkline_ocaml_upload_write"
external write_string : upload -> sink -> string -> unit = "trunkline_ocaml_upload_write_string"
external room : upload -> int = "trunkline_ocaml_upload_room"
external on_room : upload -> sink -> int -> unit = "trunkline_ocaml_upload_on_room"
external flush : upload -> sink -> int -> unit = "trunkline_ocaml_upload_flush"
external close : upload -> sink -> unit = "trunkline_ocaml_upload_close"
external cancel : upload -> sink -> int -> unit = "trunkline_ocaml_upload_cancel"
external answer_read : answer -> sink -> unit = "trunkline_ocaml_answer_read"
external answer_resume : answer -> sink -> unit = "trunkline_ocaml_answer_resume"
external answer_cancel : answer -> sink -> int -> unit = "trunkline_ocaml_answer_cancel"

(* ---- WebSockets ---- *)

type handshake

(* 0 stands for the library's own limit. *)
type websocket_settings = { max_frame : int; max_message : int; send_buffer : int; frames : bool }

external handshake : Part.headers -> bool -> handshake = "trunkline_ocaml_handshake_new"
external handshake_field : handshake -> int -> (string * string) option = "trunkline_ocaml_handshake_field"
external handshake_check : handshake -> int -> Part.headers -> unit = "trunkline_ocaml_handshake_check"
external websocket : handshake option -> websocket_settings -> engine = "trunkline_ocaml_websocket_engine_new"
external send : engine -> sink -> Part.message -> unit = "trunkline_ocaml_websocket_engine_send"
external on_message_room : engine -> sink -> int -> unit = "trunkline_ocaml_websocket_engine_on_room"
