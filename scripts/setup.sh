#!/usr/bin/env bash
# Installs what is missing: Debian packages by apt, then the virtual environment target/venv with
# scripts/requirements-test.txt. Does nothing, quickly, when all is there.
#
#   scripts/setup.sh [demo|test]     demo: only what building and the demo need. Default: test.
#
# Packages are installed as root, or through sudo. No service is started: the tests start their own servers.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-test}
venv=target/venv
requirements=scripts/requirements-test.txt
export PATH="$PATH:/usr/sbin:/sbin"

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# name of the check | what shows that it is there | Debian package
needed_demo='
command cc gcc
header stdio.h libc6-dev
command make make
'
needed_test='
command apache2 apache2-bin
command caddy caddy
command cmake cmake
command danted dante-server
command dune ocaml-dune
command etcd etcd-server
command etcdctl etcd-client
command h2o h2o
command haproxy haproxy
command microsocks microsocks
command node nodejs
command nghttp nghttp2-client
command nghttpd nghttp2-server
command nghttpx nghttp2-proxy
command nginx nginx
command ocamlopt ocaml
command openssl openssl
command pkg-config pkg-config
command readelf binutils
command squid squid-openssl
command tinyproxy tinyproxy
command valgrind valgrind
header cjson/cJSON.h libcjson-dev
header openssl/ssl.h libssl-dev
ocaml alcotest libalcotest-ocaml-dev
ocaml bigstringaf libbigstringaf-ocaml-dev
ocaml lwt liblwt-ocaml-dev
ocaml yojson libyojson-ocaml-dev
'

present() {
    case $1 in
    command) command -v "$2" >/dev/null ;;
    ocaml) command -v ocamlc >/dev/null && [ -e "$(ocamlc -where)/$2/META" ] ;;
    header) [ -e "/usr/include/$2" ] || [ -e "/usr/local/include/$2" ] || [ -e "/opt/homebrew/include/$2" ] ;;
    esac
}

# The first Python from 3.9 on that answers; $PYTHON, where set, is the only one asked.
find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.10 python3.9 python3.14}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null </dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

apt_install() {
    command -v apt-get >/dev/null ||
        die "missing: $*. This is no Debian: please install their like with your own package manager."
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "missing: $*. Please run as root: apt-get install $*"
        as_root=(sudo)
        [ -t 0 ] || as_root=(sudo -n)
    fi
    say "installing $*"
    # Keeps dpkg from starting the daemons in these packages, unless the machine has a policy of its own.
    "${as_root[@]}" sh -s -- "$@" <<'ROOT' || die "apt could not install: $*"
set -eu
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -qq -o DPkg::Lock::Timeout=300 update </dev/null
apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install --no-install-recommends "$@" </dev/null >/dev/null
# Nor are they to start at the next boot.
for package in "$@"; do
    case $package in
    nginx) systemctl --quiet disable nginx 2>/dev/null || true ;;
    caddy) systemctl --quiet disable caddy 2>/dev/null || true ;;
    dante-server) systemctl --quiet disable danted 2>/dev/null || true ;;
    etcd-server) systemctl --quiet disable etcd 2>/dev/null || true ;;
    h2o) systemctl --quiet disable h2o 2>/dev/null || true ;;
    haproxy) systemctl --quiet disable haproxy 2>/dev/null || true ;;
    nghttp2-proxy) systemctl --quiet disable nghttpx 2>/dev/null || true ;;
    squid-openssl) systemctl --quiet disable squid 2>/dev/null || true ;;
    tinyproxy) systemctl --quiet disable tinyproxy 2>/dev/null || true ;;
    esac
done
ROOT
}

check_rust() {
    local wanted have
    command -v cargo >/dev/null || die "cargo is missing: please install Rust (https://rustup.rs)"
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    have=$(rustc --version | cut -d' ' -f2)
    [ "$(printf '%s\n' "$wanted" "$have" | sort -V | head -n1)" = "$wanted" ] ||
        die "Rust $wanted or newer is needed, this is $have"
    [ "$what" = demo ] || { cargo clippy --version && cargo fmt --version; } >/dev/null 2>&1 ||
        die "clippy or rustfmt is missing: rustup component add clippy rustfmt"
}

check_packages() {
    local list=$needed_demo missing=() kind name package
    [ "$what" = demo ] || list+=$needed_test
    while read -r kind name package; do
        [ -n "$kind" ] && ! present "$kind" "$name" && missing+=("$package")
    done <<<"$list"
    if python=$(find_python); then
        "$python" -c 'import ensurepip, venv' 2>/dev/null </dev/null || missing+=(python3-venv)
    else
        missing+=(python3 python3-venv)
    fi
    if [ ${#missing[@]} -gt 0 ]; then
        apt_install "${missing[@]}"
        hash -r
        while read -r kind name package; do
            [ -z "$kind" ] || present "$kind" "$name" || die "$package is installed, yet $name is not to be found"
        done <<<"$list"
        python=$(find_python) || die "no Python from 3.9 on"
    fi
}

make_venv() {
    local stamp=$venv/.requirements wanted
    wanted=$("$python" -V; cksum <"$requirements")
    if [ -x $venv/bin/python ] && [ "$(cat $stamp 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    say "making $venv with $("$python" -V)"
    "$python" -m venv --clear $venv || die "could not make $venv; Debian has venv in the package python3-venv"
    $venv/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: -r $requirements ||
        die "pip could not install $requirements"
    printf '%s\n' "$wanted" >$stamp
}

mkdir -p target
if command -v flock >/dev/null; then
    exec 9>target/.setup.lock
    flock 9
fi
check_rust
check_packages
make_venv
say "ready"
