#!/bin/sh
# hardening.sh C_LIBRARY FILE...
# The flags of meson.build are seen in a library or a program: what it links to is bound before it runs and read-only
# then, no stack can be executed, and stacks and copies are guarded. C_LIBRARY: glibc, or one without guarded copies.
set -eu
c_library=$1
shift
export LC_ALL=C

for file; do
    missing() {
        echo "$file: $1"
        exit 1
    }
    segments=$(readelf -lW "$file") dynamic=$(readelf -dW "$file") names=$(readelf --dyn-syms -W "$file")
    echo "$segments" | grep -q GNU_RELRO || missing 'no RELRO'
    echo "$dynamic" | grep -qE 'BIND_NOW|FLAGS_1.*NOW' || missing 'symbols are bound late'
    echo "$segments" | grep GNU_STACK | grep -q 'RW ' || missing 'a stack that can be executed'
    echo "$names" | grep -q __stack_chk_fail || missing 'no stack protector'
    [ "$c_library" != glibc ] || echo "$names" | grep -qE '__[a-z]+_chk@' || missing 'no guarded copies'
    echo "$file: hardened"
done
