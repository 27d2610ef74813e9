#!/bin/sh
# Train, generate, evaluate.
. "$(dirname "$0")/expect.sh"

expect 0 train --data "$data/flows.csv" --output_dir out/deeper $tiny --epochs 8 --seed 5 --batch_size=32
there out/deeper/best.safetensors out/deeper/latest.safetensors out/deeper/config.json out/deeper/history.csv
lines out/deeper/history.csv 9
[ ! -s output ] || fail "expected nothing on standard output"

expect 0 generate --model out/deeper/best.safetensors --output rows.csv --n_samples 250 --seed 9 --threads 1
lines rows.csv 251
[ "$(head -1 rows.csv)" = duration,packets,protocol,service ] || fail "expected the names of the columns"
! tail -n +2 rows.csv | grep -vE '^[0-9]+\.[0-9]{3},[0-9]+,(6|17|1),(http|dns|)$' || fail "unexpected rows"
expect 0 generate --model out/deeper/best.safetensors --output again.csv --n-samples 250 --seed 9 --batch-size 7
same rows.csv again.csv
expect 0 generate --model out/deeper/best.safetensors --output other.csv --n-samples 250 --seed 10
! cmp -s rows.csv other.csv || fail "another seed gave the same rows"
expect 0 generate --model out/deeper/latest.safetensors --output rows2.csv --n-samples 3 --top-p 0.9 \
    --temperature 0.8 --steps 2 --centres
lines rows2.csv 4
# A pipe stays a pipe.
mkfifo pipe
cat pipe >piped.csv &
expect 0 generate --model out/deeper/best.safetensors --output pipe --n-samples 250 --seed 9
wait
same rows.csv piped.csv
[ -p pipe ] || fail "expected the pipe to be left"
cat pipe >piped.json &
expect 0 evaluate --real "$data/flows.csv" --generated rows.csv --json pipe
wait
grep -q '"ks_mean"' piped.json || fail "expected the report in the pipe"

# Rows that a model has learned are likelier than generated ones of another temperature.
mean() { # FILE: the mean of column nll, the fifth
    awk -F, 'NR > 1 {sum += $5} END {printf "%.0f\n", 1000 * sum / (NR - 1)}' "$1"
}
expect 0 score --model out/deeper/best.safetensors --data "$data/flows.csv" --output real.csv --seed 4
expect 0 score --model out/deeper/best.safetensors --data "$data/flows.csv" --output real2.csv --seed 4 --threads 1
same real.csv real2.csv
expect 0 generate --model out/deeper/best.safetensors --output hot.csv --n-samples 400 --temperature 3
expect 0 score --model out/deeper/best.safetensors --data hot.csv --output hot_scored.csv
[ "$(mean hot_scored.csv)" -gt "$(mean real.csv)" ] || fail "expected hot rows to be less likely"
# A pipe in, a pipe out.
cat pipe >piped_scores.csv &
cat "$data/flows.csv" | expect 0 score --model out/deeper/best.safetensors --data /dev/stdin --output pipe --seed 4
wait
same real.csv piped_scores.csv

expect 0 evaluate --real "$data/flows.csv" --generated rows.csv --train "$data/flows.csv" --json report.json
grep -q '^figure  *value  *floor  *ratio$' output || fail "expected a table"
grep -q '^ks_mean ' output || fail "expected ks_mean"
grep -q '^service  *tvd ' output || fail "expected the column service"
grep -q '"ks_mean"' report.json || fail "expected ks_mean in the report"
[ "$(grep -c '"rows_generated": 250' report.json)" -eq 2 ] || fail "expected 250 rows in the second sample"
expect 0 evaluate --real "$data/flows.csv" --generated rows.csv --train "$data/flows.csv" --metrics marginals --report chosen
grep -qF '>250 of 400 rows<' chosen/report.html || fail "expected the rows of the floor and of its file"
! grep -qF '<section id="likelihood">' chosen/report.html || fail "expected no likelihood without a model"
grep -q '"classifier": "' report.json || fail "expected the classifier in the report"
expect 0 evaluate --real "$data/flows.csv" --generated rows.csv --train "$data/flows.csv" --target service \
    --max-classifier-rows 100 --json report.json
grep -q '^tstr  *[0-9.]*  *[0-9.]* ' output || fail "expected tstr beside its floor"
grep -q '"trtr": [01]' report.json || fail "expected trtr in the report"
for groups in classifier marginals; do
    refuse 1 "--target: '$data/flows.csv' has no column 'x'" evaluate --real "$data/flows.csv" --generated rows.csv \
        --target x --metrics $groups
