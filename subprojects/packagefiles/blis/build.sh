#!/bin/sh
# build.sh DIRECTORY COMPILER OBJECT: builds the configured BLIS and joins it to one object file.
set -eu
directory=$1 compiler=$2 object=$3
make -C "$directory" -j "$(getconf _NPROCESSORS_ONLN)"
# shellcheck disable=SC2086 # the compiler may come with arguments
$compiler -nostdlib -r -o "$object" -Wl,--whole-archive "$directory"/lib/*/libblis.a
