#!/usr/bin/env bash
# killed_hunt_test.sh CAMPAIGN: a hunt that is interrupted ends with its table and code 1 for what it found; one that is killed hard loses
# nothing that it had found. The programs it runs are stand-ins that find something at once and then take their time.
set -uo pipefail
campaign=$(realpath "$1")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 4
mkdir -p builds/{models,release,tsan,asan,fuzz}/bin
touch retake  # a command is told as it can be pasted here
cat >builds/models/bin/retake-sim <<'CODE'
#!/usr/bin/env bash
case $1 in
  list)
    echo '{"kind":"scenario","name":"planted","claim":"none","must_fail":null}'
    echo '{"kind":"scenario","name":"other","claim":"none","must_fail":null}'
    echo '{"kind":"scenario","name":"slow","claim":"none","must_fail":null}' ;;
  replay) echo "a timeline"; exit 1 ;;
  sim)
    case $2 in planted) tag=P9 ;; other) tag=V1 ;; *) exec sleep 60 ;; esac
    name=$2
    out=out
    while [ $# -gt 0 ]; do [ "$1" = --out ] && out=$2; shift; done
    mkdir -p "$out"
    echo "retake-replay 2" >"$out/$name.replay.tmp"
    mv "$out/$name.replay.tmp" "$out/$name.replay"
    echo '{"kind":"sim","name":"'"$name"'","executions":7,"seconds":0.1,"distinct_traces":3,"exhausted":false,"finding":{"tag":"'"$tag"'","claim":"planted","replay":"'"$out"'/'"$name"'.replay","steps":3,"preemptions":1,"executions_to_first":7}}'
    exit 1 ;;
esac
CODE
for quick in model:models/bin/quick_model props:models/bin/quick_properties stress:release/bin/hammer_quick; do
  cat >"builds/${quick#*:}" <<CODE
#!/usr/bin/env bash
echo '{"kind":"${quick%%:*}","name":"quick","executions":1,"rounds":1,"holds":true,"exercised":true,"exhausted":true,"finding":null}'
CODE
done
printf '#!/usr/bin/env bash\necho "stat::number_of_executed_units: 5" >&2\n' >builds/fuzz/bin/fuzz_quick
chmod +x builds/*/bin/*
bad=0
fail() { echo "$1"; bad=1; }

found() { grep -q '"tag":"P9"' "$1/hunt.jsonl" 2>/dev/null && grep -q '"tag":"V1"' "$1/hunt.jsonl"; }
wait_until_found() {
  for _ in $(seq 200); do found "$1" && return; sleep 0.1; done
  fail "nothing was found in $1"
}
"$campaign" hunt --bin builds --seconds 40 --seed 1 --out hard >hard.log 2>&1 &
pid=$!
wait_until_found hard
kill -KILL $pid
wait $pid 2>/dev/null
found hard || fail "SIGKILL lost the finding's line"
[ -s hard/planted.replay ] || fail "SIGKILL lost the replay"

"$campaign" hunt --bin builds --seconds 40 --seed 1 --out soft >soft.log 2>&1 &
pid=$!
wait_until_found soft
kill -INT $pid
wait $pid
code=$?
[ $code = 1 ] || fail "an interrupted hunt with a finding ended with $code"
grep -q '^technique' soft.log || fail "an interrupted hunt printed no table"
for tag in P9 V1; do
  [ "$(grep -c "FOUND by sim .*: $tag: " soft.log)" = 1 ] || fail "$tag was not told, or more than once"
done
grep -q './retake replay soft/planted.replay' soft.log || fail "an interrupted hunt did not name its replay"
[ -s soft/report.html ] || fail "an interrupted hunt wrote no report"
[ "$(tail -n 1 soft/hunt.jsonl | cut -c1-15)" = '{"kind":"hunt",' ] || fail "an interrupted hunt has no closing line"
exit $bad
