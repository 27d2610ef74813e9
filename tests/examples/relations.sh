#!/bin/sh
# Codecs, rare values, and the relations that a training finds, keeps, writes and is given.
. "$(dirname "$0")/expect.sh"
flows=$data/protocols.csv
tiny="$tiny --no-plots --epochs 1"

# Lists without a training.
expect 0 train --data "$flows" --list-relations
[ ! -s errors ] || fail "expected nothing on standard error"
tab=$(printf '\t')
for line in "Rate = TotPkts / Dur, 4 digits, otherwise 0${tab}400/400${tab}1" \
    "SrcBytes <= TotBytes${tab}399/400${tab}0.9975" "State in {CON, INT}: Proto in {udp}${tab}115/115${tab}1"; do
    grep -qxF "$line" output || fail "expected $line"
done
cp output listed
expect 0 train --data "$flows" --list_relations --validation "$flows"
grep -qF "SrcBytes <= TotBytes${tab}798/800${tab}0.9975" output || fail "expected the rows that validate too"
expect 0 train --data "$flows" --list-relations --no-relations
[ ! -s output ] || fail "expected no relations"
refuse 2 "--output-dir is missing" train --data "$flows" --list-relations --resume

# A training says what it keeps, writes all of it, and what it generates obeys.
expect 0 train --data "$flows" --output-dir out $tiny
grep -q '^relations: 9 certain, 1 uncertain$' errors || fail "expected the number of relations"
grep -q '^  Rate = TotPkts / Dur, 4 digits, otherwise 0$' errors || fail "expected the first relation"
grep -q '^  SrcBytes <= TotBytes (399/400 rows)$' errors || fail "expected the rows that obey"
grep -q '^  and 5 more$' errors || fail "expected the number of the others"
there out/relations.json
expect 0 generate --model out/best.safetensors --output rows.csv --n-samples 200
expect 0 evaluate --real "$flows" --generated rows.csv --rules out/relations.json
[ "$(grep -c '^ *[0-9]* *0 *0 ' output)" -ge 9 ] || fail "expected rows that obey the relations"
expect 0 train --data "$flows" --output-dir none $tiny --no-relations
! grep -q '^relations' errors || fail "expected no word on relations"
grep -q '"search":false' none/relations.json || fail "expected a file without relations"
expect 0 train --data "$flows" --output-dir none2 $tiny --rules none/relations.json
grep -q '^relations: 0 certain, 0 uncertain$' errors || fail "expected no search"

# The file is given back, as it is and edited.
expect 0 train --data "$flows" --list-relations --rules out/relations.json
same output listed
cat >rules.json <<'END'
{"format":"flowbd3-rules","version":1,
"rules":[{"name":"few","compare":{"left":"TotPkts","at_most":30}}],
"forbid":[{"columns":["State"]},{"name":"SrcBytes <= TotBytes"}]}
END
expect 0 train --data "$flows" --output-dir ruled $tiny --rules rules.json
grep -q '^relations: 1 stated, 6 certain, 0 uncertain$' errors || fail "expected a stated relation"
grep -q '^  TotPkts <= 30 (' errors || fail "expected the stated relation first"
expect 0 generate --model ruled/best.safetensors --output rows.csv --n-samples 200
awk -F, 'NR > 1 && $6 > 30 {exit 1}' rows.csv || fail "expected at most 30 packets"
# What is given stands where the relations go: it is left alone.
cp rules.json ruled/relations.json
expect 0 train --data "$flows" --output-dir ruled $tiny --rules ruled/relations.json
same rules.json ruled/relations.json

