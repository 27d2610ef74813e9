#!/bin/sh
# Input that cannot be used: one line that names the file, and status 1.
. "$(dirname "$0")/expect.sh"

train() {
    refuse 1 "$1" train --data "$2" --output-dir out $tiny --epochs 1
}
train "cannot open 'nowhere.csv': No such file" nowhere.csv
printf 'a,b\n1,2\n3,4\n5\n' >ragged.csv
train "'ragged.csv': line 4 has 1 cells, expected 2" ragged.csv
: >empty.csv
train "'empty.csv'" empty.csv
printf 'a,b\n1,\n2,\n' >missing.csv
train "'missing.csv': every cell of column 'b' is missing" missing.csv
printf 'a,b\n1,2\n' >one.csv
train "single sequence" one.csv
printf 'a,b\n1,x\n2,3\n' >text.csv
refuse 1 "'text.csv': line 2, column 'b'" train --data text.csv --output-dir out --type b=integer
refuse 1 "'text.csv': there is no column 'c'" train --data text.csv --output-dir out --type c=integer
refuse 1 "'c'" train --data text.csv --output-dir out --columns a,c
refuse 1 "'text.csv' has no column 'c'" train --data text.csv --output-dir out --drop c
refuse 1 "'out/latest.safetensors'" train --data text.csv --output-dir out --resume
: >file
refuse 1 "'file/out'" train --data "$data/flows.csv" --output-dir file/out

# The same of streams, and what they are not for.
stream() {
    refuse 1 "$1" train --data "$2" --output-dir out $tiny --epochs 1 --stream
}
stream "cannot open 'nowhere.csv': No such file" nowhere.csv
stream "'ragged.csv': line 4 has 1 cells, expected 2" ragged.csv
stream "'empty.csv'" empty.csv
stream "'b'" missing.csv
stream "single sequence" one.csv
refuse 1 "'text.csv': line 2, column 'b'" train --data text.csv --output-dir out --type b=integer --stream
refuse 1 "'c'" train --data text.csv --output-dir out --columns a,c --stream
refuse 1 "'text.csv' has no column 'c'" train --data text.csv --output-dir out --drop c --stream
refuse 2 "--stream: --group-by needs all rows at once" train --data text.csv --output-dir out --group-by a --stream
refuse 2 "--stream: --order-by needs all rows at once" train --data text.csv --output-dir out --order-by a --stream
refuse 2 "--stream and --no-stream" train --data text.csv --output-dir out --no-stream --stream

# Columns that make sequences, and their sizes.
flows=$data/sequences.csv
sequences() { # TEXT OPTION...
    text=$1
    shift
    refuse 1 "$text" train --data "$flows" --output-dir out $tiny --epochs 1 "$@"
}
sequences "--group-by: '$flows' has no column 'source'" --group-by host,source
sequences "--order-by: '$flows' has no column 'start'" --order-by start
sequences "--first-columns: '$flows' has no column 'x'" --first-columns x
sequences "order_by: column 'label' is categorical, expected real, integer or timestamp" --order-by label
sequences "column 'host' groups the rows already" --group-by host --order-by host
sequences "--drop: column 'time' is needed" --order-by time --drop time
sequences "the training table is a single sequence" --order-by time --sequence-length 400
sequences "block_size is 7 tokens, expected at most the 6 of a sequence of 1 flows" --block-size 7
sequences "clip_low is 0.8 and clip_high 0.5" --clip-low 0.8 --clip-high 0.5
sequences "resample needs noise levels, but noise is a count" --resample
sequences "the model's block is a whole sequence" --block-size flow --condition-dropout 0.1
sequences "cannot open 'nowhere.csv'" --validation nowhere.csv
sequences "'$data/flows.csv': there is no column 'time'" --validation "$data/flows.csv"
sed '3s/^[^,]*,/,/' "$flows" >untimed.csv
refuse 1 "'untimed.csv': column 'time', row 2" train --data untimed.csv --output-dir out --group-by host --order-by time
cp "$flows" timed.csv
refuse 1 "'timed.csv' and, behind it, 'untimed.csv': column 'time', row $(($(wc -l <timed.csv) + 1)) is missing" train \
    --data timed.csv --validation untimed.csv --output-dir out --group-by host --order-by time
