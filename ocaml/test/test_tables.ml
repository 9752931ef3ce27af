(* The tables of the library against those of the C header. *)

open Trunkline
open Support

let header () =
  match Sys.getenv_opt "TRUNKLINE_INCLUDE_DIR" with
  | None -> Alcotest.fail "TRUNKLINE_INCLUDE_DIR is not set"
  | Some folder ->
      let file = open_in_bin (Filename.concat folder "trunkline.h") in
      Fun.protect ~finally:(fun () -> close_in file) (fun () -> really_input_string file (in_channel_length file))

let starts_with prefix = String.starts_with ~prefix

let after prefix text = String.sub text (String.length prefix) (String.length text - String.length prefix)

(* ---- Errors ---- *)

let error_define = "#define TRUNK_ERROR_"

let codes () =
  let code line =
    if not (starts_with error_define line) then None
    else
      match String.split_on_char ' ' (after error_define line) with
      | [ name; number ] -> Some (String.lowercase_ascii name, int_of_string number)
      | _ -> None
  in
  List.filter_map code (String.split_on_char '\n' (header ()))

let errors () =
  let codes = codes () in
  Alcotest.(check bool) "found" true (List.length codes > 40);
  List.iter
    (fun (name, number) ->
      let code = Error.of_int number in
      (match code with Other _ -> Alcotest.failf "there is no constructor for %s" name | _ -> ());
      Alcotest.(check string) "name" name (Error.name code);
      Alcotest.(check int) "number" number (Error.to_int code);
      Alcotest.(check bool) "described" true (Error.description code <> ""))
    codes

let unknown_error () =
  Alcotest.(check bool) "kept" true (Error.of_int 9999 = Other 9999);
  Alcotest.(check string) "no name" "" (Error.name (Other 9999));
  let error : Error.t = { code = Idle_timeout; message = "why"; phase = Some First_byte; peer_code = None } in
  Alcotest.(check string) "shown" "idle_timeout (first_byte): why" (Error.to_string error)

(* ---- Options: each setter of the header, by the name that it has here ---- *)

(* Those with another name: what they set is a part of another option. *)
let renamed =
  [
    ("drive_threads", "drive"); ("drive_inline", "drive"); ("retry_callback", "retry"); ("auth_none", "auth");
    ("auth_basic", "auth"); ("auth_bearer", "auth"); ("auth_literal", "auth"); ("auth_digest", "auth");
    ("aws_sigv4_date", "auth"); ("aws_sigv4_payload", "auth"); ("auth_netrc", "auth");
    ("auth_aws_sigv4", "auth"); ("auth_callback", "auth"); ("streamed_body", "body"); ("body_file", "body");
    ("body_form", "body"); ("body_json", "body"); ("body_multipart", "body"); ("header", "headers");
    ("omit_header", "omit_headers"); ("param", "params"); ("path_param", "path_params"); ("proxy_header", "proxy_headers");
  ]
[@@ocamlformat "disable"]

let setters kind =
  let prefix = Printf.sprintf "trunk_status trunk_%s_options_" kind in
  let setter line =
    if not (starts_with prefix line) then None
    else
      let name = List.hd (String.split_on_char '(' (after prefix line)) in
      if starts_with "set_" name then Some (after "set_" name)
      else if starts_with "add_" name then Some (after "add_" name)
      else if List.mem name [ "new"; "new_connect"; "free" ] then None
      else Some name
  in
  List.filter_map setter (String.split_on_char '\n' (header ()))

let interface path =
  let file = open_in_bin path in
  Fun.protect ~finally:(fun () -> close_in file) (fun () -> really_input_string file (in_channel_length file))

let has_label text name =
  let label = Printf.sprintf "  ?%s:" name in
  List.exists (starts_with label) (String.split_on_char '\n' text)

let options kind path () =
  let text = interface path ^ interface "../src/shared_options.mli" and setters = setters kind in
  Alcotest.(check bool) "found" true (List.length setters > 40);
  let look name =
    let here = Option.value (List.assoc_opt name renamed) ~default:name in
    if not (has_label text here) then Alcotest.failf "there is no option %s" here
  in
  List.iter look setters

