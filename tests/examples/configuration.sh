#!/bin/sh
# Configuration files.
. "$(dirname "$0")/expect.sh"
train="train --data $data/flows.csv --output-dir out --no-plots"

cat >ours.json <<'END'
{"n_bins": 32, "strategy": "kmeans", "d_model": 16, "n_heads": 2, "n_layers": 1, "d_ff": 24, "dropout": 0,
 "epochs": 2, "batch_size": 50, "learning_rate": 0.003, "weight_decay": 0.02, "gradient_clip": 0.5,
 "train_split": 0.8, "seed": 7, "columns": ["duration", "service"], "delimiter": null}
END
expect 0 $train --config ours.json --epochs 3
lines out/history.csv 4
for line in '"n_bins": 32' '"strategy": "kmeans"' '"d_ff": 24' '"dropout": 0.0' '"epochs": 3' '"batch_size": 50' \
    '"learning_rate": 0.003' '"weight_decay": 0.02' '"gradient_clip": 0.5' '"train_split": 0.8' '"seed": 7' \
    '"ema_decay": 0.999' '"duration"'; do
    grep -qF "$line" out/config.json || fail "expected $line in config.json"
done
# What was in effect gives the same again.
expect 0 train --data "$data/flows.csv" --output-dir again --no-plots --config out/config.json
same out/config.json again/config.json
same out/best.safetensors again/best.safetensors

cat >sequences.json <<'END'
{"group_by": ["host"], "order_by": "time", "sequence_length": 4, "block_size": 5, "column_order": "random",
 "first_columns": [], "noise": "square-root", "clip_low": 0.1, "clip_high": 0.9, "clip_search": true,
 "resample": true, "condition_dropout": 0.25, "d_model": 16, "n_heads": 2, "n_layers": 1, "epochs": 1}
END
expect 0 train --data "$data/sequences.csv" --output-dir by_file --no-plots --config sequences.json
for line in '"order_by": "time"' '"sequence_length": 4' '"block_size": 5' '"column_order": "random"' \
    '"noise": "square-root"' '"clip_low": 0.1' '"clip_high": 0.9' '"clip_search": true' '"resample": true' \
    '"condition_dropout": 0.25'; do
    grep -qF "$line" by_file/config.json || fail "expected $line in config.json"
done
expect 0 train --data "$data/sequences.csv" --output-dir by_line --no-plots --d-model 16 --n-heads 2 --n-layers 1 \
    --epochs 1 --group-by host --order-by time --sequence-length 4 --block-size 5 --column-order random \
    --noise square-root --clip-low 0.1 --clip-high 0.9 --clip-search --resample --condition-dropout 0.25
same by_file/config.json by_line/config.json
same by_file/best.safetensors by_line/best.safetensors
# The command line comes first, also with nothing.
expect 0 train --data "$data/sequences.csv" --output-dir by_both --no-plots --config sequences.json --group-by '' \
    --block-size flow
grep -qF '"group_by": []' by_both/config.json || fail "expected no groups"
grep -qF '"block_size": "flow"' by_both/config.json || fail "expected blocks of a flow"

echo '{"tokenizer_strategy": "uniform"}' >other_name.json
expect 0 $train --config other_name.json --d-model 16 --n-heads 2 --n-layers 1 --epochs 1
grep -qF '"strategy": "uniform"' out/config.json || fail "expected tokenizer_strategy to be the strategy"

bad() { # TEXT JSON
    printf '%s' "$2" >bad.json
    refuse 1 "$1" $train --config bad.json
}
bad "unknown key 'n_layer'; there are" '{"n_layer": 1}'
grep -q 'n_layers, d_ff' errors || fail "expected the keys"
bad "epochs: expected a whole number from 1 to 999999" '{"epochs": "ten"}'
bad "epochs: expected a whole number" '{"epochs": 1.5}'
bad "epochs: expected a whole number" '{"epochs": 0}'
bad "learning_rate: expected a number" '{"learning_rate": true}'
bad "strategy: expected one of auto, uniform, quantile, kmeans" '{"strategy": "wide"}'
bad "no_header: expected true or false" '{"no_header": 1}'
bad "block_size: expected a whole number from 1 to 1048576, flow or sequence" '{"block_size": "row"}'
bad "block_size: expected a whole number" '{"block_size": 0}'
bad "epochs: expected a whole number" '{"epochs": "flow"}'
bad "noise: expected one of count, linear, cosine, square, square-root, logarithmic" '{"noise": "level"}'
bad "group_by: expected an array of strings" '{"group_by": "host"}'
bad "clip_high: expected a number from 0 to 1" '{"clip_high": 2}'
bad "drop: expected an array of strings" '{"drop": ["a", 1]}'
bad "delimiter: expected a string" '{"delimiter": 1}'
bad "line 1" '{"epochs": 1, "epochs": 2}'
bad "line 1" '{"epochs": 1'
bad "expected a JSON object" '[]'
refuse 1 "cannot open 'nowhere.json'" $train --config nowhere.json

# The last epoch is kept where it is as good as the best: here no step changes anything.
expect 0 $train --d-model 16 --n-heads 2 --n-layers 1 --epochs 3 --learning-rate 1e-12 --ema-decay 0
grep -q '^best epoch 1 of 3: ' errors || fail "expected the first epoch to be the best"
grep -q '^kept is the last epoch, ' errors || fail "expected the last epoch to be kept"
