#!/bin/sh
# Installs the peers and builds the bench programs. Safe to run again: what is there already is left alone.
#   bench/setup.sh            everything
#   SKIP_APT=1 bench/setup.sh without system packages (they are there, or you may not install them)
#   PYTHON=python3.13 …       the interpreter of the bench's virtual environment
set -eu
exec </dev/null # rustc is asked about the target through standard input

cd "$(dirname "$0")/.."
out=target/bench
venv=target/bench-venv
mkdir -p "$out/bin" "$out/certs" "$out/files"

say() { printf 'bench setup: %s\n' "$*" >&2; }

# --- system packages -----------------------------------------------------------------------------------------------
packages="nginx-light nghttp2-client wrk libcurl4-openssl-dev pkg-config openssl"
packages="$packages ocaml ocaml-dune libbigstringaf-ocaml-dev liblwt-ocaml-dev libcohttp-lwt-unix-ocaml-dev"
missing() {
    for tool in nginx h2load wrk pkg-config openssl dune; do
        command -v "$tool" >/dev/null 2>&1 || [ -x "/usr/sbin/$tool" ] || return 0
    done
    [ -e "$(ocamlc -where 2>/dev/null)/cohttp-lwt-unix/META" ] || return 0
    ! pkg-config --exists libcurl
}
if [ -z "${SKIP_APT:-}" ] && missing; then
    if command -v apt-get >/dev/null 2>&1; then
        sudo=''
        [ "$(id -u)" = 0 ] || sudo=sudo
        say "installing $packages"
        # shellcheck disable=SC2086
        { $sudo apt-get update -q && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -q --no-install-recommends \
            $packages; } >"$out/apt.log" 2>&1 || say "apt-get failed, see $out/apt.log; what is missing is skipped"
    else
        say "no apt-get here: install $packages yourself; what is missing is skipped"
    fi
fi

# --- certificates: a small CA and a leaf, so that every client verifies as it would in earnest ------------------------
certs=$out/certs
if ! openssl x509 -checkend 86400 -noout -in "$certs/server.pem" >/dev/null 2>&1; then
    say "making certificates"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj "/CN=Trunkline bench CA" \
        -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" \
        -keyout "$certs/ca.key" -out "$certs/ca.pem" 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=localhost" \
        -keyout "$certs/server.key" -out "$certs/server.csr" 2>/dev/null
    printf '%s\n' "subjectAltName=DNS:localhost,IP:127.0.0.1" "basicConstraints=CA:FALSE" \
        "keyUsage=critical,digitalSignature" "extendedKeyUsage=serverAuth" >"$certs/server.ext"
    openssl x509 -req -days 365 -in "$certs/server.csr" -CA "$certs/ca.pem" -CAkey "$certs/ca.key" -CAcreateserial \
        -extfile "$certs/server.ext" -out "$certs/leaf.pem" 2>/dev/null
    cat "$certs/leaf.pem" "$certs/ca.pem" >"$certs/server.pem"
fi

# --- the download: 1 GiB, sparse (it is served from the page cache either way) ---------------------------------------
truncate -s 1G "$out/files/1GiB"

# --- Python peers ----------------------------------------------------------------------------------------------------
[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
if ! cmp -s bench/requirements.txt "$venv/requirements.txt"; then
    say "installing the Python peers"
    if "$venv/bin/pip" install -q --disable-pip-version-check -r bench/requirements.txt >"$out/pip.log" 2>&1; then
        cp bench/requirements.txt "$venv/requirements.txt"
    else
        say "pip failed, see $out/pip.log; what is missing is skipped"
    fi
fi

# --- programs: each one may fail on its own, the harness then reports it as skipped ----------------------------------
build() {
    name=$1
    shift
    if "$@" >"$out/$name.log" 2>&1; then
        say "built $name"
    else
        rm -f "$out/bin/$name"
        say "$name does not build, see $out/$name.log"
    fi
}
cflags="-std=c11 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE"
# shellcheck disable=SC2046,SC2086
build curl_bench ${CC:-cc} $cflags bench/c/curl_bench.c bench/c/curl_engines.c bench/c/common.c \
    $(pkg-config --cflags libcurl 2>/dev/null) -o "$out/bin/curl_bench" $(pkg-config --libs libcurl 2>/dev/null || echo -lcurl)

build bench-echo cargo build --release --quiet -p bench-echo
build bench-tungstenite cargo build --release --quiet -p bench-tungstenite
build bench-h2 cargo build --release --quiet -p bench-h2

if [ -f include/trunkline.h ] && [ -f bench/c/trunkline_bench.c ]; then
    build libtrunkline cargo build --profile dist --quiet -p trunkline-ffi --features mimalloc
    # The program asks for the library by its soname, which only an installation would provide.
    mkdir -p "$out/lib"
    soname=$(readelf -d target/dist/libtrunkline.so 2>/dev/null | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
    ln -sf "$PWD/target/dist/libtrunkline.so" "$out/lib/${soname:-libtrunkline.so}"
    for program in trunkline_bench websocket_bench sansio_bench; do
        # shellcheck disable=SC2086
        build $program ${CC:-cc} $cflags -Iinclude bench/c/$program.c bench/c/common.c \
            -o "$out/bin/$program" -Ltarget/dist -ltrunkline -Wl,-rpath,"$PWD/$out/lib"
    done
fi
# Against the OCaml libraries as they are installed, in a folder of their own.
ocaml_program() {
    ln -sf "$PWD/target/dist/libtrunkline.so" "$out/lib/libtrunkline.so"
    export TRUNKLINE_LIB_DIR="$PWD/$out/lib" TRUNKLINE_INCLUDE_DIR="$PWD/include"
    installed="$PWD/$out/ocaml"
    dune build --root ocaml --build-dir "$PWD/$out/ocaml-library" --profile release \
        --only-packages trunkline,trunkline-lwt @install &&
        dune install --root ocaml --build-dir "$PWD/$out/ocaml-library" --prefix "$installed" &&
        OCAMLPATH="$installed/lib" dune build --root bench/ocaml --build-dir "$PWD/$out/ocaml-program" --profile release \
            ./http_async.exe &&
        ln -sf "$PWD/$out/ocaml-program/default/http_async.exe" "$out/bin/http_async_ocaml"
}
build http_async_ocaml ocaml_program
if [ -f python/pyproject.toml ]; then
    build trunkline-python env CARGO_TARGET_DIR="$PWD/target" "$venv/bin/pip" install -q --disable-pip-version-check ./python
fi
