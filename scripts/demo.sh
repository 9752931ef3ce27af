#!/usr/bin/env bash
# Starts the embedded server and lets the C and the Python demo fetch from it; `make demo` calls this.
# From the environment: URL (another server to ask instead), C_DEMO, PY, SERVER.
set -euo pipefail
cd "$(dirname "$0")/.."
log=target/demo-server.log
server=

stop() {
    [ -z "$server" ] || { kill "$server" 2>/dev/null && wait "$server" 2>/dev/null; } || true
}
trap stop EXIT

# The server says where it listens on a line of its own, then goes on until it is ended.
if [ -z "${URL:-}" ]; then
    : >$log
    "$SERVER" embedded >$log 2>&1 </dev/null &
    server=$!
    for _ in $(seq 100); do
        URL=$(grep -m 1 -o -E 'https?://[^[:space:]"]+' $log || true)
        [ -z "$URL" ] || break
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    [ -n "$URL" ] || { echo "the demo server did not start:" >&2; cat $log >&2; exit 1; }
fi

printf '==> C: %s\n' "$C_DEMO $URL"
"$C_DEMO" "$URL"
printf '\n==> Python: %s\n' "tests/demo/demo.py $URL"
"$PY" tests/demo/demo.py "$URL"
