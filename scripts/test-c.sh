#!/usr/bin/env bash
# Runs the C tests: first the program built with the sanitizers, then the plain one under valgrind.
# Usage: scripts/test-c.sh RUNNER-ASAN RUNNER-PLAIN
set -uo pipefail
asan=$1 plain=$2
status=0

# The sanitizers of GCC 12 and older now and then die at start where the kernel places memory too randomly.
fixed=()
setarch "$(uname -m)" -R true 2>/dev/null && fixed=(setarch "$(uname -m)" -R)

echo "--- C, with the address and undefined-behaviour sanitizers"
lsan=${LSAN_OPTIONS:-}
[ ! -e tests/c/lsan.supp ] || lsan="suppressions=tests/c/lsan.supp:print_suppressions=0:$lsan"
ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:${ASAN_OPTIONS:-} \
    LSAN_OPTIONS=$lsan UBSAN_OPTIONS=print_stacktrace=1:${UBSAN_OPTIONS:-} \
    "${fixed[@]}" "$asan" || { echo "the sanitizer run ended with status $?" && status=1; }

echo "--- C, under valgrind"
options=(--quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=definite,indirect
    --errors-for-leak-kinds=definite,indirect --fair-sched=yes --num-callers=30)
[ ! -e tests/c/valgrind.supp ] || options+=(--suppressions=tests/c/valgrind.supp)
# Everything is many times slower there: tests stretch their deadlines by this factor.
TRUNKLINE_TEST_SLOW=20 valgrind "${options[@]}" "$plain" || { echo "the valgrind run ended with status $?" && status=1; }

exit $status
