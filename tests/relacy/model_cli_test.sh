#!/usr/bin/env bash
# The command line of a model, as cli.md promises it: exit codes, one line per refusal, JSON lines only, replays that repeat.
# usage: model_cli_test.sh FOLDER_OF_PROGRAMS SOURCE_ROOT SCRATCH
set -uo pipefail
bin=$1 root=$2 out=$3/out-cli
note=$bin/note_model
failed=0
rm -rf "$out"

expect() {  # code what command...
  local code=$1 what=$2 got
  shift 2
  "$@" >"$out.stdout" 2>"$out.stderr"
  got=$?
  if [ "$got" != "$code" ]; then
    echo "FAILED $what: exit code $got, not $code: $*"
    cat "$out.stdout" "$out.stderr"
    failed=1
  fi
}
check() {  # what condition...
  local what=$1
  shift
  if ! "$@"; then echo "FAILED $what"; failed=1; fi
}
one_line_that_names() { [ "$(wc -l <"$out.stderr")" = 1 ] && grep -q -- "$1" "$out.stderr"; }

# The site of [NT1], wherever it stands today.
line=$(grep -n 'load_acquire()' "$root/runtime/protocol/note.hpp" | head -n 1 | cut -d: -f1)
mutant=note.hpp:$line:relaxed

expect 0 "a model holds" "$note" --out "$out"
expect 0 "faulty twins are found" "$note" --must-fail --out "$out"
expect 1 "a faulty twin is a finding" "$note" --variant two_wakers --out "$out"
expect 4 "a twin that is not found is a dead alarm" "$note" --must-fail --variant clears_too_late --mutate "$mutant" --search bound --bound 1 --executions 1 --out "$out"

expect 1 "a mutant is found" "$note" --json --mutate "$mutant" --out "$out"
check "JSON says so" grep -q '"finding":{.*"tag":"race"' "$out.stdout"
check "JSON lines only" [ "$(grep -vc '^{.*}$' "$out.stdout")" = 0 ]
history=$out/note-race.history
check "a history is written" [ -s "$history" ]
check "nothing half written is left" [ -z "$(find "$out" -name '*.part')" ]
expect 1 "the replay reproduces with the mutant" "$note" --replay "$history" --mutate "$mutant"
expect 1 "and again" "$note" --json --replay "$history" --mutate "$mutant"
check "and says so" grep -q '"reproduced":true' "$out.stdout"
cp "$history" "$out/cut.history"
sed -i 's/^choices: \([^ ]*\) .*/choices: \1/' "$out/cut.history"
expect 2 "a replay that does not fit" "$note" --replay "$out/cut.history" --mutate "$mutant"
"$note" --replay "$history" >"$out.stdout" 2>&1
check "without the mutant it does not fail" [ $? != 1 ]
expect 2 "another model's history" "$bin/spin_lock_model" --replay "$history"
expect 2 "no history at all" "$note" --replay "$root/LICENSE"

expect 2 "a kind that does not fit" "$note" --mutate "note.hpp:$line:split" --out "$out"
check "one line for it" one_line_that_names --mutate
expect 2 "a site that is none" "$note" --mutate nonsense
check "one line for it" one_line_that_names --mutate
expect 2 "an unknown suite" "$note" --suite nobody
check "one line for it" one_line_that_names --suite
expect 2 "an unknown flag" "$note" --nonsense
expect 2 "a bad number" "$note" --executions none
expect 2 "a bad shard" "$note" --shard 3/2
check "one line for it" one_line_that_names --shard
expect 0 "a site that is not there" "$note" --json --executions 100 --mutate note.hpp:9999:relaxed --out "$out"
check "is not reached" grep -q '"mutant_reached":false' "$out.stdout"

# Two runs say the same, time aside.
"$note" --json --search random --executions 1000 --seed 7 | sed 's/"[a-z_]*second[a-z_]*":[^,}]*//g' >"$out.first"
"$note" --json --search random --executions 1000 --seed 7 | sed 's/"[a-z_]*second[a-z_]*":[^,}]*//g' >"$out.second"
check "one seed reproduces all" cmp -s "$out.first" "$out.second"

check "the world's symbols" [ "$(nm "$note" | grep -cE ' R (retake_world_relacy|retake_the_one_world)$')" = 2 ]
exit $failed
