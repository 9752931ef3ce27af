(* Lines, server-sent events, charsets and URLs, from pieces cut anywhere. *)

open Trunkline
open Support

(* What [next] answers until there is no more. *)
let rec all_of next reader =
  match Suite.ok "next" (next reader) with None -> [] | Some one -> one :: all_of next reader

(* All that comes of a text which is pushed in two pieces, and of one that is pushed byte by byte. *)
let cut_everywhere ~push ~finish ~next make text check =
  let play pieces =
    let reader = make () in
    let got = List.concat_map (fun piece -> Suite.ok "push" (push reader piece); all_of next reader) pieces in
    Suite.ok "finish" (finish reader);
    check (got @ all_of next reader)
  in
  let size = String.length text in
  for cut = 0 to size do
    play [ String.sub text 0 cut; String.sub text cut (size - cut) ]
  done;
  play (List.init size (fun index -> String.make 1 text.[index]))

(* ---- Lines ---- *)

let read_lines ?carriage_return text expected =
  let make () = Suite.ok "create" (Lines.create ?carriage_return ()) in
  cut_everywhere ~push:Lines.push ~finish:Lines.finish ~next:Lines.next make text
    Alcotest.(check (list string) (String.escaped text) expected)

let lines () =
  read_lines "" [];
  read_lines "one\ntwo\r\n\nfour\rstill\nlast" [ "one"; "two"; ""; "four\rstill"; "last" ];
  read_lines ~carriage_return:true "one\rtwo\r\nthree\n" [ "one"; "two"; "three" ]

let long_lines () =
  let reader = Suite.ok "create" (Lines.create ~max_line:4 ()) in
  Suite.ok "push" (Lines.push reader "four\nfives\nsix\n");
  Alcotest.(check (option string)) "the first" (Some "four") (Suite.ok "next" (Lines.next reader));
  Suite.refused "the second" Body_too_large (Lines.next reader);
  Suite.refused "from then on" Body_too_large (Lines.next reader);
  Suite.refused "less than nothing" Invalid_argument (Lines.create ~max_line:(-1) ())

(* ---- Server-sent events ---- *)

let shown (event : Event_stream.event) =
  Printf.sprintf "%s %S %S %s" event.event event.data event.id
    (Option.fold ~none:"-" ~some:(Printf.sprintf "%g") event.retry)

(* The examples of WHATWG HTML, 9.2.6, and more. *)
let events () =
  let read text expected =
    let make () = Suite.ok "create" (Event_stream.create ()) in
    cut_everywhere ~push:Event_stream.push ~finish:Event_stream.finish ~next:Event_stream.next make text (fun got ->
        Alcotest.(check (list string)) (String.escaped text) expected (List.map shown got))
  in
  read "data: YHOO\ndata: +2\ndata: 10\n\n" [ {|message "YHOO\n+2\n10" "" -|} ];
  read ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n"
    [ {|message "first event" "1" -|}; {|message "second event" "" -|} ];
  read "data\n\ndata\ndata\n\ndata:" [ {|message "" "" -|}; {|message "\n" "" -|} ];
  read "data:test\n\ndata: test\n\n" [ {|message "test" "" -|}; {|message "test" "" -|} ];
  read "event: add\r\nretry: 1500\r\ndata: 1\r\n\r\n" [ {|add "1" "" 1.5|} ]

let large_events () =
  let reader = Suite.ok "create" (Event_stream.create ~max_event:10 ()) in
  Suite.ok "push" (Event_stream.push reader ("data: " ^ String.make 100 'x' ^ "\n\n"));
  Suite.refused "the event" Body_too_large (Event_stream.next reader)

(* ---- Charsets ---- *)

let decoded make text =
  let size = String.length text in
  let play pieces =
    let decoder = Suite.ok "create" (make ()) in
    let texts = List.map (fun piece -> Suite.ok "decode" (Text_decoder.decode decoder piece)) pieces in
    let last = Suite.ok "finish" (Text_decoder.finish decoder) in
    String.concat "" texts ^ last
  in
  let whole = play [ text ] in
  for cut = 0 to size do
    Alcotest.(check string) "cut" whole (play [ String.sub text 0 cut; String.sub text cut (size - cut) ])
  done;
  whole

let charsets () =
  let check what expected make text = Alcotest.(check string) what expected (decoded make text) in
  let label label () = Text_decoder.create ~label () in
  check "UTF-8" "na\xc3\xafve" (fun () -> Text_decoder.create ()) "na\xc3\xafve";
  check "Latin 1" "na\xc3\xafve" (label "iso-8859-1") "na\xefve";
  check "UTF-16" "\xe2\x82\xac" (label "utf-16le") "\xac\x20";
  check "Shift JIS" "\xe6\x97\xa5" (label "shift_jis") "\x93\xfa";
  check "malformed" "a\xef\xbf\xbdb" (label "utf-8") "a\xffb";
  check "cut off" "a\xef\xbf\xbd" (label "utf-8") "a\xe2\x82";
  check "no label" "\xc3\xaf" (label "no such charset") "\xc3\xaf";
  check "a mark" "\xc3\xaf" (label "iso-8859-1") "\xef\xbb\xbf\xc3\xaf";
  check "a content type" "\xc3\xaf" (fun () -> Text_decoder.of_content_type "text/plain; charset=ISO-8859-1") "\xef";
  let name decoder = Suite.ok "encoding" (Text_decoder.encoding (Suite.ok "create" decoder)) in
  Alcotest.(check string) "its name" "windows-1252" (String.lowercase_ascii (name (label "latin1" ())));
  Alcotest.(check string) "of a content type" "utf-8"
    (String.lowercase_ascii (name (Text_decoder.of_content_type "text/html")))

(* ---- URLs ---- *)

let urls () =
  let check expected result = Alcotest.(check string) expected expected (Suite.ok expected result) in
  check "https://example.org/a" (Url.make "https://example.org/a");
  check "https://example.org/v1/users" (Url.make ~base:"https://example.org/v1" "users");
  check "https://example.org/v1/users" (Url.make ~base:"https://example.org/v1/" "/users");
  check "https://example.org/users/a%2Fb"
    (Url.make ~path_style:Curly ~path_params:[ ("id", "a/b") ] "https://example.org/users/{id}");
  check "https://example.org/users/7/x"
    (Url.make ~path_style:Colon ~path_params:[ ("id", "7") ] "https://example.org/users/:id/x");
  check "https://example.org/?a=1&b=x%20y&b=%26"
    (Url.make ~params:[ ("b", "x y"); ("b", "&") ] "https://example.org/?a=1");
  Suite.refused "relative" Invalid_url (Url.make "/users");
  Suite.refused "no URL" Invalid_url (Url.make "http://[");
  let refused what path_params =
    Suite.refused what Invalid_argument (Url.make ~path_style:Curly ~path_params "http://a/{id}")
  in
  refused "missing" [];
  refused "unused" [ ("id", "1"); ("other", "2") ];
  refused "twice" [ ("id", "1"); ("id", "2") ];
  refused "dots" [ ("id", "..") ]

let () =
  let test name body = Suite.test name body in
  exit
    (Suite.run "text"
       [
         ("lines", [ test "cut everywhere" lines; test "too long" long_lines ]);
         ("events", [ test "cut everywhere" events; test "too large" large_events ]);
         ("charsets", [ test "cut everywhere" charsets ]);
         ("urls", [ test "from pieces" urls ]);
       ])
