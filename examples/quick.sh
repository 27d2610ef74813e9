#!/bin/sh
# Installs what is missing, builds into build/ and runs the quick example with the arguments given.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/.ci/install"
install_missing build examples
build=$root/build
[ -f "$build/build.ninja" ] || meson setup "$build" "$root" -Dexamples=enabled -Dtests=disabled >&2
meson compile -C "$build" >&2
exec "$build/examples/flowbd3-quick" "$@"
