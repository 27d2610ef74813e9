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
train "'b'" missing.csv
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

refuse 1 "'nowhere.safetensors'" generate --model nowhere.safetensors --output rows.csv
printf 'not a model, and longer than a header' >model.safetensors
refuse 1 "'model.safetensors' is not a flowbd3 model file" generate --model model.safetensors --output rows.csv
[ ! -e rows.csv ] || fail "a failure left rows"

refuse 1 "cannot open 'nowhere.csv'" evaluate --real nowhere.csv --generated text.csv
printf 'a,b\n1,2\nx,3\n' >other.csv
refuse 1 "'other.csv': line 3, column 'a'" evaluate --real one.csv --generated other.csv
expect 0 evaluate --real "$data/flows.csv" --generated "$data/flows.csv" --json report.json
refuse 1 "cannot write 'nowhere/report.json'" evaluate --real one.csv --generated one.csv --json nowhere/report.json
