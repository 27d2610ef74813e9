#!/bin/sh
# symbols.sh SHARED STATIC HEADER...
# The shared library exports the functions of the headers, all of them and nothing else; the objects of the
# static library, a bundled BLIS apart, define no global name but flowbd3_* and fb3_*.
set -eu
command -v nm >/dev/null || { echo 'nm is not here'; exit 77; }
shared=$1 static=$2
shift 2
directory=$(mktemp -d)
trap 'rm -r "$directory"' EXIT

sh "$(dirname "$0")/declared.sh" "$@" >"$directory/declared"
nm -D --defined-only --format=posix "$shared" | awk '$2 != "A" {sub("@.*", "", $1); print $1}' |
    sort >"$directory/exported"
diff "$directory/declared" "$directory/exported" >"$directory/report" ||
    echo 'declared (<) and exported (>) differ' >>"$directory/report"
nm -A -g --defined-only --format=posix "$static" |
    awk '!/\[blis\.o\]: / && $2 !~ /^(flowbd3|fb3)_/ {print "foreign: " $2 " in " $1}' >>"$directory/report"
cat "$directory/report"
[ ! -s "$directory/report" ]
