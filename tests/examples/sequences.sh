#!/bin/sh
# Sequences of flows: train, take up again, generate, score.
. "$(dirname "$0")/expect.sh"
flows=$data/sequences.csv
sequences='--group-by host --order-by time --sequence-length 8 --block-size flow'

expect 0 train --data "$flows" --output-dir out $tiny $sequences --epochs 12 --no-plots
grep -q '^sequences of up to 8 flows by host, in order of time$' errors || fail "expected a line about sequences"
for line in '"host"' '"order_by": "time"' '"sequence_length": 8' '"block_size": "flow"' '"noise": "count"'; do
    grep -qF "$line" out/config.json || fail "expected $line in config.json"
done
[ "$(head -1 out/history.csv | cut -d, -f8-)" = clip_low,clip_high,loss_variance,unclipped_variance ] ||
    fail "expected the clip"

# Rows of a sequence have one host, and their times ascend.
in_sequences_of() { # FLOWS FILE
    awk -F, -v n="$1" 'NR > 1 {
        if ((NR - 2) % n > 0 && ($1 != host || $2 + 0 < time)) { print "line " NR ": " $0; bad = 1 }
        host = $1; time = $2 + 0
    } END { exit bad }' "$2" || fail "expected sequences of $1 flows in $2"
}
expect 0 generate --model out/best.safetensors --output rows.csv --n-samples 200 --sequence-flows 5 --seed 3
grep -q 'rows/s, [0-9.]* network evaluations per row' errors || fail "expected the evaluations"
lines rows.csv 201
[ "$(head -1 rows.csv)" = time,host,proto,port,bytes,label ] || fail "expected the columns of the file"
awk -F, '{print $2 "," $1}' rows.csv >by_host.csv
in_sequences_of 5 by_host.csv
tail -n +2 rows.csv | cut -d, -f2 | sort -u >hosts
[ "$(wc -l <hosts)" -gt 3 ] || fail "expected several hosts"
! grep -v '^h[0-9]*$' hosts || fail "expected the hosts of the training table"
expect 0 generate --model out/best.safetensors --output again.csv --n-samples 200 --sequence-flows 5 --seed 3 \
    --threads 1 --batch-size 1
same rows.csv again.csv
# Every order draws rows, by confidence others than at random, which is the default.
for order in random ancestral confidence margin entropy threshold remask-cap remask-rescale remask-confidence remask-loop; do
    expect 0 generate --model out/best.safetensors --output $order.csv --n-samples 20 --sequence-flows 5 --seed 3 \
        --order $order
    lines $order.csv 21
done
! cmp -s random.csv confidence.csv || fail "expected other rows"
head -21 rows.csv | cmp -s - random.csv || fail "expected random to be the default"
expect 0 generate --model out/best.safetensors --output loop.csv --n-samples 20 --order remask-loop --remask 0.1 \
    --loop-from 0.6 --loop-to 0.2 --steps 20
refuse 1 "threshold is set, but order random does not use it" generate --model out/best.safetensors \
    --output no.csv --threshold 0.5
refuse 1 "loop_to is 0.7, expected between 0 and loop_from" generate --model out/best.safetensors --output no.csv \
    --order remask-loop --loop-to 0.7
[ ! -e no.csv ] || fail "a failure left rows"

# A score for every row, in the order of the file; what comes first in it does not matter.
expect 0 score --model out/best.safetensors --data "$flows" --output scored.csv
grep -q '^396 rows in .* rows/s, mean nll [0-9.]* nats$' errors || fail "expected the mean"
[ "$(head -1 scored.csv)" = time,host,proto,port,bytes,label,nll,nll_se ] || fail "expected nll and nll_se"
cut -d, -f1-6 scored.csv | cmp -s - "$flows" || fail "expected the rows of the file"
! tail -n +2 scored.csv | grep -vE ',[0-9]+\.[0-9]{6},[0-9]+\.[0-9]{6}$' || fail "expected a score for every row"
exact="--method exact --order label,proto"
expect 0 score --model out/best.safetensors --data "$flows" --output exact.csv $exact
[ "$(head -1 exact.csv)" = time,host,proto,port,bytes,label,nll ] || fail "expected no error without draws"
expect 0 score --model out/best.safetensors --data "$flows" --output one.csv $exact --threads 1
same exact.csv one.csv
{ head -1 "$flows" && tail -n +2 "$flows" | sort -r; } >reversed.csv
expect 0 score --model out/best.safetensors --data reversed.csv --output other.csv $exact
cut -d, -f1-6 other.csv | cmp -s - reversed.csv || fail "expected the rows of the reversed file"
sort exact.csv >sorted1
sort other.csv >sorted2
same sorted1 sorted2
# All rows of a sequence have its sum.
expect 0 score --model out/best.safetensors --data "$flows" --output sums.csv $exact --per-sequence
[ "$(tail -n +2 sums.csv | cut -d, -f2,7 | sort | uniq -c | sort -rn | awk 'NR == 1 {print $1}')" -eq 8 ] ||
    fail "expected sequences of 8 flows"
