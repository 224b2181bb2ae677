#!/bin/sh
# canary_test.sh: libFuzzer finds the planted bug within its bound, keeps the input, and the input shows the bug again.
# usage: canary_test.sh FUZZ_CANARY OUT
set -u
program=$1 out=$2
runs_max=60000 seconds_max=8
fail() { echo "canary: $*"; tail -n 5 "$out/stderr" 2>/dev/null; exit 1; }
rm -rf "$out"
mkdir -p "$out"
RETAKE_FUZZ_OUT=$out RETAKE_FUZZ_JSON=$out/lines.jsonl "$program" -seed=1 -runs=$runs_max -max_total_time=$seconds_max -artifact_prefix="$out/" >"$out/stdout" 2>"$out/stderr"
code=$?
[ $code = 77 ] || fail "the planted bug is not found in $runs_max runs or $seconds_max seconds (code $code)"
grep -q '^finding   P11$' "$out/stderr" || fail "it is not found as P11"
grep -q '"kind":"fuzz".*"finding":{"tag":"P11"' "$out/lines.jsonl" || fail "its line is not in RETAKE_FUZZ_JSON: $(cat "$out/lines.jsonl")"
grep -q '"kind":"fuzz".*"finding":{"tag":"P11"' "$out/stdout" || fail "its line is not on standard output"
replay=$(sed -n 's/.*"replay":"\([^"]*\)".*/\1/p' "$out/stdout")
[ "$(head -n 1 "$replay")" = "retake-replay 4" ] && grep -q '^scenario wrapped_tick$' "$replay" && tail -n 1 "$replay" | grep -q '^end ' || fail "there is no whole replay at $replay"
[ "$(find "$out" -name '*.tmp' | wc -l)" = 0 ] || fail "a temporary file is left"
input=$(find "$out" -name 'crash-*')
[ -n "$input" ] || fail "libFuzzer did not keep the input"
RETAKE_FUZZ_OUT=$out "$program" "$input" >"$out/again" 2>&1
code=$?
[ $code = 77 ] && grep -q '^finding   P11$' "$out/again" || fail "the input that was kept does not show the bug again (code $code)"
sed -n 's/.*"executions_to_first":\([0-9]*\).*/planted bug: found after \1 executions/p' "$out/stdout"
