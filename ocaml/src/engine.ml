(* Connections without a socket: the stubs of stubs/engine.c, and how what they tell is acted on.

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

(* The last event first; and who is asked about a promised request (method, URI, fields): the key of its exchange, or
   a negative number to refuse it. *)
type sink = { mutable events : event list; promise : string -> string -> Part.headers -> int }

(* stream_window, max_frame_size, max_pushed_streams, upload_buffer. *)
type settings = { window : int; frame : int; pushed : int; buffer : int }

external make : settings -> bool -> engine = "trunkline_ocaml_engine_new"
external upgrade : settings -> bool -> string -> string -> Part.headers -> string = "trunkline_ocaml_engine_upgrade"

external upgraded : settings -> bool -> string -> string -> Part.headers -> int -> engine
  = "trunkline_ocaml_engine_upgraded_bytes" "trunkline_ocaml_engine_upgraded"

external request : engine -> sink -> int -> string -> string -> Part.headers -> upload
  = "trunkline_ocaml_engine_request_bytes" "trunkline_ocaml_engine_request"

external next_read : engine -> int = "trunkline_ocaml_engine_next_read"
external read : engine -> sink -> Bigstringaf.t -> int -> int -> int = "trunkline_ocaml_engine_read"
external read_eof : engine -> sink -> unit = "trunkline_ocaml_engine_read_eof"
external next_write : engine -> sink -> Bigstringaf.t -> int = "trunkline_ocaml_engine_next_write"
external wrote : engine -> sink -> int -> unit = "trunkline_ocaml_engine_wrote"
external yield_writer : engine -> sink -> int -> unit = "trunkline_ocaml_engine_yield_writer"
external ping : engine -> sink -> string -> int -> unit = "trunkline_ocaml_engine_ping"
external shutdown : engine -> sink -> unit = "trunkline_ocaml_engine_shutdown"
external report_exn : engine -> sink -> string -> unit = "trunkline_ocaml_engine_report_exn"
external is_closed : engine -> bool = "trunkline_ocaml_engine_is_closed"
external write : upload -> sink -> Bigstringaf.t -> int -> int -> unit = "trunkline_ocaml_upload_write"
external write_string : upload -> sink -> string -> unit = "trunkline_ocaml_upload_write_string"
external room : upload -> int = "trunkline_ocaml_upload_room"
external on_room : upload -> sink -> int -> unit = "trunkline_ocaml_upload_on_room"
external flush : upload -> sink -> int -> unit = "trunkline_ocaml_upload_flush"
external close : upload -> sink -> unit = "trunkline_ocaml_upload_close"
external answer_read : answer -> sink -> unit = "trunkline_ocaml_answer_read"
external answer_resume : answer -> sink -> unit = "trunkline_ocaml_answer_resume"
