#!/bin/sh
# Times and addresses: train on them, with sequences too, generate, score, evaluate.
. "$(dirname "$0")/expect.sh"
flows=$data/servers.csv
time='[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}'
client='(10\.0\.0\.[0-9]+|2001:db8:1::[0-9a-f]+)' server='(192\.0\.2\.[0-9]+|2001:db8::[0-9]+)'

well_formed() { # FILE
    ! tail -n +2 "$1" | grep -vE "^$time,$client,$server,[0-9]+,[0-9]+\$" ||
        fail "expected times and addresses as in the file in $1"
}

expect 0 train --data "$flows" --output-dir rows $tiny --epochs 2 --no-plots
expect 0 generate --model rows/best.safetensors --output rows.csv --n-samples 100
well_formed rows.csv
lines rows.csv 101

# The rows of a sequence have one client, and their times ascend.
expect 0 train --data "$flows" --output-dir out $tiny --epochs 4 --no-plots --group-by client --order-by start \
    --sequence-length 6
expect 0 generate --model out/best.safetensors --output sequences.csv --n-samples 120 --sequence-flows 6
well_formed sequences.csv
awk -F, 'NR > 1 {
    if ((NR - 2) % 6 > 0 && ($2 != client || $1 < start)) { print "line " NR ": " $0; bad = 1 }
    client = $2; start = $1
} END { exit bad }' sequences.csv || fail "expected sequences of 6 flows"
[ "$(tail -n +2 sequences.csv | cut -d, -f2 | sort -u | wc -l)" -gt 3 ] || fail "expected several clients"

# What is scored is written as it was read.
expect 0 score --model out/best.safetensors --data "$flows" --output scored.csv
cut -d, -f1-5 scored.csv | cmp -s - "$flows" || fail "expected the rows of the file"

# A server that is no address is a category like another one.
sed '2s/192\.0\.2\.[0-9]*\|2001:db8::[0-9]*/unknown/' sequences.csv >other.csv
expect 0 evaluate --real "$flows" --generated other.csv --train "$flows" --json report.json
for line in '"type": "timestamp"' '"type": "address"' '"type": "integer"'; do
    grep -qF "$line" report.json || fail "expected $line in report.json"
done
expect 0 evaluate --real "$flows" --generated sequences.csv --train "$flows" --json report.json
there report.json

# Types that are asked for.
expect 0 train --data "$flows" --output-dir typed $tiny --epochs 1 --no-plots --type start=timestamp \
    --type client=address --type server=categorical
refuse 1 "column 'port': '53' is not an IPv4 or IPv6 address" train --data "$flows" --output-dir no \
    --type port=address
refuse 1 "is not a date and time" train --data "$flows" --output-dir no --type port=timestamp
refuse 2 "COLUMN=timestamp or COLUMN=address" train --data "$flows" --output-dir no --type port=time
