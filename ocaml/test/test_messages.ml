(* What messages are made of: methods, status codes, fields, lengths, settings. *)

open Trunkline.H2

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

let refused what call =
  match call () with exception Failure _ -> () | _ -> Alcotest.failf "%s was not refused" what

let statuses () =
  let phrase status = Status.default_reason_phrase status in
  Alcotest.(check (list string))
    "phrases"
    [ "Continue"; "Non-Authoritative Information"; "I'm a teapot"; "HTTP Version Not Supported" ]
    (List.map phrase [ `Continue; `Non_authoritative_information; `I_m_a_teapot; `Http_version_not_supported ]);
  Alcotest.(check bool) "text" true (Status.of_string "421" = `Misdirected_request);
  Alcotest.(check bool) "no name in HTTP/2" true (Status.of_code 101 = `Code 101);
  Alcotest.(check bool) "four digits" true (Status.unsafe_of_code 1000 = `Code 1000);
  refused "two digits" (fun () -> Status.of_code 99);
  refused "too many digits" (fun () -> Status.of_code 1000);
  refused "a negative one" (fun () -> Status.unsafe_of_code (-1));
  refused "no number" (fun () -> Status.of_string "OK")

(* RFC 9110, 9.2. *)
let methods () =
  let standard : Method.standard list = [ `GET; `HEAD; `POST; `PUT; `DELETE; `CONNECT; `OPTIONS; `TRACE ] in
  let all which = List.map (fun meth -> Method.to_string (meth :> Method.t)) (List.filter which standard) in
  Alcotest.(check (list string)) "safe" [ "GET"; "HEAD"; "OPTIONS"; "TRACE" ] (all Method.is_safe);
  Alcotest.(check (list string)) "cacheable" [ "GET"; "HEAD"; "POST" ] (all Method.is_cacheable);
  Alcotest.(check (list string))
    "idempotent"
    [ "GET"; "HEAD"; "PUT"; "DELETE"; "OPTIONS"; "TRACE" ]
    (all Method.is_idempotent)

type length = [ `Chunked | `Error of [ `Bad_request ] | `Fixed of int64 | `Unknown ]

