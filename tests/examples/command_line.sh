#!/bin/sh
# Help, version and wrong usage of every program.
. "$(dirname "$0")/expect.sh"

for program in train generate score evaluate quick; do
    expect 0 $program --help
    grep -q -e "--threads" output || fail "expected the options"
    expect 0 $program --version
    grep -q "^flowbd3-$program [0-9]" output || fail "expected the version"
    expect 0 $program --version --output-dir=elsewhere
    [ ! -e elsewhere ] || fail "asking for the version wrote something"
    refuse 2 "--nonsense: unknown option" $program --nonsense
    refuse 2 "--threads: '2x' is not a whole number from 0 to 1024" $program --threads 2x
    refuse 2 "--threads: '-1' is not" $program --threads -1
    refuse 2 "--threads: '99999999999999999999999' is not" $program --threads 99999999999999999999999
    refuse 2 "--seed: missing argument" $program --seed
    refuse 2 "unexpected argument 'more'" $program more
done
refuse 2 "--data is missing" train
refuse 2 "--output-dir is missing" train --data x
refuse 2 "--model is missing" generate
refuse 2 "--output is missing" generate --model x
refuse 2 "--model is missing" score
refuse 2 "--data is missing" score --model x
refuse 2 "--output is missing" score --model x --data y
refuse 2 "--real is missing" evaluate
refuse 2 "--generated is missing" evaluate --real x
refuse 2 "--learning-rate: '1e' is not a number" train --learning-rate 1e
refuse 2 "--learning-rate: 'nan' is not a number" train --learning-rate nan
refuse 2 "--learning-rate: '0x1' is not a number" train --learning-rate 0x1
refuse 2 "--dropout: '1' is not a number from 0 to 0.99" train --dropout 1
refuse 2 "--binning: 'wide' is not one of auto, uniform, quantile, kmeans" train --binning wide
refuse 2 "--type: 'a=text' is not" train --data x --output-dir y --type a=text
refuse 2 "--type: 'a' is not" train --data x --output-dir y --type a
refuse 2 "--delimiter: 'ab' is not" train --data x --output-dir y --delimiter ab
refuse 2 "--resume" train --resume=yes
refuse 2 "--block-size: 'row' is not a whole number from 1 to 1048576, flow or sequence" train --block-size row
refuse 2 "--block-size: '0' is not" train --block-size 0
refuse 2 "--column-order: 'any' is not one of auto, fixed, random" train --column-order any
refuse 2 "--first-columns: a random --column-order has none" train --data x --output-dir y --first-columns a \
    --column-order random
refuse 2 "--noise: 'level' is not one of count, linear, cosine, square, square-root, logarithmic" train --noise level
refuse 2 "--clip-low: '1.1' is not a number from 0 to 1" train --clip-low 1.1
refuse 2 "--train-split: all rows train where there is --validation" train --data x --output-dir y --validation z \
    --train-split 0.5
refuse 2 "--temperature: '0' is not" generate --temperature 0
refuse 2 "--order: 'sorted' is not one of random, ancestral" generate --order sorted
grep -q "remask-loop" errors || fail "expected all orders"
refuse 2 "--threshold: '2' is not a number" generate --threshold 2
refuse 2 "--method: 'both' is not one of nelbo, exact" score --method both
refuse 2 "--order: --method nelbo averages over all orders" score --model x --data y --output z --order a
refuse 2 "--unseen: 'inf' is not a number" score --unseen inf
refuse 2 "--n-samples: '0' is not" generate --n_samples 0
refuse 2 "--n-features: '7' is not 6 or 8" quick --n-features 7
