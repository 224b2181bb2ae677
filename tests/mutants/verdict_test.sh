#!/usr/bin/env bash
# verdict_test.sh CAMPAIGN ROOT: what counts as a kill. The simulator is a stand-in that finds something or nothing, and whose replays fail on the
# mutant, on the clean tree, on both or on neither.
set -uo pipefail
campaign=$(realpath "$1") root=$2
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 4
mkdir -p builds/models/bin
cat >builds/models/bin/retake-sim <<'CODE'
#!/usr/bin/env bash
. ./behaviour
case $1 in
  list) echo '{"kind":"scenario","name":"planted","claim":"none","must_fail":null}' ;;
  replay) [[ " $* " == *" --continue "* ]] && exit "$on_clean"; exit "$on_mutant" ;;
  sim)
    out=out
    while [ $# -gt 0 ]; do [ "$1" = --out ] && out=$2; shift; done
    if [ "$finds" = no ]; then
      echo '{"kind":"sim","name":"planted","executions":7,"seconds":0.1,"distinct_traces":3,"exhausted":false,"finding":null}'
      exit 0
    fi
    mkdir -p "$out"
    echo "retake-replay 2" >"$out/planted.replay"
    echo '{"kind":"sim","name":"planted","executions":7,"seconds":0.1,"distinct_traces":3,"exhausted":false,"finding":{"tag":"P9","claim":"planted","replay":"'"$out"'/planted.replay","steps":3,"preemptions":1,"executions_to_first":7}}'
    exit 1 ;;
esac
CODE
chmod +x builds/models/bin/retake-sim
line=$(grep -n 'word_.exchange_release' "$root/runtime/protocol/note.hpp" | head -n 1 | cut -d: -f1)
bad=0
verdict() {  # finds on_mutant on_clean expected
  printf 'finds=%s\non_mutant=%s\non_clean=%s\n' "$1" "$2" "$3" >behaviour
  "$campaign" mutants --only "note.hpp:$line:relaxed" --technique sim --bin builds --out out >log 2>&1
  grep -qE "^note.hpp:$line:relaxed +sim +$4( |$)" log || { echo "finds=$1, replay on the mutant $2, on the clean tree $3: not \"$4\" but:"; cat log; bad=1; }
}
verdict yes 1 0 killed
verdict no 0 0 survived
verdict yes 0 0 'not reproduced'
verdict yes 1 1 'clean tree fails too'
exit $bad
