#!/bin/sh
# abi.sh compare|write BASELINE INTERFACE
# compare: new functions are welcome; anything else that differs from the baseline fails, a member appended to an
# options struct too.
set -eu
what=$1 baseline=$2 interface=$3

describe() { # FILE: as XML, without a path of this machine
    abidw --no-corpus-path --no-comp-dir-path --no-show-locs --no-elf-needed --no-parameter-names \
        --type-id-style hash --out-file "$1.raw" "$interface"
    sed "s| path='[^']*'| path='interface.c'|" "$1.raw" >"$1"
    rm "$1.raw"
}

case $what in
write) describe "$baseline" ;;
compare)
    command -v abidiff >/dev/null || { echo 'abidiff is not here'; exit 77; }
    directory=$(mktemp -d)
    trap 'rm -r "$directory"' EXIT
    describe "$directory/now.abi"
    abidiff --no-added-syms "$baseline" "$directory/now.abi" || {
        echo 'docs/abi.md says what may change. If this may: meson compile -C BUILD abi-baseline'
        exit 1
    }
    ;;
esac
