#!/bin/sh
# mutant_test.sh: with an operation of the runtime split in two, the whole catalogue, fuzzed from nothing, shows it within a bound.
# usage: mutant_test.sh FUZZ_SCHEDULE OUT HEADER ORDER KIND TAGS
set -u
program=$1 out=$2 header=$3 order=$4 kind=$5 tags=$6
runs_max=200000 seconds_max=60
fail() { echo "mutant: $*"; tail -n 5 "$out/stderr" 2>/dev/null; exit 1; }
rm -rf "$out"
mkdir -p "$out"
line=$("$(dirname "$0")/../tests/line_of_order.sh" "$header" "$order")
[ -n "$line" ] || fail "no order [$order] in $header"
site=$(basename "$header"):$line:$kind
RETAKE_FUZZ_MUTATE=$site RETAKE_FUZZ_OUT=$out "$program" -seed=1 -runs=$runs_max -max_total_time=$seconds_max -artifact_prefix="$out/" >"$out/stdout" 2>"$out/stderr"
code=$?
[ $code = 77 ] || fail "$site is not found (code $code)"
tag=$(sed -n 's/.*"finding":{"tag":"\([^"]*\)".*/\1/p' "$out/stdout")
case ",$tags," in *",$tag,"*) ;; *) fail "$site is found as $tag, not as $tags" ;; esac
input=$(find "$out" -name 'crash-*')
RETAKE_FUZZ_OUT=$out "$program" "$input" >"$out/clean" 2>&1 || fail "the input fails without the mutant too"
echo "$site: $tag after $(sed -n 's/.*"executions_to_first":\([0-9]*\).*/\1/p' "$out/stdout") executions"
