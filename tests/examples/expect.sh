# What the tests of the programs share; to be sourced with PROGRAMS DATA as arguments. They run in an empty
# directory that is removed at the end.
set -eu
programs=$1 data=$2
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"

fail() {
    echo "FAILED: $*"
    [ ! -s errors ] || sed 's/^/  errors: /' errors
    exit 1
}

# expect STATUS PROGRAM ARGUMENT...: runs flowbd3-PROGRAM, its output in the files output and errors.
expect() {
    expected=$1 program=$2
    shift 2
    status=0
    "$programs/flowbd3-$program" "$@" >output 2>errors || status=$?
    [ "$status" -eq "$expected" ] || fail "flowbd3-$program $*: status $status, expected $expected"
}

# refuse STATUS TEXT PROGRAM ARGUMENT...: fails with one line, warnings apart, that begins with the name and holds
# the text.
refuse() {
    expected=$1 text=$2
    shift 2
    expect "$expected" "$@"
    [ "$(grep -vc "^flowbd3-$1: warning: " errors)" -eq 1 ] || fail "flowbd3-$*: expected one line"
    grep -q "^flowbd3-$1: " errors || fail "flowbd3-$*: expected its name first"
    grep -qF -e "$text" errors || fail "flowbd3-$*: expected '$text'"
}

same() {
    cmp "$1" "$2" || fail "$1 and $2 differ"
}

there() {
    for file; do
        [ -s "$file" ] || fail "expected the file $file"
    done
}

lines() { # FILE COUNT
    [ "$(wc -l <"$1")" -eq "$2" ] || fail "$1 has $(wc -l <"$1") lines, expected $2"
}

tiny='--d-model 16 --n-heads 2 --n-layers 1 --learning-rate 3e-3 --ema-decay 0.9'
