#!/bin/sh
# A file read as a stream trains the very model of the file in memory, and goes on from its checkpoint.
. "$(dirname "$0")/expect.sh"
flows=$data/flows.csv
settings="$tiny --epochs 3 --seed 3 --no-plots"

trains_the_same() { # OPTION...
    rm -rf memory stream
    expect 0 train --data "$flows" --output-dir memory $settings --no-stream "$@"
    expect 0 train --data "$flows" --output-dir stream $settings --stream "$@"
    same memory/best.safetensors stream/best.safetensors
    same memory/relations.json stream/relations.json
}
trains_the_same
grep -q '^400 rows, 4 columns' errors || fail "expected the rows and columns"
trains_the_same --columns service,packets
trains_the_same --drop duration --type packets=real

# Rows that validate come after those that train, and have categories of their own.
head -300 "$flows" >train.csv
{ head -1 "$flows" && tail -99 "$flows" | sed 's/,[a-z]*$/,other/'; } >validation.csv
flows=train.csv
trains_the_same --validation validation.csv
grep -q '^299 rows and 99 that validate, 4 columns' errors || fail "expected the rows that validate"

# Taken up again, by the settings of the first run.
expect 0 train --data "$data/flows.csv" --output-dir whole $settings --stream
expect 0 train --data "$data/flows.csv" --output-dir clock $settings --stream --max-minutes 0.0001
grep -q '"stream": true' clock/config.json || fail "expected the stream in config.json"
expect 0 train --data "$data/flows.csv" --output-dir clock --resume --max-minutes 0
same whole/best.safetensors clock/best.safetensors

# Relations without a training.
expect 0 train --data "$data/flows.csv" --list-relations --stream
mv output streamed
expect 0 train --data "$data/flows.csv" --list-relations
same output streamed
