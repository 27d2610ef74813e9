#!/bin/sh
# configure.sh SOURCE DIRECTORY COMPILER CONFIGURATION
# Configures BLIS in DIRECTORY, unless that is done, makes blis.h and prints the folder it is in.
set -eu
source=$1 directory=$2 compiler=$3 configuration=$4
mkdir -p "$directory"
cd "$directory"
if [ "$(cat configured 2>/dev/null)" != "$compiler $configuration" ]; then
    rm -rf -- *
    CC=$compiler "$source/configure" --quiet --enable-static --disable-shared --disable-threading \
        --disable-blas --disable-cblas --without-memkind "$configuration" >configure.log 2>&1 ||
        { cat configure.log >&2; exit 1; }
    make flat-header >>configure.log 2>&1 || { cat configure.log >&2; exit 1; }
    echo "$compiler $configuration" >configured
fi
dirname "$PWD"/include/*/blis.h
