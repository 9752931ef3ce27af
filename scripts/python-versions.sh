#!/usr/bin/env bash
# Installs the one wheel into a throw-away environment of each CPython version and imports it there.
# Usage: scripts/python-versions.sh WHEEL
set -uo pipefail
wheel=$1
versions=${VERSIONS:-3.9 3.10 3.11 3.12 3.13}
passed=0 failed=0 skipped=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# An interpreter of this version: on PATH, or where pyenv keeps them.
find_version() {
    local candidate
    for candidate in "python$1" "$HOME"/.pyenv/versions/"$1".*/bin/python; do
        if "$candidate" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

for version in $versions; do
    if ! python=$(find_version "$version"); then
        echo "skipped: python$version not present"
        skipped=$((skipped + 1))
    elif "$python" -m venv "$work/$version" &&
        "$work/$version/bin/python" -m pip install --quiet --disable-pip-version-check "$wheel" &&
        (cd "$work" && "$work/$version/bin/python" -W error -c 'import sys, trunkline; print("ok: python", sys.version.split()[0])'); then
        passed=$((passed + 1))
    else
        echo "failed: python$version"
        failed=$((failed + 1))
    fi
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
