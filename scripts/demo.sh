#!/usr/bin/env bash
# Lets the C and the Python demo fetch from the embedded server, or from URL; `make demo` calls this.
# From the environment: URL, C_DEMO, PY, TRUNKLINE_TEST_SERVER. Each demo is called as
#   demo URL [CA]        CA: the file of the authority to trust besides the system's, in PEM
# and finds the embedded server's other addresses, one line of JSON, in TRUNKLINE_DEMO_SERVER.
set -euo pipefail
cd "$(dirname "$0")/.."
arguments=("${URL:-}")

if [ -z "${URL:-}" ]; then
    # It says where it listens, and serves until its standard input ends: that is, until this script does.
    coproc server { exec "$TRUNKLINE_TEST_SERVER" embedded; }
    # Bash forgets the descriptors and the process id as soon as the server ends.
    exec 3<&"${server[0]}"
    read -r -t 30 TRUNKLINE_DEMO_SERVER <&3 || { echo "the demo server did not start" >&2; exit 1; }
    export TRUNKLINE_DEMO_SERVER
    mapfile -t arguments < <("$PY" -c 'import json, os
places = json.loads(os.environ["TRUNKLINE_DEMO_SERVER"])
print("https://localhost:{https}/\n{ca}".format(**places))')
fi

for demo in "$C_DEMO" "$PY tests/demo/demo.py"; do
    printf '\n==> %s\n' "$demo ${arguments[*]}"
    # shellcheck disable=SC2086
    $demo "${arguments[@]}"
done
