(* Client_connection has the interface that code for the library h2 is written against. It is checked by compiling. *)

open Trunkline.H2

module type CLIENT_CONNECTION = sig
  type t

  type error =
    [ `Malformed_response of string
    | `Invalid_response_body_length of Response.t
    | `Protocol_error of Error_code.t * string
    | `Exn of exn ]

  type trailers_handler = Headers.t -> unit
  type response_handler = Response.t -> [ `read ] Body.t -> unit
  type error_handler = error -> unit

  val create :
    ?config:Config.t ->
    ?push_handler:(Request.t -> (response_handler, unit) result) ->
    error_handler:error_handler ->
    t

  val create_h2c :
    ?config:Config.t ->
    ?push_handler:(Request.t -> (response_handler, unit) result) ->
    http_request:Httpaf.Request.t ->
    error_handler:error_handler ->
    response_handler * error_handler ->
    (t, string) result

  val request :
    t ->
    ?trailers_handler:trailers_handler ->
    Request.t ->
    error_handler:error_handler ->
    response_handler:response_handler ->
    [ `write ] Body.t

  val ping : t -> ?payload:Bigstringaf.t -> ?off:int -> (unit -> unit) -> unit
  val shutdown : t -> unit
  val next_read_operation : t -> [> `Read | `Close ]
  val read : t -> Bigstringaf.t -> off:int -> len:int -> int
  val read_eof : t -> Bigstringaf.t -> off:int -> len:int -> int
  val next_write_operation : t -> [ `Write of Bigstringaf.t IOVec.t list | `Yield | `Close of int ]
  val report_write_result : t -> [ `Ok of int | `Closed ] -> unit
  val yield_writer : t -> (unit -> unit) -> unit
  val yield_reader : t -> (unit -> unit) -> unit
  val report_exn : t -> exn -> unit
  val is_closed : t -> bool
end

module Checked : CLIENT_CONNECTION = Client_connection

let messages () =
  let headers = Headers.of_list [ ("a", "1"); ("B", "2"); ("a", "3") ] in
  let check what expected fields =
    Alcotest.(check (list (pair string string))) what expected (Headers.to_list fields)
  in
  Alcotest.(check (option string)) "the last" (Some "3") (Headers.get headers "A");
  Alcotest.(check (list string)) "all" [ "1"; "3" ] (Headers.get_multi headers "a");
  check "replaced" [ ("a", "x"); ("B", "2") ] (Headers.replace headers "a" "x");
  check "not replaced" (Headers.to_list headers) (Headers.replace headers "c" "x");
  check "removed" [ ("B", "2") ] (Headers.remove headers "a");
  check "added" [ ("a", "1"); ("B", "2"); ("a", "3"); ("b", "4") ] (Headers.add headers "b" "4");
  check "there" (Headers.to_list headers) (Headers.add_unless_exists headers "b" "4");
  check "several"
    [ ("x", "1"); ("x", "2"); ("y", "3") ]
    (Headers.add_multi Headers.empty [ ("x", [ "1"; "2" ]); ("y", [ "3" ]) ]);
  check "reversed" [ ("y", "2"); ("x", "1") ] (Headers.of_rev_list [ ("x", "1"); ("y", "2") ]);
  Alcotest.check_raises "none" Not_found (fun () -> ignore (Headers.get_exn headers "c"));
  Alcotest.(check string) "text" "a: 1\nB: 2\na: 3\n" (Headers.to_string headers)

let numbers () =
  for code = 100 to 599 do
    Alcotest.(check int) "status" code (Status.to_code (Status.of_code code))
  done;
  Alcotest.(check bool) "named" true (Status.of_code 404 = `Not_found && Status.of_code 599 = `Code 599);
  Alcotest.(check bool) "error" true (Status.is_error `Bad_gateway && not (Status.is_error `OK));
  let check code = Alcotest.(check int) "code" code Error_code.(to_int (of_int code)) in
  List.iter check [ 0; 7; 13; 14; 0xffffffff ];
  Alcotest.(check string) "name" "ENHANCE_YOUR_CALM" (Error_code.to_string EnhanceYourCalm);
  List.iter (fun meth -> Alcotest.(check string) "method" meth Method.(to_string (of_string meth))) [ "GET"; "PATCH" ]

let vectors () =
  let vector len = { IOVec.buffer = (); off = 0; len } in
  let place { IOVec.off; len; _ } = (off, len) in
  let shifted count = List.map place (IOVec.shiftv [ vector 3; vector 4 ] count) in
  Alcotest.(check int) "length" 7 (IOVec.lengthv [ vector 3; vector 4 ]);
  Alcotest.(check (list (pair int int))) "within" [ (2, 1); (0, 4) ] (shifted 2);
  Alcotest.(check (list (pair int int))) "at the end of one" [ (0, 4) ] (shifted 3);
  Alcotest.(check (list (pair int int))) "all" [] (shifted 7);
  Alcotest.check_raises "too many" (Invalid_argument "IOVec.shiftv") (fun () -> ignore (shifted 8))

let () =
  let test name body = Support.Suite.test name body in
  exit
    (Support.Suite.run "messages"
       [ ("h2", [ test "fields" messages; test "numbers" numbers; test "vectors" vectors ]) ])
