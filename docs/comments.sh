#!/bin/sh
# comments.sh HEADER: the header with its comments as Doxygen wants them: the first one is about the file, one
# after code is about that code, and what stands in them is plain text.
exec sed -E '
1s|^/\* |/** @file\n * |
s|^( *)/\* |\1/** |
s|([^ /*].*[^ /*]) +/\* |\1 /**< |' "$1"
