(** The settings that the two sides of an HTTP/2 connection tell each other (RFC 9113, 6.5.2). *)

type t = {
  header_table_size : int;  (** Bytes of the table by which fields are compressed: 4096. *)
  enable_push : bool;  (** Whether the server may push: yes. *)
  max_concurrent_streams : int32;  (** Streams that the other side may have open at once: 2^31-1. *)
  initial_window_size : int32;  (** The window of each stream, in bytes: 65535. *)
  max_frame_size : int;  (** The longest payload of a frame, in bytes: 16384. *)
  max_header_list_size : int option;  (** Bytes of all fields of a message: any. *)
}
(** What one side has told. *)

val default : t
(** What holds before anything was told: each as told here. *)

val of_base64 : string -> (t, string) result
(** The settings of the field [http2-settings] (RFC 7540, 3.2.1), the default where it has none. Settings that are
    unknown are passed over; an error tells what the protocol does not allow. *)

val to_base64 : t -> (string, string) result
(** The value of that field: the settings that are not at their defaults. An error as for {!of_base64}. *)

val pp_hum : Format.formatter -> t -> unit
(** For people. *)
