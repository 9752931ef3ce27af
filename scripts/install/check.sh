#!/usr/bin/env bash
# Builds and runs main.c against an installed libtrunkline in each way that is offered.
# Usage: scripts/install/check.sh FOLDER        FOLDER/prefix is where it is installed; the rest is ours
set -uo pipefail
folder=$1
here=$(cd "$(dirname "$0")" && pwd)
cc=${CC:-cc}
lib=$folder/prefix/lib
passed=0 failed=0 skipped=0
export PKG_CONFIG_PATH=$lib/pkgconfig
warnings=(-Wall -Wextra -Wpedantic -Wstrict-prototypes -Werror)

check() {
    local name=$1
    shift
    if "$@"; then
        echo "ok: $name"
        passed=$((passed + 1))
    else
        echo "failed: $name"
        failed=$((failed + 1))
    fi
}

needs_shared() { readelf -d "$1" | grep -q "NEEDED.*\[$SONAME\]"; }

soname() { readelf -d "$lib/libtrunkline.so" | grep -q "SONAME.*\[$SONAME\]"; }

# Nothing of what is linked in (aws-lc, zlib …) may meet a program's own copy of it.
symbols() {
    local others
    others=$(nm -D --defined-only "$lib/libtrunkline.so" | awk '{ print $NF }' | grep -v '^trunk_')
    [ -z "$others" ] || { echo "exported beside trunk_*: $(wc -l <<<"$others") names, as $(head -n 3 <<<"$others" | xargs)"; false; }
}

shared() {
    # shellcheck disable=SC2046
    "$cc" -std=c99 "${warnings[@]}" -o "$folder/shared" "$here/main.c" $(pkg-config --cflags --libs trunkline) &&
        needs_shared "$folder/shared" && LD_LIBRARY_PATH=$lib "$folder/shared"
}

# The linker prefers a shared library that lies beside the archive: hence the archive by its path.
static() {
    local libs archive
    archive=$(pkg-config --variable=staticlib trunkline)
    libs=$(pkg-config --static --libs trunkline | sed "s|-ltrunkline|$archive|")
    # shellcheck disable=SC2046,SC2086
    "$cc" -std=c99 "${warnings[@]}" -o "$folder/static" "$here/main.c" $(pkg-config --cflags trunkline) $libs &&
        ! needs_shared "$folder/static" && "$folder/static"
}

by_cmake() {
    cmake -S "$here" -B "$folder/cmake" -DCMAKE_PREFIX_PATH="$folder/prefix" -DCMAKE_BUILD_TYPE=Release >"$folder/cmake.log" &&
        cmake --build "$folder/cmake" >>"$folder/cmake.log" &&
        needs_shared "$folder/cmake/shared" && "$folder/cmake/shared" &&
        ! needs_shared "$folder/cmake/static" && "$folder/cmake/static" ||
        { tail -n 20 "$folder/cmake.log"; false; }
}

cplusplus() { c++ -std=c++11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c++ -I "$folder/prefix/include" "$here/main.c"; }

check "the soname is $SONAME" soname
check "only trunk_ names are exported" symbols
check "shared, by pkg-config" shared
check "static, by pkg-config --static" static
check "shared and static, by CMake" by_cmake
if command -v c++ >/dev/null; then
    check "the header in C++" cplusplus
else
    echo "skipped: the header in C++: no c++ here"
    skipped=1
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
