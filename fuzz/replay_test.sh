#!/bin/sh
# replay_test.sh: every input of the folders runs clean. usage: replay_test.sh FUZZ_SCHEDULE OUT FOLDER...
set -u
program=$1 out=$2
shift 2
fail() { echo "replay: $*"; exit 1; }
rm -rf "$out"
mkdir -p "$out"
inputs=$(find "$@" -type f ! -name 'README*' | sort)
[ -n "$inputs" ] || fail "there are no inputs in $*"
# shellcheck disable=SC2086
RETAKE_FUZZ_OUT=$out RETAKE_FUZZ_TRACE=1 "$program" $inputs >"$out/stdout" 2>"$out/stderr" || { grep '^finding\|^scenario\|^Running' "$out/stderr" | tail -n 3; fail "an input fails; its replay is in $out"; }
ran=$(grep -c '^Executed ' "$out/stderr")
[ "$ran" = "$(echo "$inputs" | wc -l)" ] || fail "only $ran inputs were executed"
echo "$ran inputs, $(grep '^trace' "$out/stderr" | cut -d' ' -f3 | sort -u | wc -l) scenarios"
