#!/bin/sh
# interface.sh HEADER...: prints C source with one pointer to every function of the headers. Compiled with
# debug information, and against the headers alone, it describes the interface to libabigail: the library's own
# debug information would also show what is behind the handles.
set -eu
echo '#include <flowbd3/flowbd3.h>'
sh "$(dirname "$0")/declared.sh" "$@" | while read -r name; do
    echo "extern __typeof__(&$name) const ${name}_;"
    echo "__typeof__(&$name) const ${name}_ = &$name;"
done
