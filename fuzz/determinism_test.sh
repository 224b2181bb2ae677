#!/bin/sh
# determinism_test.sh: an input is one execution: the same trace in another process, with other addresses, after other inputs.
# usage: determinism_test.sh FUZZ_SCHEDULE OUT FOLDER
set -u
program=$1 out=$2 folder=$3
fail() { echo "determinism: $*"; exit 1; }
rm -rf "$out"
mkdir -p "$out"
traces() { # inputs...: NAME TRACE
  RETAKE_FUZZ_OUT=$out RETAKE_FUZZ_TRACE=1 "$@" 2>&1 | awk '/^Running: / { name = $2 } /^trace / { print name, $2 }' | awk '!seen[$1]++' | sort
}
forwards=$(find "$folder" -type f | sort)
backwards=$(find "$folder" -type f | sort -r)
# shellcheck disable=SC2086
traces "$program" $forwards >"$out/forwards"
# shellcheck disable=SC2086
traces setarch -R "$program" $backwards >"$out/backwards"
[ -s "$out/forwards" ] || fail "no traces"
cmp "$out/forwards" "$out/backwards" || fail "$(diff "$out/forwards" "$out/backwards" | head -n 4)"
[ "$(cut -d' ' -f2 "$out/forwards" | sort -u | wc -l)" -gt 10 ] || fail "all traces are one"
# What reads from what reaches libFuzzer, and is counted anew for each input.
# shellcheck disable=SC2086
RETAKE_FUZZ_OUT=$out RETAKE_FUZZ_TRACE=1 "$program" $forwards >/dev/null 2>"$out/stderr"
grep -q '1024 Extra Counters' "$out/stderr" || fail "libFuzzer does not see the extra counters"
pairs=$(sed -n 's/^trace .* pairs //p' "$out/stderr" | sort -n | uniq)
[ "$(echo "$pairs" | tail -n 1)" -ge 20 ] || fail "no reads-from pairs are counted"
[ "$(echo "$pairs" | wc -l)" -ge 5 ] || fail "every input counts the same reads-from pairs"
echo "$(wc -l <"$out/forwards") inputs, each one trace"
