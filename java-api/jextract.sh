#!/bin/sh
# jextract.sh HOME|PATH OUTPUT: writes jextract's bindings of native/include/hornbeam.h to the folder OUTPUT.
# The jextract profile of pom.xml calls this.
set -eu
home=$1
output=$2
header=$(cd "$(dirname "$0")/.." && pwd)/native/include/hornbeam.h

if [ "$home" = PATH ]; then
    jextract=jextract
else
    jextract=$home/bin/jextract
fi
if ! command -v "$jextract" >/dev/null 2>&1; then
    echo "jextract.sh: no program $jextract. Install jextract for JDK 25 and say where with -Djextract.home=DIR." >&2
    exit 1
fi
mkdir -p "$output"
"$jextract" --output "$output" --target-package dev.hornbeam.internal.ffi --header-class-name HornbeamHeader "$header"
echo "jextract.sh: bindings are in $output"
