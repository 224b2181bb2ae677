#!/usr/bin/env bash
# bad_input_test.sh ROOT BIN: whatever is wrong with the input: exactly one line on standard error, nothing on standard output, code 2,
# and no file left behind. What the launcher refuses is refused by it before anything is built; what only a program can know (scenarios,
# the inside of a replay) is asked of the program itself.
set -uo pipefail
root=$(realpath "$1") bin=$(realpath "$2")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 4
bad=0

refused() {  # command...: code 2, one line, nothing written
  local code before after
  before=$(find . | sort)
  "$@" >"$place/.out" 2>"$place/.err" </dev/null
  code=$?
  after=$(find . -not -name .out -not -name .err | sort)
  before=$(grep -vE '^\./\.(out|err)$' <<<"$before")
  if [ $code != 2 ] || [ -s .out ] || [ "$(wc -l <.err)" != 1 ] || [ "$before" != "$after" ]; then
    echo "not refused as it should be: $* (code $code)"
    head -n 3 .out .err
    bad=1
  fi
}

retake=$root/retake
refused "$retake" nonsense
refused "$retake" hunt --seconds 0
refused "$retake" hunt --seconds ten
refused "$retake" hunt --seconds
refused "$retake" hunt --seed -1
refused "$retake" hunt --seed 99999999999999999999999
refused "$retake" hunt --out /proc/nowhere
refused "$retake" hunt --frobnicate
refused "$retake" hunt extra
refused "$retake" sim
refused "$retake" sim one two
refused "$retake" sim x --strategy clever
refused "$retake" sim x --memory arm
refused "$retake" sim x --executions 1e6
refused "$retake" sim x --mutate nowhere
refused "$retake" replay
refused "$retake" replay no_such_file
refused "$retake" shrink no_such_file
refused "$retake" model no_such_model
refused "$retake" props no_such_property
refused "$retake" stress no_such_hammer
refused "$retake" stress --sanitizer memory
refused "$retake" fuzz
refused "$retake" fuzz no_such_target
refused "$retake" bug
refused "$retake" bug 77
refused "$retake" bug 1 --variant broken
refused "$retake" bug 3 --variant pool
refused "$retake" bug 3 --judge no_such_file
refused "$retake" mutants --technique luck
refused "$retake" mutants --patch no_such.patch
refused "$retake" report no_such_folder
refused "$retake" diagnose
refused "$retake" diagnose nobody
refused "$retake" diagnose 999999999
refused "$retake" diagnose --seconds 0 1
refused "$retake" diagnose --
refused "$retake" diagnose no_such_core
refused "$retake" diagnose --program
refused "$retake" diagnose --program /bin/sh 1
refused "$retake" diagnose /bin/sh
refused "$retake" nightly --seconds 0
refused "$retake" nightly --shard 1
refused "$retake" nightly --disk-mb little
refused "$retake" nightly extra
refused "$retake" task
refused "$retake" task 77
refused "$retake" task 1 --variant buggy
refused "$retake" costs one two
refused "$retake" costs --variant buggy
touch a_file
refused "$retake" hunt --out a_file

if [ -x "$bin/retake-campaign" ]; then
  refused "$bin/retake-campaign" nightly --bin "$bin" --shard 2/2
  refused "$bin/retake-campaign" hunt --bin "$bin" --shard 2/2
fi
if [ -x "$bin/retake-sim" ]; then
  sim=$bin/retake-sim
  scenario=$("$sim" list --json | sed -n 's/.*"name":"\([a-z0-9_]*\)".*"must_fail":null.*/\1/p' | head -n 1)
  refused "$sim" sim no_such_scenario
  refused "$sim" sim "$scenario" --strategy clever
  refused "$sim" sim "$scenario" --seed minus
  refused "$sim" sim "$scenario" --mutate nowhere
  refused "$sim" sim "$scenario" --faults gremlins
  : >empty.replay
  echo "retake-replay 99" >version.replay
  printf 'retake-replay 2\nscenario no_such_scenario\n' >scenario.replay
  head -c 300 /dev/urandom >noise.replay
  for file in empty version scenario noise; do refused "$sim" replay "$file.replay"; done
  for file in empty version scenario noise; do refused "$sim" shrink "$file.replay"; done
  # A real replay, cut short and of another scenario.
  faulty=$("$sim" list --json | sed -n '/"must_fail":"/s/.*"name":"\([a-z0-9_]*\)".*/\1/p' | head -n 1)
  if [ -n "$faulty" ]; then
    "$sim" sim "$faulty" --out found --executions 100000 >/dev/null 2>&1
    real=$(find found -name '*.replay' 2>/dev/null | head -n 1)
    if [ -n "$real" ]; then
      head -n -3 "$real" >cut.replay
      sed "s/^scenario .*/scenario $scenario/" "$real" >other.replay
      refused "$sim" replay cut.replay
      refused "$sim" replay other.replay
    fi
  fi
fi
exit $bad
