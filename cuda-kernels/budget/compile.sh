#!/bin/sh
# compile.sh OUT NVCC OPTION...: compiles one file of kernels for one architecture and writes to OUT what ptxas tells of
# each kernel, and, after it, the directives of each kernel's PTX that bound its blocks. The machine code is dropped.
set -eu
out=$1
shift
parts=$out.parts
rm -rf "$parts"
mkdir -p "$parts"
if ! "$@" -cubin -o "$parts/kernels.cubin" -Xptxas=-v --keep --keep-dir "$parts" >"$parts/log" 2>&1; then
    cat "$parts/log" >&2
    exit 1
fi
{
    cat "$parts/log"
    sed -n -e '/\.entry /p' -e '/^\.maxntid /p' -e '/^\.minnctapersm /p' "$parts"/*.ptx
} >"$parts/resources"
mv "$parts/resources" "$out"
rm -rf "$parts"