refuse 1 "cannot read '.': Is a directory" train --config . --data "$flows" --output-dir out

refuse 1 "'nowhere.safetensors'" generate --model nowhere.safetensors --output rows.csv
printf 'not a model, and longer than a header' >model.safetensors
refuse 1 "'model.safetensors' is not a flowbd3 model file" generate --model model.safetensors --output rows.csv
[ ! -e rows.csv ] || fail "a failure left rows"

refuse 1 "cannot open 'nowhere.csv'" evaluate --real nowhere.csv --generated text.csv
printf 'a\n1\n' >narrow.csv
refuse 1 "'narrow.csv': there is no column 'b', expected one of that name" evaluate --real one.csv --generated narrow.csv
printf 'a,b\n1,2\nx,3\n' >other.csv
refuse 1 "'other.csv': line 3, column 'a'" evaluate --real one.csv --generated other.csv
expect 0 evaluate --real "$data/flows.csv" --generated "$data/flows.csv" --json report.json
refuse 1 "cannot write 'nowhere/report.json'" evaluate --real one.csv --generated one.csv --json nowhere/report.json
[ ! -s output ] || fail "expected nothing to be computed for a file that cannot be written"
refuse 1 "cannot make the directory 'report.json/deep'" evaluate --real one.csv --generated one.csv --report report.json/deep
[ ! -s output ] || fail "expected nothing to be computed for a page that cannot be written"
refuse 1 "cannot open 'nowhere.json'" evaluate --real one.csv --generated one.csv --rules nowhere.json
printf '{"format":"flowbd3-rules","version":1,"rules":[{"name":"n","then":{"x":null}}]}' >rules.json
refuse 1 "the real table: rule 'n': there is no column 'x'" evaluate --real one.csv --generated one.csv --rules rules.json
sed 's/then/thn/' rules.json >slip.json
refuse 1 "'slip.json': rules: rule 'n': there is no member 'thn'" evaluate --real one.csv --generated one.csv --rules slip.json

score() { # TEXT FILE OPTION...
    text=$1 file=$2
    shift 2
    refuse 1 "$text" score --model trained/best.safetensors --data "$file" --output scores.csv "$@"
    [ ! -e scores.csv ] || fail "a failure left scores"
}
expect 0 train --data "$flows" --output-dir trained $tiny --group-by host --order-by time --epochs 1 --no-plots
refuse 1 "'model.safetensors' is not a flowbd3 model file" score --model model.safetensors --data "$flows" --output x
score "cannot open 'nowhere.csv'" nowhere.csv
score "'$data/flows.csv': there is no column 'time'" "$data/flows.csv"
cut -d, -f1,3- "$flows" >hostless.csv
score "'hostless.csv': there is no column 'host'" hostless.csv
score "'untimed.csv': column 'time', row 2 is missing" untimed.csv
refuse 1 "'untimed.csv': column 'time', row 2 is missing" evaluate --real "$flows" --generated untimed.csv \
    --model trained/best.safetensors
sed '4s/,[0-9]*,/,1.5,/' "$flows" >fractions.csv
score "'fractions.csv': line 4, column 'port'" fractions.csv
score "--type: the model has another type for column 'host'" "$flows" --type host=integer
score "given: 'x' is no column of the model" "$flows" --given x
score "column 'port' is both given and scored" "$flows" --given port --scored port
score "draws is 3, expected an even number" "$flows" --draws 3
score "--drop: column 'bytes' is needed" "$flows" --drop bytes
sed '1s/$/,nll/; 2,$s/$/,1/' "$flows" >scored.csv
score "'scored.csv' has a column 'nll' already" scored.csv
expect 0 score --model trained/best.safetensors --data scored.csv --output again.csv --drop nll
sed '1s/$/,nll_se/; 2,$s/$/,1/' "$flows" >scored.csv
score "'scored.csv' has a column 'nll_se' already" scored.csv
refuse 1 "cannot create 'nowhere/scores.csv'" score --model trained/best.safetensors --data "$flows" \
    --output nowhere/scores.csv