(* ---- Plain functions ---- *)

let fields () =
  let headers = [ ("set-cookie", "a"); ("x", "1"); ("set-cookie", "b") ] in
  Alcotest.(check (option string)) "first" (Some "a") (Part.header headers "Set-Cookie");
  Alcotest.(check (list string)) "all" [ "a"; "b" ] (Part.header_values headers "set-cookie");
  Alcotest.(check (option string)) "none" None (Part.header headers "y")

let refused_options () =
  let make ?headers ?body ?max_redirects ?(meth = "GET") url =
    Request_options.make ?headers ?body ?max_redirects ~meth url
  in
  Suite.refused "no URL" Invalid_url (make "nonsense");
  Suite.refused "a method" Invalid_argument (make ~meth:"G E T" "http://a/");
  Suite.refused "a field" Invalid_header (make ~headers:[ ("a", "b\r\nc") ] "http://a/");
  Suite.refused "a field that is needed" Invalid_header
    (Request_options.make ~omit_headers:[ "host" ] ~meth:"GET" "http://a/");
  Suite.refused "a file" Io (make ~body:(File { path = "/nowhere"; offset = 0; length = None }) "http://a/");
  Suite.refused "a negative number" Invalid_argument (make ~max_redirects:(-1) "http://a/");
  Suite.refused "no threads" Invalid_argument (Manager.create ~drive:(Threads 0) ());
  Suite.refused "a proxy" Invalid_argument
    (Manager.create ~proxy:{ without_tls = "ftp://a"; with_tls = ""; direct = "" } ());
  Suite.refused "a certificate" Invalid_argument (Manager.create ~tls_ca:"no certificate" ());
  Suite.refused "no authority" Invalid_url (Request_options.connect ~proxy:"http://a:1" "nonsense")

let every_option () =
  let manager =
    Manager.create ~drive:Inline ~unix_socket:"/tmp/socket" ~user_agent:"test" ~base_url:"http://a/"
      ~tls_versions:(Tls_1_2, Tls_1_3) ~tls_verify:false ~proxy_auth:Proxy_digest ~proxy_headers:[ ("x", "y") ]
      ~tcp_keep_alive:{ silence = 10.; interval = 1.; count = 3 }
      ~resolve:[ ("a", 80, "127.0.0.1") ] ~local_address:"127.0.0.1" ~websocket_http:Auto
      ~websocket_deflate_effort:(6, 128) ~websocket_deflate_windows:(15, 15) ~websocket_deflate_alone:(false, true)
      ~websocket_reconnect_pauses:{ first = 1.; longest = 2.; attempts = 3 }
      ~websocket_reconnect_codes:[ 1011 ]
      ~websocket_resume:(fun _ -> [])
      ~auth:
        (Aws
           {
             access_key = "a"; secret_key = "b"; session_token = ""; service = "s3"; region = "";
             date = Some 1440938160; payload = Streaming;
           })
      ~http2_stream_window:65536 ()
  in
  Suite.ok "free" (Manager.free (Suite.ok "manager" manager));
  let request =
    Request_options.make ~omit_headers:[ "user-agent" ] ~body:(Form [ ("a", "b") ]) ~params:[ ("q", "1") ]
      ~path_params:[ ("id", "7") ] ~path_style:Curly ~proxy:"" ~websocket_frames:false ~auth:(Netrc None) ~meth:"POST" "http://a/{id}"
  in
  ignore (Suite.ok "request" request)

