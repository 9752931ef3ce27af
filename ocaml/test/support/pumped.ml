(* Connections without a socket, driven by hand: they write into a buffer, and read from a text. *)

open Trunkline

module type CONNECTION = sig
  type t

  val next_write_operation : t -> [ `Write of Bigstringaf.t Iovec.t list | `Yield | `Close of int ]
  val report_write_result : t -> [ `Ok of int | `Closed ] -> unit
  val read : t -> Bigstringaf.t -> off:int -> len:int -> int
end

module Make (Connection : CONNECTION) = struct
  (* Writes what there is, [most] bytes at a time. *)
  let rec write ?(most = max_int) connection written =
    match Connection.next_write_operation connection with
    | `Write vectors ->
        let count = min most (Iovec.lengthv vectors) in
        let take left { Iovec.buffer; off; len } =
          let len = min left len in
          Buffer.add_string written (Bigstringaf.substring buffer ~off ~len);
          left - len
        in
        ignore (List.fold_left take count vectors);
        Connection.report_write_result connection (`Ok count);
        write ~most connection written
    | `Yield | `Close _ -> ()

  (* Gives bytes of the server's, [most] at a time, and tells how many were taken. *)
  let read ?(most = max_int) connection written bytes =
    let all = Bigstringaf.of_string bytes ~off:0 ~len:(String.length bytes) in
    let rec next off =
      if off = String.length bytes then off
      else
        let consumed = Connection.read connection all ~off ~len:(min most (String.length bytes - off)) in
        write connection written;
        if consumed = 0 then off else next (off + consumed)
    in
    next 0

  (* Over a socket, as a program with one thread does it, until [is_done]. [over] is called where it has ended. *)
  let over_socket connection socket ~over ~is_done =
    let size = 65536 in
    let buffer = Bigstringaf.create size and bytes = Bytes.create size in
    let send () =
      let written = Buffer.create 256 in
      write connection written;
      let text = Buffer.contents written in
      let rec rest from =
        if from < String.length text then
          rest (from + Unix.write_substring socket text from (String.length text - from))
      in
      rest 0
    in
    let rec turn () =
      send ();
      if not (is_done ()) then (
        (match Unix.read socket bytes 0 size with
        | 0 -> over ()
        | count ->
            Bigstringaf.blit_from_bytes bytes ~src_off:0 buffer ~dst_off:0 ~len:count;
            let rec give off =
              if off < count then give (off + Connection.read connection buffer ~off ~len:(count - off))
            in
            give 0);
        turn ())
    in
    turn ()
end
