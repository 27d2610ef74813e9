#!/bin/sh
# freeze.sh INCLUDE: prints the public headers of a release as one, without comments, as tests/abi/1.0 keeps them.
set -eu
cd "$1/flowbd3"
echo '/* The interface of a release, for programs that were compiled against it. Written by tests/abi/freeze.sh. */'
for name in version status context table stream rules tokenizer model trainer sampler score calibration evaluator; do
    grep -v '^#include <flowbd3/' "$name.h" | cc -fpreprocessed -dD -E -P - 2>/dev/null 
done | clang-format --assume-filename=flowbd3.h