let length : length Alcotest.testable =
  let show formatter = function
    | `Fixed length -> Format.fprintf formatter "fixed %Ld" length
    | `Unknown -> Format.fprintf formatter "unknown"
    | `Chunked -> Format.fprintf formatter "chunked"
    | `Error `Bad_request -> Format.fprintf formatter "error"
  in
  Alcotest.testable show ( = )

let lengths () =
  let fields lengths = Headers.of_list (List.map (fun value -> ("content-length", value)) lengths) in
  let check what expected given =
    let request = Request.create ~scheme:"https" ~headers:(fields given) `POST "/" in
    let response = Response.create ~headers:(fields given) `OK in
    Alcotest.check length what expected (Request.body_length request :> length);
    Alcotest.check length what expected (Response.body_length response :> length)
  in
  check "none" `Unknown [];
  check "one" (`Fixed 12L) [ "12" ];
  check "zero" (`Fixed 0L) [ "0" ];
  check "twice the same" (`Fixed 5L) [ "5"; "5" ];
  check "the longest" (`Fixed Int64.max_int) [ "9223372036854775807" ];
  let bad given = check (String.concat "," given) (`Error `Bad_request) given in
  List.iter bad
    [ [ "5"; "6" ]; [ "" ]; [ "-1" ]; [ "+1" ]; [ "0x10" ]; [ "1_0" ]; [ "5, 5" ]; [ "9223372036854775808" ] ];
  let of_status status = Response.body_length (Response.create ~headers:(fields [ "7" ]) status) in
  List.iter
    (fun status -> Alcotest.check length "without content" (`Fixed 0L) (of_status status :> length))
    [ `No_content; `Not_modified; `Continue; `Code 103 ]

(* RFC 9112, 6.3. *)
let framing () =
  let check what expected fields =
    let request = Httpaf.Request.create ~headers:(Headers.of_list fields) `POST "/" in
    Alcotest.check length what expected (Httpaf.Request.body_length request :> length)
  in
  check "nothing" (`Fixed 0L) [];
  check "length" (`Fixed 3L) [ ("Content-Length", "3") ];
  check "chunked" `Chunked [ ("transfer-encoding", "Chunked") ];
  check "chunked goes before" `Chunked [ ("content-length", "3"); ("transfer-encoding", "chunked") ];
  check "another one" (`Error `Bad_request) [ ("transfer-encoding", "gzip, chunked") ];
  check "one more" (`Error `Bad_request) [ ("transfer-encoding", "gzip"); ("transfer-encoding", "chunked") ];
  check "no length" (`Error `Bad_request) [ ("content-length", "three") ]

let versions () =
  let open Httpaf in
  Alcotest.(check string) "text" "HTTP/1.1" (Version.to_string Version.v1_1);
  Alcotest.(check bool) "back" true (Version.of_string "HTTP/1.0" = { Version.major = 1; minor = 0 });
  Alcotest.(check int) "order" (-1) (Version.compare (Version.of_string "HTTP/1.0") Version.v1_1);
  List.iter
    (fun text -> refused text (fun () -> Version.of_string text))
    [ ""; "HTTP/1"; "http/1.1"; "HTTP/1.1 "; "HTTP/11.1" ]

let settings () =
  let check what expected found =
    let show = Result.fold ~ok:(Format.asprintf "%a" Settings.pp_hum) ~error:Fun.id in
    Alcotest.(check string) what (show expected) (show found)
  in
  check "nothing" (Ok Settings.default) (Settings.of_base64 "");
  (* As curl sends it. *)
  check "given"
    (Ok { Settings.default with max_concurrent_streams = 100l; initial_window_size = 0x40000000l; enable_push = false })
    (Settings.of_base64 "AAMAAABkAARAAAAAAAIAAAAA");
  check "an unknown one" (Ok Settings.default) (Settings.of_base64 "AP8AAAAB");
  let all =
    {
      Settings.header_table_size = 65536;
      enable_push = false;
      max_concurrent_streams = -1l;
      initial_window_size = Int32.max_int;
      max_frame_size = 16777215;
      max_header_list_size = Some 0xffffffff;
    }
  in
  List.iter
    (fun given -> check "there and back" (Ok given) (Result.bind (Settings.to_base64 given) Settings.of_base64))
    [ Settings.default; all; { all with max_frame_size = 16384 }; { Settings.default with header_table_size = 0 } ];
  Alcotest.(check (result string string)) "defaults" (Ok "") (Settings.to_base64 Settings.default);
  let is_refused what result = Alcotest.(check bool) what true (Result.is_error result) in
  let wrong =
    [ "A"; "AAMAAAB"; "AAMAAABkAA"; "AAM+AABk"; "AAMAAABk="; "AAIAAAAC"; "AASAAAAA"; "AAUAAD__"; "AAUBAAAA" ]
  in
  List.iter (fun text -> is_refused text (Settings.of_base64 text)) wrong;
  is_refused "a short frame" (Settings.to_base64 { all with max_frame_size = 100 });
  is_refused "a negative table" (Settings.to_base64 { all with header_table_size = -1 })

(* What a connection tells is what its config says. *)
let told () =
  let check config =
    let request = Httpaf.Request.create ~headers:(Headers.of_list [ ("host", "a") ]) `GET "/" in
    match Client_connection.h2c_request ~config ~push:true request with
    | Error why -> Alcotest.fail why
    | Ok asked ->
        let field = Headers.get_exn asked.headers "http2-settings" in
        let expected = Result.get_ok (Settings.to_base64 (Config.to_settings config)) in
        Alcotest.(check (result string string)) "settings" (Ok expected)
          (Result.bind (Settings.of_base64 field) Settings.to_base64)
  in
  check Config.default;
  check { Config.default with enable_server_push = false; initial_window_size = 65535l; read_buffer_size = 100_000 }

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
       [
         ("fields", [ test "fields" messages; test "lengths" lengths; test "framing" framing ]);
         ( "numbers",
           [ test "numbers" numbers; test "statuses" statuses; test "methods" methods; test "versions" versions ] );
         ("settings", [ test "there and back" settings; test "told" told ]);
         ("vectors", [ test "vectors" vectors ]);
       ])