done
refuse 1 "the target 'service' is no column of the real table" evaluate --real "$data/flows.csv" --generated rows.csv \
    --target service --drop service --metrics marginals
expect 0 evaluate --real "$data/flows.csv" --generated rows.csv --max-classifier-rows 1
grep -q '^c2st_auc' output && fail "expected no classifiers"
# Fewer rows for distances, chosen by the seed; all others are of all rows.
figure() { # NAME OPTION...: its value
    name=$1
    shift
    expect 0 evaluate --real "$data/flows.csv" --generated hot.csv "$@"
    awk -v name="$name" '$1 == name {print $2}' output
}
all=$(figure nearest_mean)
[ "$(figure nearest_mean --max-rows 0)" = "$all" ] || fail "expected all rows for 0"
[ "$(figure nearest_mean --max-rows 400)" = "$all" ] || fail "expected all rows where there are no more"
few=$(figure nearest_mean --max-rows 100)
[ "$few" != "$all" ] || fail "expected another distance to fewer rows"
[ "$(figure nearest_mean --max-rows 100 --seed 1)" != "$few" ] || fail "expected another seed to choose other rows"
[ "$(figure ks_mean --max-rows 100)" = "$(figure ks_mean)" ] || fail "expected ks_mean of all rows"
# The other authenticity is there on demand.
[ -z "$(figure authenticity_reference)" ] || fail "expected one authenticity"
figure authenticity_reference --reference-authenticity | grep -qE '^(0(\.[0-9]+)?|1)$' ||
    fail "expected authenticity_reference"
# What the model says of the rows.
expect 0 evaluate --real "$data/flows.csv" --generated hot.csv --train "$data/flows.csv" --json report.json \
    --model out/deeper/best.safetensors --columns service --report likely
for text in '<section id="likelihood">' '<code>nelbo_gap</code>' 'class="pit"' '>400 rows<'; do
    grep -qF "$text" likely/report.html || fail "expected $text in the page"
done
grep -q '^likelihood  *nelbo  *nelbo_se  *rows$' output || fail "expected likelihoods"
[ "$(awk '$1 == "real" {print $2}' output)" = "$(awk '$1 == "train" {print $2}' output)" ] ||
    fail "expected the same likelihood of the same rows"
awk '$1 == "real" {real = $2} $1 == "generated" {exit !($2 > real && $4 == 400)}' output ||
    fail "expected hot rows to be less likely"
# A rule computes the packets.
[ "$(sed -n '/^calibration /,$p' output | wc -l)" -eq 4 ] || fail "expected a line for each column that is predicted"
grep -q '"nelbo_gap": 0.0' report.json || fail "expected no gap"
[ "$(grep -c '"pit_l1": ' report.json)" -eq 3 ] || fail "expected the columns in the report"
grep -q '"ks_mean"' report.json || fail "expected the other figures too"
# Conditions on what it says.
condition() { # STATUS EXPRESSION
    expect $1 evaluate --real "$data/flows.csv" --generated hot.csv --train "$data/flows.csv" --metrics marginals \
        --model out/deeper/best.safetensors --fail-if "$2"
}
condition 0 'likelihood.nelbo_gap>0.5,likelihood.columns.service.pit_l1>2'
condition 3 'likelihood.nelbo_gap<0.5'
condition 3 'likelihood.columns.service.pit_l1>=0'
condition 1 'likelihood.nonsense>0'
condition 1 'likelihood.columns.nowhere.pit_l1>0'
refuse 2 "there is no figure 'likelihood.nelbo_gap'" evaluate --real "$data/flows.csv" --generated hot.csv \
    --fail-if 'likelihood.nelbo_gap>0.5'
cut -d, -f1-3 hot.csv >narrow.csv
refuse 1 "'narrow.csv': there is no column 'service'" evaluate --real "$data/flows.csv" --generated narrow.csv \
    --drop service --model out/deeper/best.safetensors
cat hot.csv | refuse 1 "--model: '/dev/stdin' is a pipe" evaluate --real "$data/flows.csv" --generated /dev/stdin \
    --model out/deeper/best.safetensors
cat hot.csv | expect 0 evaluate --real "$data/flows.csv" --generated /dev/stdin --metrics marginals
refuse 1 "'report.json' is not a flowbd3 model file" evaluate --real "$data/flows.csv" --generated hot.csv \
    --model report.json
