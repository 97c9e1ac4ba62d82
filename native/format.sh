#!/bin/sh
# format.sh [--check|--fix] [FILE...]: checks or repairs the format of the C and C++ sources, all of them by default.
# Versions of clang-format disagree, so only one is believed; without it the check is left to the continuous build.
set -eu
wanted=14
root=$(cd "$(dirname "$0")/.." && pwd)

tool=
for candidate in "clang-format-$wanted" clang-format; do
    if command -v "$candidate" >/dev/null 2>&1; then
        case $("$candidate" --version) in
            *"version $wanted."*) tool=$candidate; break ;;
        esac
    fi
done
if [ -z "$tool" ]; then
    echo "format.sh: clang-format $wanted is not installed, so the C++ format is not checked"
    exit 0
fi

case ${1:---check} in
    --check) mode="--dry-run --Werror" ;;
    --fix) mode=-i ;;
    *) echo "usage: format.sh [--check|--fix] [FILE...]" >&2; exit 2 ;;
esac

if [ $# -gt 1 ]; then
    shift
    exec "$tool" --style=file $mode "$@"
fi
files=$(find "$root/native" "$root/cuda-kernels" -name target -prune -o \
    \( -name '*.cpp' -o -name '*.c' -o -name '*.h' -o -name '*.cu' -o -name '*.cuh' \) -type f -print | sort)
[ -n "$files" ] || exit 0
# The paths of the repository have no spaces, the one of the checkout may.
if ! printf '%s\n' "$files" | tr '\n' '\0' | xargs -0 "$tool" --style=file $mode; then
    echo "format.sh: repair the format with: native/format.sh --fix" >&2
    exit 1
fi
