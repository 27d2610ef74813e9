#!/bin/sh
# The quick example, with few flows and one epoch.
. "$(dirname "$0")/expect.sh"

expect 0 quick --output-dir out --n-flows 100 --n-features 8 --epochs 1 --n_samples 60 --seed 2
there out/best.safetensors out/latest.safetensors out/config.json out/quick_results.json
lines out/train_flows.csv 81
lines out/test_flows.csv 21
lines out/generated_flows.csv 61
head -1 out/generated_flows.csv | grep -q port_ratio || fail "expected 8 features"
for key in protocol_valid_share rate_consistent_share ks_ratio evaluation '"summary"' '"floor"' '"config"' \
    '"train"'; do
    grep -q "$key" out/quick_results.json || fail "expected $key in quick_results.json"
done
grep -q '^ks_mean ' output || fail "expected a table"
grep -q '"protocol_valid_share": 1.0' out/quick_results.json || fail "expected valid protocols"
if ! grep -q 'no pictures' errors; then
    for name in feature_distributions correlation_matrices pca losses summary_statistics; do
        there out/$name.png
    done
    there out/feature_distributions.svg
    # Pictures of numbers are left out where there are too few.
    expect 0 evaluate --real "$data/flows.csv" --generated "$data/flows.csv" --columns service --plots categories
    there categories/feature_distributions.png
    [ "$(ls categories)" = feature_distributions.png ] || fail "expected one picture"
    grep -q 'too few numeric columns' errors || fail "expected a line about pictures"
fi
expect 0 quick --output-dir bare --n-flows 100 --n-features 8 --epochs 1 --n_samples 60 --seed 2 --threads 1 --no-plots
same out/generated_flows.csv bare/generated_flows.csv
[ -z "$(find bare -name '*.png' -o -name '*.svg')" ] || fail "expected no pictures"
expect 0 train --data out/train_flows.csv --output-dir again --config out/config.json --no-plots
same out/best.safetensors again/best.safetensors
