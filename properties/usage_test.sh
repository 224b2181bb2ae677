#!/bin/sh
# usage_test.sh: what a property's program refuses: one line on standard error, code 2, nothing on standard output. usage: usage_test.sh PROGRAM OUT
set -u
program=$1 out=$2
fail() { echo "usage: $*"; exit 1; }
rm -rf "$out"
mkdir -p "$out"
refused() {
  "$program" "$@" >"$out/stdout" 2>"$out/stderr"
  code=$?
  [ $code = 2 ] || fail "$* ends with code $code"
  [ "$(wc -l <"$out/stderr")" = 1 ] || fail "$* says more or less than one line: $(cat "$out/stderr")"
  [ ! -s "$out/stdout" ] || fail "$* writes on standard output"
}
refused --seconds 0 --out "$out"
refused --executions many --out "$out"
refused --seed 1x --out "$out"
refused --mutate nowhere --out "$out"
refused --twin nobody --out "$out"
refused --frobnicate
refused --out /proc/nowhere
refused --replay "$out/none.replay"
printf 'retake-replay 1\n' >"$out/version.replay"
refused --replay "$out/version.replay"
# A whole record, of a twin, under the name of another property; then with a program that this one does not have.
own=$(basename "$program")
twin=$("$program" --list | sed -n 's/^twin \([a-z_]*\):.*/\1/p' | head -n 1)
"$program" --twin "$twin" --executions 300000 --out "$out/found" >/dev/null 2>&1
real=$(find "$out/found" -name '*.replay')
[ -n "$real" ] || fail "no twin gives a replay to begin with"
sed 's/^scenario .*/scenario nobody_properties\/x/' "$real" >"$out/other.replay"
refused --replay "$out/other.replay"
sed "s/nobody_properties/$own/" "$out/other.replay" >"$out/program.replay"
refused --replay "$out/program.replay"
# The same seed is the same run; another seed is another.
line() { "$program" --json --executions 3000 --seed "$1" --out "$out" | sed 's/"seed":[0-9]*,//; s/"seconds":[^,]*,"executions_per_second":[^,]*,//'; }
[ "$(line 5)" = "$(line 5)" ] || fail "seed 5 gives two runs: $(line 5) and $(line 5)"
[ "$(line 5)" != "$(line 6)" ] || fail "seeds 5 and 6 give one run: $(line 5)"
"$program" --list | grep -q "^twin " || fail "--list names no twin"