# A single random order has no standard error.
expect 0 score --model out/best.safetensors --data "$flows" --output random_order.csv --method exact
sed -n 2p random_order.csv | grep -q ',[0-9.]*,$' || fail "expected an empty nll_se"
# Known and unknown columns; a label that was not there; a column of its own that the model has not.
expect 0 score --model out/best.safetensors --data "$flows" --output label.csv --given proto,port --scored label
sed 's/,scan$/,worm/; 1s/$/,id/; 2,$s/$/,007/' "$flows" >worms.csv
expect 0 score --model out/best.safetensors --data worms.csv --output worms_scored.csv $exact --unseen 100
awk -F, 'NR > 1 && ($6 == "worm") != ($8 >= 100) {exit 1}' worms_scored.csv || fail "expected worms to cost 100 nats"
cut -d, -f1-7 worms_scored.csv | cmp -s - worms.csv || fail "expected the column id as it was"
expect 0 score --model out/best.safetensors --data worms.csv --output few.csv $exact --columns label
[ "$(head -1 few.csv)" = time,host,proto,port,bytes,label,nll ] || fail "expected the model's columns"

# Blocks of a few tokens in a random order of columns, noise levels, a clip: taken up again, the same bits.
blocks="$tiny $sequences --block-size 3 --column-order random --noise linear --clip-search --resample --seed 3 \
    --condition-dropout 0.2"
expect 0 train --data "$flows" --output-dir whole $blocks --epochs 12 --no-plots
grep -q '^blocks of 3 tokens, 5 in a flow; columns in random order$' errors || fail "expected a line about blocks"
expect 0 train --data "$flows" --output-dir broken $blocks --epochs 12 --no-plots --max-minutes 0.0001
[ "$(wc -l <broken/history.csv)" -lt 13 ] || fail "expected less than all epochs"
expect 0 train --data "$flows" --output-dir broken --resume --max-minutes 0 --no-plots
same whole/best.safetensors broken/best.safetensors
refuse 1 "there is no condition to guide by" generate --model whole/best.safetensors --output blocks.csv --guidance 2
expect 0 generate --model whole/best.safetensors --output blocks.csv --n-samples 50
lines blocks.csv 51
expect 0 score --model whole/best.safetensors --data "$flows" --output blocks_scored.csv
cut -d, -f1-6 blocks_scored.csv | cmp -s - "$flows" || fail "expected the rows of the file"

# One block of a whole sequence; a table of its own that validates, taken up again too. A category of it that no
# row trains on is known.
sed 's/,scan$/,worm/' "$flows" >validation.csv
expect 0 train --data "$flows" --validation validation.csv --output-dir full $tiny --group-by host --epochs 2 \
    --sequence-length 3 --block-size sequence --first-columns label --columns bytes,label --no-plots
grep -q '^396 rows and 396 that validate, 3 columns' errors || fail "expected host, bytes and label"
grep -q '^blocks of 6 tokens, 2 in a flow; columns in fixed order$' errors || fail "expected a line about blocks"
for line in '"block_size": "sequence"' '"validation": "validation.csv"' '"train_split": 1.0' '"label"'; do
    grep -qF "$line" full/config.json || fail "expected $line in config.json"
done
cp full/best.safetensors best.safetensors
expect 0 train --data "$flows" --output-dir full --resume --no-plots
same best.safetensors full/best.safetensors
expect 0 score --model full/best.safetensors --data validation.csv --output worms.csv

# Figures of sequences, of columns that need not be asked for.
expect 0 evaluate --real "$flows" --generated "$flows" --train "$flows" --group-by host --order-by time --columns bytes,label
for figure in interarrival_ks group_size_ks group_duration_ks burst_size_ks autocorrelation_diff transition_tvd_max; do
    grep -q "^$figure  *0  *0 " output || fail "expected no difference in $figure"
done
expect 0 evaluate --real "$flows" --generated rows.csv --group-by host --order-by time --metrics sequences
grep -q '^interarrival_ks  *0\.' output || fail "expected a difference of gaps"
refuse 1 "--group-by: '$flows' has no column 'x'" evaluate --real "$flows" --generated rows.csv --group-by x
refuse 1 "order_by: column 'proto' is categorical" evaluate --real "$flows" --generated rows.csv --order-by proto
