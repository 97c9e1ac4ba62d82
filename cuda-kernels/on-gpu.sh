#!/usr/bin/env bash
# Everything that can only be known on a real GPU, in one command: builds, tests, checks and times the CUDA backend and
# writes one report. Works offline; needs the NVIDIA driver, and nvcc unless a built folder is carried here. Without a JDK
# the parts in Java are left out and the report says so.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: cuda-kernels/on-gpu.sh [--out DIR] [--carried] [--quick] [--peer-python PYTHON]

  --out DIR             where the report and the logs go; default gpu-report
  --carried             use what native/target and cuda-kernels/target hold, build nothing
  --quick               leave out compute-sanitizer and time fewer networks
  --peer-python PYTHON  a Python with PyTorch and CUDA: bench train is timed against it in the same run

Exit status: 0 when every test passed, 1 when one failed, 2 when the machine lacks something that is needed.
TEXT
}

root=$(cd "$(dirname "$0")/.." && pwd)
out=gpu-report
carried=0
quick=0
peer=
while [ $# -gt 0 ]; do
    case $1 in
        --out) out=${2:?--out needs a folder}; shift ;;
        --carried) carried=1 ;;
        --quick) quick=1 ;;
        --peer-python) peer=${2:?--peer-python needs a program}; shift ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done
mkdir -p "$out"
out=$(cd "$out" && pwd)
report=$out/report.md
native=$root/native/target/cmake
cuda=$root/cuda-kernels/target/cmake
library=$root/cuda-kernels/target/classes/dev/hornbeam/native/linux-x86_64/libhornbeam_cuda.so

say() { printf 'on-gpu: %s\n' "$*" >&2; }
stop() { say "$*"; exit 2; }

command -v nvidia-smi >/dev/null 2>&1 || stop "nvidia-smi is missing: install the NVIDIA driver"
gpu=$(nvidia-smi --query-gpu=name,compute_cap,driver_version,memory.total --format=csv,noheader | head -n 1) ||
    stop "nvidia-smi finds no GPU"
capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1 | tr -d '. ')
say "$gpu"

# ---- build

if [ "$carried" = 0 ]; then
    command -v nvcc >/dev/null 2>&1 || [ -x /usr/local/cuda/bin/nvcc ] ||
        stop "nvcc is missing: install the CUDA toolkit 12.8 or later, or bring a built folder and say --carried"
    case $capability in
        90) architecture=90a-real ;;
        *) architecture=$capability-real ;;
    esac
    say "building for sm_${architecture%-real} (log: $out/build.log)"
    {
        cmake -S "$root/native" -B "$native" -G Ninja -DCMAKE_BUILD_TYPE=Release \
            "-DHB_LIBRARY_DIR=$root/native/target/classes/dev/hornbeam/native/linux-x86_64"
        cmake --build "$native" --target hornbeam op_table
        cmake -S "$root/cuda-kernels" -B "$cuda" -G Ninja -DCMAKE_BUILD_TYPE=Release "-DHB_NATIVE_BUILD=$native" \
            "-DHB_LIBRARY_DIR=$(dirname "$library")" "-DCMAKE_CUDA_ARCHITECTURES=$architecture"
        cmake --build "$cuda" --target library
    } >"$out/build.log" 2>&1 || { tail -n 20 "$out/build.log" >&2; stop "the build failed"; }
fi
[ -x "$native/op_table" ] || stop "$native/op_table is missing: build without --carried first"
[ -f "$library" ] || stop "$library is missing: build without --carried first"
export HORNBEAM_CUDA_LIBRARY=$library

# ---- the report

failures=0
{
    echo "# Hornbeam's CUDA backend on a GPU"
    echo
    echo "- GPU: $gpu"
    echo "- date: $(date -u +%Y-%m-%dT%H:%MZ)"
    echo "- commit: $(git -C "$root" rev-parse --short HEAD 2>/dev/null || echo unknown)"
    echo "- nvcc: $(nvcc --version 2>/dev/null | sed -n 's/.*release \([^,]*\),.*/\1/p' || true)"
    echo
    echo "## Tests"
    echo
    echo "| what | variant | result | seconds |"
    echo "|---|---|---|---|"
} >"$report"

