#!/bin/sh
# install.sh MESON BUILD SOURCE PREFIX CC CXX
# Installs into a stage and builds programs against it with what pkg-config says and nothing else: in C and
# C++, with the shared library and with the static one.
set -eu
meson=$1 build=$2 source=$3 prefix=$4 cc=$5 cxx=$6
stage=$(mktemp -d "$build/stage-XXXXXX")
trap 'rm -rf "$stage"' EXIT

"$meson" install -C "$build" --no-rebuild --skip-subprojects --quiet --destdir "$stage"
description=$(find "$stage" -name flowbd3.pc)
if grep -F -e "$build" -e "$source" "$description"; then
    echo "a build path in flowbd3.pc"
    exit 1
fi
if grep xgboost "$description"; then
    echo "flowbd3.pc asks for a library that is looked up at run time"
    exit 1
fi
others=$(cd "$stage" && find . -type f -o -type l | grep -vE '/(include/flowbd3/[a-z0-9]+\.h|libflowbd3\.(a|so[.0-9]*)|flowbd3\.pc)$' |
    grep -vE '/(bin/flowbd3-[a-z]+|share/(doc|man)/.*)$') || true
if [ -n "$others" ]; then
    echo "installed and not ours: $others"
    exit 1
fi

# The stage stands for the root of the file system.
PKG_CONFIG_PATH=$(dirname "$description")${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export PKG_CONFIG_PATH
flags() {
    pkg-config --define-variable=prefix="$stage$prefix" "$@" flowbd3
}
library=$(flags --variable=libdir)

build_and_run() { # NAME LIBRARY_FLAGS
    for program in "$source"/tests/abi/link.c "$source"/tests/abi/link.cpp "$source"/examples/embed.*; do
        case $program in
        *.c) compiler=$cc ;;
        *.cpp) compiler=$cxx ;;
        *) continue ;;
        esac
        [ -n "$compiler" ] || continue
        echo "$1: $(basename "$program")"
        # shellcheck disable=SC2046,SC2086 # flags are words
        $compiler -o "$stage/program" "$program" $(flags --cflags) $2
        (cd "$stage" && LD_LIBRARY_PATH=$library${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} ./program)
    done
}

build_and_run shared "$(flags --libs)"
rm "$library"/libflowbd3.so*
build_and_run static "$(flags --static --libs)"
