#!/usr/bin/env bash
# Plays Autobahn's fuzzing server against the clients; see tests/autobahn/run.py.
# Usage: scripts/autobahn.sh FOLDER [--full] NAME=COMMAND...
#
# The suite needs CPython 2.7, on PATH or where pyenv keeps them; it is installed into FOLDER, once. Without one this is
# skipped.
set -uo pipefail
folder=$1
shift
pip_options=(--quiet --disable-pip-version-check)
suite=autobahntestsuite==25.10.1

find_python2() {
    local candidate
    for candidate in python2.7 "$HOME"/.pyenv/versions/2.7.*/bin/python2.7; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (2, 7))' 2>/dev/null </dev/null; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    return 1
}

skip() {
    echo "skipped: $1"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}

python2=$(find_python2) || skip "there is no CPython 2.7 here"
server=$folder/python2/bin/python
mkdir -p "$folder"
if ! "$server" -c 'import autobahntestsuite' 2>/dev/null; then
    echo "installing $suite"
    rm -rf "$folder/python2" "$folder/tools"
    {
        # The last one that makes environments of Python 2.7.
        python3 -m venv "$folder/tools" &&
            "$folder/tools/bin/pip" install "${pip_options[@]}" 'virtualenv<20.22' &&
            "$folder/tools/bin/virtualenv" --quiet --python "$python2" "$folder/python2" &&
            "$folder/python2/bin/pip" install "${pip_options[@]}" "$suite"
    } >"$folder/install.log" 2>&1 || skip "$suite cannot be installed, see $folder/install.log"
fi
exec python3 tests/autobahn/run.py --server "$server" --folder "$folder" "$@"
