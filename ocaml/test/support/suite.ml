(* Alcotest's suites, with the closing line that the sum of all tests is made of. *)

(* What a call answers, or a failed test. *)
let ok what = function
  | Ok result -> result
  | Error error -> Alcotest.failf "%s: %s" what (Trunkline.Error.to_string error)

let code : Trunkline.Error.code Alcotest.testable =
  Alcotest.testable (fun formatter code -> Format.pp_print_string formatter (Trunkline.Error.name code)) ( = )

let refused what expected = function
  | Ok _ -> Alcotest.failf "%s was not refused" what
  | Error (error : Trunkline.Error.t) -> Alcotest.check code what expected error.code

exception Took_too_long

(* A test may take so many seconds. Waits of the library let signals in. *)
let limited seconds test () =
  let raise_it _ = raise Took_too_long in
  let before = Sys.signal Sys.sigalrm (Sys.Signal_handle raise_it) in
  ignore (Unix.alarm seconds);
  Fun.protect
    ~finally:(fun () ->
      ignore (Unix.alarm 0);
      Sys.set_signal Sys.sigalrm before)
    test

let passed = ref 0
let all = ref 0

let test ?(seconds = 60) name body =
  Alcotest.test_case name `Quick (fun () ->
      incr all;
      limited seconds body ();
      incr passed)

(* Runs them, and tells the status to exit with. *)
let run name suites =
  (try Alcotest.run ~and_exit:false ~compact:true name suites with Alcotest.Test_error -> ());
  Printf.printf "\n%d passed, %d failed\n%!" !passed (!all - !passed);
  if !passed = !all then 0 else 1
