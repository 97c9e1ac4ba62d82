#!/usr/bin/env bash
# on-gpu.sh on a machine without a GPU: programs that it calls are stand-ins here, which tells whether it calls them, counts
# what fails and writes its report. usage: on_gpu_test.sh SCRIPT
set -euo pipefail
script=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

library=cuda-kernels/target/classes/dev/hornbeam/native/linux-x86_64/libhornbeam_cuda.so
mkdir -p "$work/bin" "$work/tree/.mvn" "$work/tree/native/target/cmake" "$work/tree/$(dirname $library)"
cp "$script" "$work/tree/cuda-kernels/on-gpu.sh"
: >"$work/tree/$library"

stand_in() {
    cat >"$1"
    chmod +x "$1"
}
stand_in "$work/tree/native/target/cmake/op_table" <<'TEXT'
#!/bin/sh
[ -n "$HORNBEAM_CUDA_LIBRARY" ] || { echo "no library named"; exit 1; }
echo "op_table $*" >>"$CALLS"
case "$FAIL" in "") ;; *) case " $* " in *"$FAIL"*) echo "1 failed"; exit 1 ;; esac ;; esac
echo "$HORNBEAM_CUDA_VARIANT: 7 passed, 0 failed"
TEXT
stand_in "$work/tree/hornbeam" <<'TEXT'
#!/bin/sh
echo "hornbeam $*" >>"$CALLS"
echo "resnet 123 images/s"
TEXT
stand_in "$work/tree/.mvn/find-jdk" <<'TEXT'
#!/bin/sh
echo /nowhere/jdk
TEXT
stand_in "$work/bin/compute-sanitizer" <<'TEXT'
#!/bin/sh
echo "sanitizer $2" >>"$CALLS"
shift 4
exec "$@"
TEXT
stand_in "$work/bin/python" <<'TEXT'
#!/bin/sh
echo "peer $*" >>"$CALLS"
echo "peer 100 images/s"
TEXT

CALLS=$work/calls
export CALLS FAIL=
failures=0
expect() {
    if ! eval "$2"; then
        echo "$1: not so: $2" >&2
        failures=$((failures + 1))
    fi
}
run() {
    : >"$CALLS"
    rm -rf "$work/out"
    status=0
    PATH=$1:/usr/bin:/bin "$work/tree/cuda-kernels/on-gpu.sh" --out "$work/out" "${@:2}" >"$work/said" 2>&1 || status=$?
}

if ! [ -x /usr/bin/nvidia-smi ] && ! [ -x /bin/nvidia-smi ]; then
    run "$work/empty" --carried
    expect "no driver" '[ $status = 2 ] && grep -q "install the NVIDIA driver" "$work/said"'
fi

stand_in "$work/bin/nvidia-smi" <<'TEXT'
#!/bin/sh
case "$1" in
*name*) echo "NVIDIA H100 80GB HBM3, 9.0, 580.65.06, 81559 MiB" ;;
*) echo 9.0 ;;
esac
TEXT

run "$work/bin" --carried --peer-python "$work/bin/python"
report=$work/out/report.md
expect "all is well" '[ $status = 0 ]'
expect "names the GPU" 'grep -q "^- GPU: NVIDIA H100 80GB HBM3, 9.0" "$report"'
expect "tests of both variants" 'grep -q "^| op table, values | hand | passed: hand: 7 passed, 0 failed" "$report" &&
    grep -q "^| op table, gradients | auto | passed: auto: 7 passed" "$report"'
expect "four sanitizers" '[ $(grep -c "^sanitizer" "$CALLS") = 60 ]'
expect "no row without a command" '! grep -q "unbound\|not found" "$work/said" "$report"'
expect "times ops of three networks, two types, two variants" '[ $(grep -c "^op_table perf" "$CALLS") = 12 ]'
expect "trains" '[ $(grep -c "^hornbeam bench train" "$CALLS") = 6 ] && [ $(grep -c "^resnet 123" "$report") = 6 ]'
expect "and the peer" '[ $(grep -c "^peer " "$CALLS") = 6 ] && [ $(grep -c "^peer 100" "$report") = 6 ]'

run "$work/bin" --carried --quick
expect "quick has no sanitizer" '[ $status = 0 ] && ! grep -q "^sanitizer" "$CALLS"'
expect "quick times one network" '[ $(grep -c "^op_table perf" "$CALLS") = 4 ]'

FAIL=" grad " run "$work/bin" --carried --quick
expect "a failure is told" '[ $status = 1 ] && grep -q "2 checks failed" "$work/said"'
expect "and stands in the report" 'grep -q "^| op table, gradients | hand | \*\*failed\*\* (see op_table,_gradients-hand.log)" "$report"'

rm "$work/tree/$library"
run "$work/bin" --carried --quick
expect "no library" '[ $status = 2 ] && grep -q "libhornbeam_cuda.so is missing: build without --carried first" "$work/said"'

run "$work/bin" --sideways
expect "unknown option" '[ $status = 2 ] && grep -q "^usage: cuda-kernels/on-gpu.sh" "$work/said"'

[ "$failures" = 0 ] && echo "on-gpu.sh: as expected"
[ "$failures" = 0 ]