let bodies server () =
  let path = Filename.temp_file "trunkline" ".txt" in
  let file = open_out path in
  output_string file "0123456789";
  close_out file;
  let base_url = Printf.sprintf "http://127.0.0.1:%d" (Server.port server "http") in
  let manager = Suite.ok "manager" (Manager.create ~base_url ()) in
  let echo body =
    let options = Suite.ok "options" (Request_options.make ~body ~meth:"POST" "/echo") in
    Suite.ok "answer" (Request.answer (Suite.ok "submit" (Manager.submit manager options)))
  in
  let kind (answer : Request.answer) = Option.value (Part.header answer.head.headers "content-type") ~default:"" in
  let form = echo (Form [ ("a b", "c&d") ]) in
  Alcotest.(check string) "form" "a+b=c%26d" form.body;
  Alcotest.(check string) "its type" "application/x-www-form-urlencoded" (kind form);
  Alcotest.(check string) "JSON" "application/json" (kind (echo (Json "{}")));
  Alcotest.(check string) "file" "234" (echo (File { path; offset = 2; length = Some 3 })).body;
  let multipart =
    echo
      (Multipart
         [
           Text_field ("one", "text");
           Bytes_field { name = "two"; bytes = "raw"; filename = Some "a.png"; content_type = None };
           File_field { name = "three"; path; filename = None; content_type = Some "x/y" };
         ])
  in
  Sys.remove path;
  let holds part =
    let length = String.length part in
    let is_at at = String.sub multipart.body at length = part in
    let rec look at = at + length <= String.length multipart.body && (is_at at || look (at + 1)) in
    Alcotest.(check bool) part true (look 0)
  in
  List.iter holds [ {|name="one"|}; "text"; {|filename="a.png"|}; "image/png"; "raw"; "x/y"; "0123456789" ];
  Alcotest.(check string) "multipart" "multipart/form-data" (String.sub (kind multipart) 0 19)

(* ---- Jars and records ---- *)

let jar () =
  let jar = Suite.ok "create" (Cookie_jar.create ()) in
  Suite.ok "set" (Cookie_jar.set jar ~url:"http://example.com/" "a=b; Max-Age=100");
  Suite.refused "another's" Invalid_argument
    (Cookie_jar.set jar ~url:"http://example.com/" "a=b; Domain=example.org");
  Alcotest.(check int) "count" 1 (Suite.ok "count" (Cookie_jar.count jar));
  let path = Filename.temp_file "trunkline" ".cookies" in
  Suite.ok "save" (Cookie_jar.save jar path);
  let other = Suite.ok "create" (Cookie_jar.create ()) in
  Alcotest.(check int) "loaded" 1 (Suite.ok "load" (Cookie_jar.load other path));
  Sys.remove path;
  Suite.ok "clear" (Cookie_jar.clear jar);
  Alcotest.(check int) "cleared" 0 (Suite.ok "count" (Cookie_jar.count jar));
  Suite.refused "no file" Io (Cookie_jar.load jar "/nowhere")

let har server () =
  let har = Suite.ok "create" (Har.create ()) in
  let manager = Suite.ok "manager" (Manager.create ~har ()) in
  let url = Printf.sprintf "http://127.0.0.1:%d/bytes/10" (Server.port server "http") in
  let exchange () =
    let options = Suite.ok "options" (Request_options.make ~meth:"GET" url) in
    ignore (Suite.ok "answer" (Request.answer (Suite.ok "submit" (Manager.submit manager options))))
  in
  let entries () =
    let json = Yojson.Safe.from_string (Suite.ok "json" (Har.json har)) in
    List.length Yojson.Safe.Util.(to_list (member "entries" (member "log" json)))
  in
  exchange ();
  ignore (Suite.ok "shutdown" (Manager.shutdown manager));
  Alcotest.(check int) "entries" 1 (entries ());
  Suite.ok "clear" (Har.clear har);
  Alcotest.(check int) "cleared" 0 (entries ())

let () =
  exit
  @@ Server.with_server [ "embedded" ] (fun server ->
         Suite.run "tables"
           [
             ("errors", [ Suite.test "every one" errors; Suite.test "unknown" unknown_error ]);
             ( "options",
               [
                 Suite.test "of a manager" (options "manager" "../src/manager.mli");
                 Suite.test "of a request" (options "request" "../src/request_options.mli");
                 Suite.test "refused" refused_options; Suite.test "accepted" every_option;
               ] );
             ("bodies", [ Suite.test "every kind" (bodies server) ]);
             ("fields", [ Suite.test "looked up" fields ]);
             ("shared", [ Suite.test "jar" jar; Suite.test "har" (har server) ]);
           ])
