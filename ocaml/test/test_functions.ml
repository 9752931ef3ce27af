(* Functions of the program's that the library calls. *)

open Trunkline
open Support
open Asking

let retry_function server drive () =
  let manager = manager ~drive ~max_retries:5 () and numbers = ref [] in
  let decide (attempt : Retry.attempt) : Retry.decision =
    Gc.compact ();
    numbers := attempt.number :: !numbers;
    Alcotest.(check (result int reject)) "outcome" (Ok 503) (Result.map_error ignore attempt.outcome);
    if attempt.header "content-type" = None then raise Exit;
    if attempt.number < 3 then Again_after 0.001 else Stop
  in
  let answer = answer manager (get ~retry:(Function decide) (http server ^ "/status/503") "GET") in
  Alcotest.(check int) "status" 503 answer.head.status;
  Alcotest.(check (list int)) "attempts" [ 3; 2; 1 ] !numbers;
  Alcotest.(check int) "attempts" 3 answer.summary.attempts

let delay_function server () =
  let manager = manager ~max_retries:2 () and numbers = ref [] in
  let delay number =
    numbers := number :: !numbers;
    0.001
  in
  ignore (answer manager (get ~retry:Transient ~retry_delay:delay (http server ^ "/status/503") "GET"));
  Alcotest.(check (list int)) "numbers" [ 2; 1 ] !numbers

let auth_function server drive () =
  let choose (request : Auth.request) =
    Gc.compact ();
    Alcotest.(check string) "host" "127.0.0.1" request.host;
    Ok (Auth.Bearer ("for-" ^ request.meth))
  in
  let answer = answer (manager ~drive ~auth:(Function choose) ()) (get (http server ^ "/headers") "GET") in
  let told = Yojson.Safe.from_string answer.body in
  Alcotest.(check string) "authorization" "Bearer for-GET" Yojson.Safe.Util.(to_string (member "authorization" told))

let auth_raises server () =
  let options = get ~auth:(Function (fun _ -> failwith "none")) (http server ^ "/headers") "GET" in
  let request = Suite.ok "submit" (Manager.submit (manager ()) options) in
  ended_with "the end" Invalid_argument (end_of request)

let resolver server drive () =
  let asked = ref "" in
  let resolve lookup =
    asked := Printf.sprintf "%s:%d" (Resolver.host lookup) (Resolver.port lookup);
    Suite.ok "finish" (Resolver.finish lookup [ "127.0.0.1" ])
  in
  let manager = Suite.ok "manager" (Manager.create ~drive ~resolver:resolve ()) in
  let port = Server.port server "http" in
  let answer = answer manager (get (Printf.sprintf "http://example.test:%d/" port) "GET") in
  Alcotest.(check int) "status" 200 answer.head.status;
  Alcotest.(check string) "asked" (Printf.sprintf "example.test:%d" port) !asked

let resolver_fails () =
  let manager = Suite.ok "manager" (Manager.create ~resolver:(fun _ -> failwith "no such luck") ()) in
  let request = Suite.ok "submit" (Manager.submit manager (get "http://example.test/" "GET")) in
  ended_with "the end" Resolve_failed (end_of request)

let () =
  exit
  @@ Server.with_server [ "embedded" ] (fun server ->
         let on_both name test =
           [ Suite.test (name ^ ", inline") (test server Setting.Inline);
             Suite.test (name ^ ", threads") (test server (Setting.Threads 1)) ]
         in
         let once name test = [ Suite.test name (test server) ] in
         Suite.run "functions"
           [
             ("retries", on_both "retry" retry_function @ once "delay" delay_function);
             ("credentials", on_both "auth" auth_function @ once "auth raises" auth_raises);
             ("addresses", on_both "resolver" resolver @ [ Suite.test "resolver fails" resolver_fails ]);
           ])
