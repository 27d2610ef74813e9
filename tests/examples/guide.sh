#!/bin/sh
# Runs every command of docs/guide.md, in their order, on a small table with the columns that it speaks of.
. "$(dirname "$0")/expect.sh"
guide=$data/../../docs/guide.md headers=$data/../../include/flowbd3
PATH=$programs:$PATH

head -321 "$data/argus.csv" >train.csv
{ head -1 "$data/argus.csv"; tail -100 "$data/argus.csv"; } >test.csv
cp train.csv month.csv
mkdir ctu_seq
cp train.csv test.csv ctu_seq

# A block is a run of indented lines; what its first line begins with says what it is.
awk '/^    / { if (!inside) n++; inside = 1; print substr($0, 5) >sprintf("block%03d", n); next }
    !/^$/ { inside = 0 }
    /^$/ { if (inside) print "" >sprintf("block%03d", n) }' "$guide"

run() { # BLOCK STATUS...: one of them
    block=$1 status=0
    shift
    sh -eu "$block" >output 2>errors || status=$?
    for expected; do
        [ "$status" -ne "$expected" ] || return 0
    done
    cat "$block"
    fail "status $status, expected $*"
}

sed '/^$/d' "$(grep -lx Proto,Dport,Label block*)" >partial.csv # it stands behind the command that reads it

commands=0 others=0
for block in block*; do
    case $(head -1 "$block") in
    'flowbd3-generate: '*) # what the command before says on stderr
        grep -q "$(sed -n '1s/ (State=S_).*//p' "$block")" errors || fail "expected $(cat "$block")"
        ;;
    flowbd3-*no.csv*) run "$block" 1 ;;
    flowbd3-*)
        if grep -q -e --fail-if "$block"; then run "$block" 0 3; else run "$block" 0; fi
        ;;
    'cp '* | 'awk -F, '\''NR == 1 ||'* | 'awk -F, '\''NR == 1 {'*) run "$block" 0 ;;
    Proto,Dport,Label) continue ;;
    flowbd3_context_create)
        for name in $(grep -oE 'flowbd3_[a-z0-9_]+' "$block"); do
            grep -qrE "$name" "$headers" || fail "$name is in no header"
        done
        continue
        ;;
    # Building is tests/abi/install.sh; results of other tables; Python of other packages.
    'meson setup '* | TotBytes* | Dur,Proto,* | 'import pandas'*) others=$((others + 1)) && continue ;;
    *) fail "$(head -1 "$block"): what is this block?" ;;
    esac
    commands=$((commands + 1))
done
[ "$commands" -ge 12 ] && [ "$others" -le 4 ] || fail "$commands blocks of commands and $others others"
there report/report.html mail.csv completed.csv scored.csv run/relations.json
lines completed.csv 4
grep -qE '^0\.[0-9]+$|^[01]$' output || fail "expected an area under a curve"
