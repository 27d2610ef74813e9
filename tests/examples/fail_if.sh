#!/bin/sh
# --fail-if: conditions on figures decide the exit status.
. "$(dirname "$0")/expect.sh"

flows="$data/flows.csv"
judge() { # STATUS EXPRESSION...: with tables that differ
    status=$1
    shift
    for expression; do
        set -- "$@" --fail-if "$expression"
        shift
    done
    expect "$status" evaluate --real "$flows" --generated doubled.csv --train "$flows" "$@"
}
{ head -1 "$flows"; tail -n +2 "$flows" | awk -F, -v OFS=, '{$2 = 2 * $2; print}'; } >doubled.csv

judge 0 'ks_mean>0.9'
[ ! -s errors ] || ! grep -q fail-if errors || fail "expected no word of the condition"
judge 3 'ks_mean>0.01'
grep -q '^flowbd3-evaluate: --fail-if: ks_mean is 0\.[0-9]*, which is above 0.01$' errors || fail "expected the figure"
grep -q '^ks_mean ' output || fail "expected the table all the same"
judge 3 'ks_mean<0.9'
judge 0 'ks_mean<0.0001'
# Signs with =, at the very figure.
judge 3 'rows_real>=400'
grep -q 'rows_real is 400, which is equal to 400' errors || fail "expected equal"
judge 3 'rows_real<=400'
judge 0 'rows_real>400'
judge 0 'rows_real<400'
judge 3 ' rows_real  >  3.99e2 '
# Several, by commas and repeated: each that holds has its line.
judge 3 'ks_mean>0.9,ks_max>0.01'
judge 3 'ks_mean>0.9' 'ks_max>0.01'
judge 3 'ks_mean>0.01,ks_max>0.01' 'tvd_mean>=0'
[ "$(grep -c 'fail-if' errors)" -eq 3 ] || fail "expected three lines"
# Flat names.
judge 3 'columns.packets.ks>0.01,floor.ks_mean<1'
judge 0 'columns.packets.floor_ks>0.5,summary.tvd_max>0'
# Names may hold commas, signs and dots.
printf '"a,b>1.5",c\n1,x\n2,y\n3,x\n' >names.csv
expect 3 evaluate --real names.csv --generated names.csv --fail-if 'columns.a,b>1.5.ks<=0,ks_mean>1'
expect 0 evaluate --real names.csv --generated names.csv --fail-if 'ks_mean>1,columns.a,b>1.5.ks>0'
# Rules.
expect 3 evaluate --real "$flows" --generated doubled.csv --rules default --fail-if 'rules.packets >= 1.applies>=1' \
    --json figures.json --report report
there figures.json report/report.html report/report.json
expect 0 evaluate --real "$flows" --generated doubled.csv --rules default \
    --fail-if 'rules.packets >= 1.real_share>0,rule_violations>0.5'

# Wrong usage is said before anything is read or computed.
for wrong in ks_mean 'ks_mean>' '>1' 'ks_mean=1' 'ks_mean>1,' 'ks_mean>1x' 'ks_mean>nan' '' ,; do
    refuse 2 "is not NAME<NUMBER" evaluate --real nowhere.csv --generated nowhere.csv --fail-if "$wrong"
done
unknown() {
    refuse 2 "--fail-if: there is no figure '$1'" evaluate --real "$flows" --generated doubled.csv --fail-if "$1>1" \
        --json never.json
    [ ! -e never.json ] || fail "expected nothing to be written"
}
unknown nonsense
unknown summary.nonsense
unknown columns.nowhere.ks
unknown columns.packets.nonsense
unknown columns.packets.tvd
unknown floor.ks_mean
unknown 'rules.packets >= 1.share'
unknown columns.packets.type
unknown columns
unknown .ks_mean
unknown ks_mean.
# A figure that does not apply is no pass.
printf 'c\nx\ny\n' >words.csv
refuse 1 "--fail-if: 'ks_mean' does not apply to these tables" evaluate --real words.csv --generated words.csv \
    --fail-if 'ks_mean>0.1'
refuse 1 "--fail-if: 'rule_violations' does not apply" evaluate --real "$flows" --generated doubled.csv \
    --fail-if 'rule_violations>0.1'
