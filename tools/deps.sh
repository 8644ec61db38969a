#!/bin/sh
# Install what a step needs and is missing: `deps.sh build|test|lint|model`. On Debian with apt-get, as
# root or through sudo; elsewhere it prints the names and stops.
set -eu

case "${1:-}" in
build) packages="gcc libc6-dev make binutils pkg-config libsodium-dev liblmdb-dev libnanomsg-dev libjansson-dev" ;;
test)  packages="libcmocka-dev patch python3 python3-nacl" ;;
lint)  packages="clang-format git" ;;
model) packages="spin" ;;
*)     echo "usage: deps.sh build|test|lint|model" >&2; exit 2 ;;
esac

have() {
    case "$1" in
    gcc)             command -v cc >/dev/null || command -v gcc >/dev/null ;;
    libc6-dev)       [ -e /usr/include/stdio.h ] ;;
    make)            command -v make >/dev/null ;;
    binutils)        command -v ar >/dev/null ;;
    pkg-config)      command -v pkg-config >/dev/null ;;
    libsodium-dev)   pkg-config --exists libsodium 2>/dev/null ;;
    liblmdb-dev)     pkg-config --exists lmdb 2>/dev/null ;;
    libnanomsg-dev)  pkg-config --exists nanomsg 2>/dev/null ;;
    libjansson-dev)  pkg-config --exists jansson 2>/dev/null ;;
    libcmocka-dev)   pkg-config --exists cmocka 2>/dev/null ;;
    patch)           command -v patch >/dev/null ;;
    python3)         [ -x /usr/bin/python3 ] ;;
    python3-nacl)    /usr/bin/python3 -c 'import nacl' 2>/dev/null ;;
    clang-format)    command -v clang-format >/dev/null ;;
    git)             command -v git >/dev/null ;;
    spin)            command -v spin >/dev/null ;;
    esac
}

missing=
for package in $packages; do
    have "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "missing:$missing" >&2
    echo "These are Debian's package names; install their like with your system's own tools, then run make again." >&2
    exit 1
fi
as_root=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "missing:$missing" >&2
        echo "Become root or install sudo, then: apt-get install$missing" >&2
        exit 1
    fi
    as_root=sudo
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
