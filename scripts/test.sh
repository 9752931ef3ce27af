#!/usr/bin/env bash
# Runs make targets one after the other, keeps what each prints in target/test-logs, and ends with the sum of all suites.
#
#   scripts/test.sh [--more] TARGET...     --more adds to the logs (and the sum) of the run before
#
# A target that fails does not stop the next ones, `setup` excepted: nothing can run without it.
set -uo pipefail
cd "$(dirname "$0")/.."
logs=target/test-logs
limit=${STEP_TIMEOUT:-1500} # seconds

if [ "${1:-}" = --more ]; then
    shift
else
    rm -rf "$logs"
fi
mkdir -p "$logs"
running=
trap '[ -z "$running" ] || kill "$running" 2>/dev/null; exit 130' INT TERM
number=$(find "$logs" -name '*.log' | wc -l)

for target in "$@"; do
    number=$((number + 1))
    log=$(printf '%s/%02d-%s' "$logs" "$number" "$target")
    printf '\n==> make %s\n' "$target"
    SECONDS=0
    : >"$log.log" # there when it is first looked at
    # Into a file and not a pipe: a server that a test leaves behind would keep the pipe open, and us waiting.
    timeout --kill-after=30 "$limit" "${MAKE:-make}" --no-print-directory "$target" </dev/null >>"$log.log" 2>&1 &
    running=$!
    tail --pid="$running" --sleep-interval=0.2 --lines=+1 --follow "$log.log" &
    shown=$!
    wait "$running"
    status=$?
    wait "$shown"
    [ "$status" -ne 124 ] || echo "make $target was stopped after $limit s" | tee -a "$log.log"
    printf '%s %s\n' "$status" "$SECONDS" >"$log.status"
    [ "$status" -eq 0 ] || [ "$target" != setup ] || break
done

printf '\n==> summary\n'
python=target/venv/bin/python
[ -x $python ] || python=python3
exec $python scripts/summary.py "$logs"