# Rules that are known, and those of a file.
expect 0 evaluate --real "$data/flows.csv" --generated "$data/flows.csv" --rules default
grep -q '^ *400 *0 *0 *0 *packets >= 1$' output || fail "expected a rule that all rows obey"
cat >rules.json <<'END'
{"format":"flowbd3-rules","version":1,"rules":[{"name":"few","compare":{"left":"packets","at_most":10}}]}
END
expect 0 evaluate --real "$data/flows.csv" --generated "$data/flows.csv" --rules rules.json --json report.json
grep -q '"few": {' report.json || fail "expected the rule in the report"
grep -q '^rule_violations  *0\.' output || fail "expected a share of rows that violate a rule"
expect 0 evaluate --real "$data/flows.csv" --generated "$data/flows.csv" --rules rules.json --violations broken.csv
[ "$(head -1 broken.csv)" = duration,packets,protocol,service,rule ] || fail "expected the rule in a column more"
lines broken.csv 6
! tail -n +2 broken.csv | awk -F, '$2 <= 10 || $5 != "few"' | grep . || fail "expected rows that violate the rule"
refuse 2 "--violations needs --rules" evaluate --real "$data/flows.csv" --generated "$data/flows.csv" --violations x.csv
# Groups of figures.
expect 0 evaluate --real "$data/flows.csv" --generated "$data/flows.csv" --metrics joint,rules --rules rules.json \
    --json report.json
grep -q '^corr_max  *0 ' output || fail "expected correlations"
grep -q '^rule_violations ' output || fail "expected violations"
! grep -q '^ks_max' output || fail "expected no marginal figures"
grep -q '"ks_max": null' report.json || fail "expected no marginal figures in the report"
refuse 2 "--metrics: 'x' is not marginals" evaluate --real "$data/flows.csv" --generated rows.csv --metrics joint,x
refuse 2 "--plots: pictures need" evaluate --real "$data/flows.csv" --generated rows.csv --metrics joint --plots x
# Intervals.
expect 0 evaluate --real "$data/flows.csv" --generated rows.csv --bootstrap 20 --json report.json
grep -q '^figure  *2.5 %  *value  *97.5 %$' output || fail "expected intervals"
[ "$(grep -c '^ks_mean ' output)" -eq 2 ] || fail "expected ks_mean and its interval"
[ "$(grep -c '^dcr_mean ' output)" -eq 2 ] || fail "expected dcr_mean and its interval"
grep -q '"high": {' report.json || fail "expected intervals in the report"
# Two tables that are the same have no distance.
expect 0 evaluate --real "$data/flows.csv" --generated "$data/flows.csv"
grep -q '^ks_max  *0  *-  *-$' output || fail "expected no distance and no floor"

# Some columns, another delimiter, no header, types.
tr , ';' <"$data/flows.csv" | tail -n +2 >bare.csv
expect 0 train --data bare.csv --delimiter ';' --no-header --type c3=categorical --drop c1 --output-dir out2 \
    $tiny --epochs 1 --no-plots --train-split 1
[ ! -e out2/losses.png ] || fail "expected no picture"
expect 0 generate --model out2/best.safetensors --output rows3.csv --n-samples 4
expect 0 score --model out2/best.safetensors --data bare.csv --delimiter ';' --no-header --output bare_scored.csv
cut -d';' -f1-4 bare_scored.csv | cmp -s - bare.csv || fail "expected a file without header and with semicolons"
[ "$(head -1 rows3.csv)" = c2,c3,c4 ] || fail "expected c2,c3,c4"
expect 0 train --data "$data/flows.csv" --columns protocol,duration --output-dir out3 $tiny --epochs 1
expect 0 generate --model out3/best.safetensors --output rows4.csv --n-samples 4
[ "$(head -1 rows4.csv)" = protocol,duration ] || fail "expected protocol,duration"
refuse 1 "'rows4.csv': there is no column 'packets'" evaluate --real "$data/flows.csv" --generated rows4.csv
# The columns that a model has are compared with the same ones of the file it learned from.
expect 0 evaluate --real "$data/flows.csv" --generated rows4.csv --train "$data/flows.csv" --drop packets,service
grep -q '^duration  *ks ' output || fail "expected the column duration"
! grep -q packets output || fail "expected no column packets"
expect 0 evaluate --real "$data/flows.csv" --generated "$data/flows.csv" --columns service
refuse 1 "--columns: '$data/flows.csv' has no column 'x'" evaluate --real "$data/flows.csv" --generated rows4.csv \
    --columns x
refuse 1 "--drop" train --data "$data/flows.csv" --output-dir out5 --columns duration --drop duration

# What the library warns of is heard.
sed '1s/.*/1,2,protocol,service/' "$data/flows.csv" >numbered.csv
expect 0 train --data numbered.csv --output-dir out4 $tiny --epochs 1 --no-plots
grep -q '^flowbd3-train: warning: numbered.csv: 2 of the 4 column names are numbers' errors || fail "expected a warning"
