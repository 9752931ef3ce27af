(* Finds libtrunkline, and writes the flags that compile and link what uses it.

   The library is the one in the folder that TRUNKLINE_LIB_DIR names, with its header in TRUNKLINE_INCLUDE_DIR; without
   these variables it is the one that pkg-config knows. *)

let write path flags =
  let file = open_out path in
  Printf.fprintf file "(%s)\n" (String.concat " " (List.map (Printf.sprintf "%S") flags));
  close_out file

let output_of command =
  let channel = Unix.open_process_in command in
  let line = try input_line channel with End_of_file -> "" in
  match Unix.close_process_in channel with
  | Unix.WEXITED 0 -> List.filter (fun word -> word <> "") (String.split_on_char ' ' line)
  | _ ->
      prerr_endline
        "libtrunkline was not found: set TRUNKLINE_LIB_DIR and TRUNKLINE_INCLUDE_DIR, or let pkg-config find it";
      exit 1

let () =
  let common = [ "-std=gnu11"; "-O2"; "-fPIC"; "-Wall"; "-Wextra"; "-Wshadow"; "-Wstrict-prototypes" ] in
  match (Sys.getenv_opt "TRUNKLINE_LIB_DIR", Sys.getenv_opt "TRUNKLINE_INCLUDE_DIR") with
  | Some libraries, Some headers ->
      write "c_flags.sexp" (common @ [ "-Werror"; "-I" ^ headers ]);
      write "link_flags.sexp" [ "-L" ^ libraries; "-Wl,-rpath," ^ libraries; "-ltrunkline" ]
  | _ ->
      write "c_flags.sexp" (common @ output_of "pkg-config --cflags trunkline");
      write "link_flags.sexp" (output_of "pkg-config --libs trunkline")
