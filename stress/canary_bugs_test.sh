#!/usr/bin/env bash
# canary_bugs_test.sh PROGRAM: what the frame of the bug programs makes of twins that misbehave; and that nothing is left behind, even by kill -9.
program=$1
log=$(mktemp)
trap 'rm -f "$log" "$log.figures"' EXIT
failed=0
complain() { echo "$*"; sed 's/^/    /' "$log"; failed=1; }
expect() {  # code arguments...
  local code=$1 got
  shift
  "$program" "$@" >"$log" 2>&1 </dev/null
  got=$?
  [ "$got" = "$code" ] || complain "$*: ended with $got, expected $code"
}
says() { grep -q -- "$1" "$log" || complain "does not say: $1"; }

# ---- verdicts
expect 0 shows
says '^reproduced: '
expect 1 shows --swap
says '^not reproduced as documented$'
for one in absent everywhere inverted near silent mute groundless no_threads; do expect 1 $one; done
expect 0 threads
expect 1 threads --swap
expect 0 once
says '3 turns'
expect 4 noisy
says '^too noisy'
says 'NOISY value'
expect 4 disturbed
says 'turn 5: disturbed: an earthquake'
expect 0 last_words
says 'its last words: fatal error: newosproc'
expect 1 last_words --swap

# ---- one variant alone
expect 0 shows --variant buggy
expect 0 shows --variant fixed
expect 1 shows --variant buggy --swap
expect 1 shows --variant fixed --swap
expect 1 everywhere --variant fixed
expect 1 silent --variant fixed
expect 4 shows --variant unmeasured
says 'nothing is measured of it'
expect 1 shows --table
says 'variant unmeasured has no measure'

# ---- what is no verdict
expect 4 dies
says 'died of signal 6'
expect 4 bad_end
expect 4 hangs
says 'did not end within'
expect 3 lacks
says 'not shown: a unicorn'
expect 3 lacks --variant fixed
expect 0 lacks --variant buggy
expect 3 refused
says 'gives no more threads'
expect 2 shows --variant odd
expect 2 shows --hold 5
expect 2 shows --hold 0 --variant buggy
expect 2 nothing

# ---- JSON: nothing else on standard output
"$program" shows --json 2>/dev/null >"$log"
python3 - "$log" <<'PYTHON' || complain "JSON"
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert [line["variant"] for line in lines] == ["buggy", "fixed", "unmeasured", "both"], lines
assert [line["reproduced"] for line in lines] == [True, False, False, True], lines
for line in lines:
    assert line["kind"] == "bug" and line["bug"] == 99, line
    assert {"name", "symptom", "baseline"} <= line.keys(), line
assert lines[0]["symptom"]["value"] == {"value": 100, "unit": "units"}, lines[0]
assert lines[0]["baseline"]["ground"] == {"value": 10, "unit": "units"}, lines[0]
assert lines[0]["symptom"]["threads_peak"]["value"] >= 1, lines[0]
PYTHON
cp "$log" "$log.figures"

# ---- figures that were kept
expect 0 shows --judge "$log.figures"
says '^reproduced: '
expect 1 shows --judge "$log.figures" --swap
expect 1 shows --judge "$log.figures" --variant buggy --swap
expect 1 threads --judge "$log.figures"  # it measures something else
"$program" noisy --json 2>/dev/null >"$log.figures"
expect 4 noisy --judge "$log.figures"
"$program" disturbed --json 2>/dev/null >"$log.figures"
expect 4 disturbed --judge "$log.figures"
"$program" shows --json 2>/dev/null >"$log.figures"
expect 2 shows --judge /nowhere
says '"/nowhere" cannot be read'
echo 'no line' >>"$log.figures"
expect 2 shows --judge "$log.figures"
says ':5: not a line that --json prints'
expect 2 shows --judge /dev/null
says "no variant's figures"
expect 2 shows --judge "$log.figures" --hold 5 --variant buggy

# ---- nothing is left behind
expect 0 leaves
left=$(sed -n 's/.*left: //p' "$log")
[ -n "$left" ] && [ ! -e "$left" ] || complain "\"$left\" was left"
"$program" leaves --hold 30 --variant fixed --json >"$log" 2>&1 &
held=$!
for ((tries = 0; tries < 100; ++tries)); do left=$(ls -d /tmp/retake-canary-* 2>/dev/null | head -n 1); [ -n "$left" ] && break; sleep 0.05; done
[ -n "$left" ] || complain "nothing was made"
grep -q "\"pid\":$held," "$log" || complain "another process is named than the one that was started ($held)"
kill -9 $held
for ((tries = 0; tries < 100; ++tries)); do [ -e "$left" ] || break; sleep 0.05; done
[ ! -e "$left" ] || complain "\"$left\" was left by kill -9"
expect 0 beside
sleep 0.2
ps -eo args | grep -v grep | grep -q 'canary_bugs beside' && complain "a process was left"
exit $failed
