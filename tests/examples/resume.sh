#!/bin/sh
# A run that was broken off and taken up again ends with the same bytes.
. "$(dirname "$0")/expect.sh"

# A number of more digits than a configuration file holds is the same number when it is read back.
settings="$tiny --epochs 40 --patience 0 --seed 3 --no-plots --weight-decay 0.0123456789012345678"
expect 0 train --data "$data/flows.csv" --output-dir whole $settings

# stop SIGNAL DIR: after the first epoch.
stop() {
    status=0
    # shellcheck disable=SC2086 # settings are words
    "$programs/flowbd3-train" --data "$data/flows.csv" --output-dir "$2" $settings 2>errors &
    process=$!
    waited=0
    until [ -e "$2/latest.safetensors" ]; do
        waited=$((waited + 1))
        [ $waited -lt 1000 ] || fail "no checkpoint"
        sleep 0.01
    done
    kill -s "$1" $process
    wait $process || status=$?
    [ $status -eq 130 ] || fail "status $status after $1, expected 130"
    there "$2/latest.safetensors" "$2/best.safetensors" "$2/config.json" "$2/history.csv"
    expect 0 generate --model "$2/latest.safetensors" --output rows.csv --n-samples 5
}
for signal in INT TERM; do
    stop $signal $signal
    [ "$(wc -l <$signal/history.csv)" -lt 41 ] || fail "expected less than all epochs"
    expect 0 train --data "$data/flows.csv" --output-dir $signal --resume --no-plots --threads 1
    lines $signal/history.csv 41
    same whole/best.safetensors $signal/best.safetensors
done

# By the clock: stopped is no failure.
expect 0 train --data "$data/flows.csv" --output-dir clock $settings --max-minutes 0.0001
grep -q -e '--resume goes on' errors || fail "expected a word on --resume"
expect 0 train --data "$data/flows.csv" --output-dir clock --resume --max-minutes 0
same whole/best.safetensors clock/best.safetensors

# Another schedule is no continuation, and leaves everything as it was.
cp INT/config.json before.json
refuse 1 "was trained with epochs 40, here it is 41" train --data "$data/flows.csv" --output-dir INT --resume \
    --epochs 41
same before.json INT/config.json

# A generation that is broken off leaves nothing.
"$programs/flowbd3-generate" --model whole/best.safetensors --output many.csv --n-samples 1000000000 2>errors &
process=$!
sleep 0.3
kill -s INT $process
status=0
wait $process || status=$?
[ $status -eq 130 ] || fail "status $status, expected 130"
[ -z "$(find . -name '*many*')" ] || fail "a cancelled generation left a file"

# So does a scoring.
head -1 "$data/flows.csv" >many_flows.csv
for i in 1 2 3 4 5 6 7 8 9 10; do tail -n +2 "$data/flows.csv"; done >some.csv
for i in 1 2 3 4 5 6 7 8 9 10; do cat some.csv; done >>many_flows.csv
"$programs/flowbd3-score" --model whole/best.safetensors --data many_flows.csv --output many_scores.csv --draws 64 \
    2>errors &
process=$!
sleep 0.5
kill -s INT $process
status=0
wait $process || status=$?
[ $status -eq 130 ] || fail "status $status, expected 130"
[ -z "$(find . -name 'many_scores*')" ] || fail "a cancelled scoring left a file"
