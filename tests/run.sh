#!/bin/sh
# Installs what is missing, builds into build-tests/ with warnings as errors, and runs every test.
# Arguments go to `meson test`.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/.ci/install"
install_missing build examples tests
build=$root/build-tests
[ -f "$build/build.ninja" ] || meson setup "$build" "$root" -Dwerror=true -Dtests=enabled
meson compile -C "$build"
# Time limits are for what hangs: four times as long on a busy machine is none of a test's faults.
CK_TIMEOUT_MULTIPLIER=4 meson test -C "$build" --no-rebuild --print-errorlogs -t 4 "$@"