# Bad rules.
refuse 1 "cannot open 'nowhere.json'" train --data "$flows" --output-dir no $tiny --rules nowhere.json
sed 's/TotPkts/Packets/' rules.json >missing.json
refuse 1 "rule 'few': there is no column 'Packets'" train --data "$flows" --output-dir no $tiny --rules missing.json
refuse 1 "rule 'few': there is no column 'Packets'" train --data "$flows" --list-relations --rules missing.json
head -c 60 rules.json >broken.json
refuse 1 "'broken.json'" train --data "$flows" --output-dir no $tiny --rules broken.json
sed 's/at_most/atmost/' rules.json >slip.json
refuse 1 "'slip.json': rules: rule 'few'" train --data "$flows" --output-dir no $tiny --rules slip.json
sed 's/"TotPkts"/"Proto"/' rules.json >texts.json
refuse 1 "rule 'few': column 'Proto' is categorical" train --data "$flows" --output-dir no $tiny --rules texts.json

# Codecs.
expect 0 train --data "$flows" --output-dir codecs $tiny --codec Sport=digits --codec Dur=fine:16 --codec TotBytes=fine \
    --codec Dport=exact --codec SrcBytes=bins:8 --codec Proto=auto --rare_rows 0
for line in '"Sport=digits"' '"Dur=fine:16"' '"rare_rows": 0' '"rules": null' '"no_relations": false'; do
    grep -qF "$line" codecs/config.json || fail "expected $line in config.json"
done
expect 0 generate --model codecs/best.safetensors --output rows.csv --n-samples 100
awk -F, 'NR > 1 && ($2 == "icmp") != ($3 == "") {exit 1}' rows.csv || fail "expected ports where there are some"
expect 0 train --data "$flows" --output-dir again --no-plots --config codecs/config.json
same codecs/best.safetensors again/best.safetensors
expect 0 train --data "$flows" --output-dir codecs --no-plots --resume
same codecs/best.safetensors again/best.safetensors
refuse 1 "is of a model with" train --data "$flows" --output-dir codecs --no-plots --resume \
    --codec Dur=bins
expect 0 train --data "$flows" --output-dir byfile --no-plots --config ruled/config.json
grep -q '^relations: 1 stated' errors || fail "expected the rules of the configuration"
expect 0 train --data "$flows" --output-dir ruled --no-plots --resume
grep -q '^relations: 1 stated' errors || fail "expected the rules of the configuration"
printf '{"no_relations": true, "rare_rows": 3, "codec": ["Dur=fine"], "epochs": 1}' >ours.json
expect 0 train --data "$flows" --output-dir byfile $tiny --config ours.json
! grep -q '^relations' errors || fail "expected no relations"
grep -qF '"rare_rows": 3' byfile/config.json || fail "expected rare_rows in config.json"

train() { # STATUS TEXT OPTION...
    expected=$1 text=$2
    shift 2
    refuse "$expected" "$text" train --data "$flows" --output-dir no $tiny "$@"
}
for codec in Dur Dur= =bins Dur=wide Dur=fine: Dur=fine:1 Dur=fine:65001 Dur=fine:8x Dur=exact:8 Sport=digits:8; do
    train 2 "--codec: '$codec' is not COLUMN=auto, exact, bins, fine or digits" --codec "$codec"
done
train 2 "--rare-rows: '-1' is not" --rare-rows -1
train 1 "--codec: '$flows' has no column 'Nope'" --codec Nope=exact
train 1 "--codec: '$flows' has no column 'Dur'" --codec Dur=exact --drop Dur
train 1 "column 'Proto' is categorical, which the codec bins is not for" --codec Proto=bins
train 1 "column 'Dur' is real, expected integers for the codec digits" --codec Dur=digits
train 1 "column 'Sport' has the codec digits, which cannot keep rare values apart" --codec Sport=digits --rare-rows 2

# A value that came seldom is not generated.
sed '2,5s/,icmp,,,ECO,/,gre,,,ECO,/' "$flows" >rare.csv
grep -q ',gre,' rare.csv || fail "expected a rare value"
expect 0 train --data rare.csv --output-dir rare $tiny --rare-rows 10
expect 0 generate --model rare/best.safetensors --output rows.csv --n-samples 300
! grep -q ',gre,' rows.csv || fail "expected no rare value"
[ ! -e no/best.safetensors ] || fail "a failure left a model"