# check NAME VARIANT COMMAND...: a row of the table; the log is NAME-VARIANT.log.
check() {
    local name=$1 variant=$2 begin=$SECONDS result log
    shift 2
    log=$out/$(printf '%s-%s' "$name" "$variant" | tr ' /' '__').log
    say "$name, $variant"
    if HORNBEAM_CUDA_VARIANT=$variant "$@" >"$log" 2>&1; then
        result=passed
    else
        result="**failed** (see $(basename "$log"))"
        failures=$((failures + 1))
    fi
    echo "| $name | $variant | $result: $(tail -n 1 "$log" | tr '|' '/' | cut -c 1-120) | $((SECONDS - begin)) |" >>"$report"
}

for variant in hand auto; do
    check "op table, values" $variant "$native/op_table" test --device cuda
    check "op table, gradients" $variant "$native/op_table" grad --device cuda
done
check "op table, f32 by fmaf" hand env HORNBEAM_CUDA_F32=exact "$native/op_table" test --device cuda
check "op table, launches as graphs" hand env HORNBEAM_CUDA_GRAPHS=1 "$native/op_table" test --device cuda

if [ "$quick" = 0 ]; then
    sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
    if [ -x "$sanitizer" ]; then
        for tool in memcheck racecheck initcheck synccheck; do
            for op in matmul conv2d conv2d_backward_data conv2d_backward_weight batch_norm batch_norm_backward group_norm \
                attention attention_backward softmax_scores sgd_step ascend top_k sort reduce; do
                check "compute-sanitizer $tool $op" hand env HORNBEAM_CUDA_MEMORY=direct \
                    "$sanitizer" --tool "$tool" --error-exitcode 1 "$native/op_table" test --device cuda --op "$op"
            done
        done
    else
        echo "| compute-sanitizer | | not installed | |" >>"$report"
    fi
fi

# ---- training, where there is a JDK

java=
if JAVA_HOME=$("$root/.mvn/find-jdk") && [ -n "$JAVA_HOME" ]; then
    export JAVA_HOME
    java=$JAVA_HOME/bin/java
    if [ "$carried" = 0 ] && command -v mvn >/dev/null 2>&1; then
        check "Java tests on cuda:0" auto mvn -o -B -ntp -f "$root/pom.xml" test -pl java-api,training -am \
            -Dskip.native.tests -Dskip.emulated.tests=false "-Dcuda.emulated.library=$library"
    else
        echo "| Java tests on cuda:0 | | left out: they need Maven and a build here | |" >>"$report"
    fi
else
    echo "| Java | | left out: no JDK 25 | |" >>"$report"
fi

# ---- speed

{
    echo
    echo "## Speed of the ops, median milliseconds"
    echo
    echo "hand: our kernels; library: cuBLAS and cuDNN where they have the op."
    echo
} >>"$report"
networks="resnet18 wrn-28-10 vit-s-16"
[ "$quick" = 1 ] && networks=resnet18
for type in f32 bf16; do
    for network in $networks; do
        for variant in hand library; do
            say "speed of $network's ops in $type, $variant"
            HORNBEAM_CUDA_VARIANT=$variant "$native/op_table" perf --device cuda --network "$network" --type $type \
                >"$out/perf-$network-$type-$variant.txt" 2>&1 || true
            {
                echo "### $network, $type, $variant"
                echo
                echo '```'
                cat "$out/perf-$network-$type-$variant.txt"
                echo '```'
                echo
            } >>"$report"
        done
    done
done

if [ -n "$java" ]; then
    {
        echo "## Training steps"
        echo
        echo '```'
    } >>"$report"
    for model in resnet18 wrn-28-10 vit-s-16; do
        for type in f32 bf16; do
            say "bench train $model $type"
            "$root/hornbeam" bench train --model $model --batch 128 --dtype $type --device cuda --seconds 10 >>"$report" 2>&1 ||
                echo "$model $type: did not run" >>"$report"
            if [ -n "$peer" ]; then
                "$peer" "$root/bench/peer/training.py" $model --device cuda --batch 128 --dtype $type --seconds 10 \
                    >>"$report" 2>&1 || echo "$model $type: the peer did not run" >>"$report"
            fi
        done
    done
    echo '```' >>"$report"
fi

say "report: $report"
if [ "$failures" -gt 0 ]; then
    say "$failures checks failed"
    exit 1
fi
