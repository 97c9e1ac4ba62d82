#!/usr/bin/env bash
# compare-with-pytorch.sh MODEL...: training speed beside PyTorch's, in turn, as a Markdown table.
#   PEER          the other program: a script that takes MODEL --seconds S --threads N and prints JSON (docs/benchmarks.md)
#   PYTHON        what runs it; python3 if not set
#   PEER_OPTIONS  more of its options, such as "--layout nhwc --fused"
#   ROUNDS        rounds of one run each; 5 if not set
#   SECONDS_EACH  seconds a run; 20 if not set
#   THREADS       threads of both; the CPUs of the machine if not set
set -euo pipefail
root=$(dirname "$(dirname "$(readlink -f "$0")")")
if [ $# -eq 0 ] || [ -z "${PEER:-}" ]; then
    sed -n '2,/^#   THREADS/s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
[ -f "$PEER" ] || { echo "compare-with-pytorch.sh: there is no $PEER, which PEER names" >&2; exit 1; }
"${PYTHON:-python3}" -c 'import torch' || { echo "compare-with-pytorch.sh: ${PYTHON:-python3} has no torch" >&2; exit 1; }

# Maven runs the program in another folder.
PEER=$(readlink -f "$PEER")
JAVA_HOME=$("$root/.mvn/find-jdk")
export PEER JAVA_HOME

cd "$root"
mvn -q -B -ntp -pl bench -am compile >&2
# Only the table goes to standard output: the tools of the build talk there, too, and Maven leaves colour codes.
mvn -q -B -ntp -pl bench -am compile exec:exec@compare -Dcompare.models="$*" | sed -n 's/^[^|]*|/|/p'
