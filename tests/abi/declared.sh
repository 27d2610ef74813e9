#!/bin/sh
# declared.sh HEADER...: prints the name of every function that the headers declare, sorted.
set -eu
cat "$@" | tr '\n' ' ' | grep -oE 'FLOWBD3_API [^(;]*\(' | grep -oE 'flowbd3_[a-z0-9_]+\($' | tr -d '(' | sort
