#!/bin/sh
# cmake.sh MESON BUILD SOURCE PREFIX
# examples/cmake builds and runs against an installation.
set -eu
meson=$1 build=$2 source=$3 prefix=$4
if ! command -v cmake >/dev/null; then
    echo "skipped: no cmake"
    exit 77
fi
stage=$(mktemp -d "$build/cmake-XXXXXX")
trap 'rm -rf "$stage"' EXIT

"$meson" install -C "$build" --no-rebuild --skip-subprojects --quiet --destdir "$stage"
# The stage stands for the root of the file system.
description=$(find "$stage" -name flowbd3.pc)
sed -i "s|^prefix=.*|prefix=$stage$prefix|" "$description"
PKG_CONFIG_PATH=$(dirname "$description")${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export PKG_CONFIG_PATH
cmake -S "$source/examples/cmake" -B "$stage/cmake"
cmake --build "$stage/cmake"
cd "$stage"
cmake/embed
