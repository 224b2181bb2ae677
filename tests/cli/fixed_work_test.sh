#!/usr/bin/env bash
# fixed_work_test.sh CAMPAIGN BIN: with --executions and a seed, any number of shards executes
# exactly what one machine does, also when they are killed, and the record of work proves it.
# Method: the real simulator, a model and a property, over seven scenarios of which some are there
# to fail; hammers and fuzz targets are stand-ins. What was executed is read twice: from the lines
# of the children, and from the records that a report merges.
set -uo pipefail
campaign=$(realpath "$1") real=$(realpath "$2")
here=$(dirname -- "$(realpath "$0")")
place=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$place"' EXIT
cd "$place" || exit 4
# shellcheck source=tests/cli/nightly_builds.sh
. "$here/nightly_builds.sh"
make_builds builds
rm builds/models/bin/*
scenarios='core_handoff core_handoff_store core_store_buffering core_store_buffering_no_fence'
scenarios+=' core_message_passing_relaxed core_iriw core_futex_park_no_wake'
cat >builds/models/bin/retake-sim <<CODE
#!/usr/bin/env bash
[ "\$1" = list ] || exec "$real/retake-sim" "\$@"
for name in $scenarios; do echo '{"kind":"scenario","name":"'\$name'","claim":"none","must_fail":null}'; done
CODE
chmod +x builds/models/bin/retake-sim
ln -s "$real/run_queue_properties" "$real/note_model" builds/models/bin/
bad=0
fail() { printf '%s\n' "$@"; bad=1; }
executions=40 pieces=74

work() {  # word folder arguments...: its code is 0 or 1
  local code
  timeout 120 "$campaign" "$1" --bin builds --seconds 1 --seed 7 --executions $executions --out "$2" "${@:3}" \
          >"$2.log" 2>&1 </dev/null
  code=$?
  [ $code -le 1 ] || { fail "$1 --out $2 ${*:3} ended with $code"; tail -n 5 "$2.log"; }
}
# What the programs say that they executed, whatever the order, and what they found.
executed() {  # folders...
  python3 - "$@" <<'CODE'
import glob, json, sys
for folder in sys.argv[1:]:
  for path in glob.glob(folder + "/hunt.jsonl") + glob.glob(folder + "/logs/*.jsonl"):
    for line in map(json.loads, open(path)):
      if line["kind"] not in ("sim", "props", "model"): continue
      found = line["finding"] or {}
      print(line["kind"], line["name"], line.get("strategy"), line.get("memory"),
            line.get("scope", {}).get("faults"), line["seed"], line["executions"], line.get("distinct_traces"),
            line.get("trace_hash"), found.get("tag"), found.get("executions_to_first"))
CODE
}
digest_in() { sed -n 's/.*fixed work of seed 7.* digest \([0-9a-f]*\)$/\1/p' "$1"; }
report() {  # code, text, folders...
  local code
  "$campaign" report --bin builds "${@:3}" >report.log 2>&1
  code=$?
  [ $code = "$1" ] || fail "the report on ${*:3} ended with $code, not $1" "$(tail -n 5 report.log)"
  grep -qF -- "$2" report.log || fail "the report on ${*:3} does not say \"$2\"" "$(cat report.log)"
}

work hunt one
executed one | sort >one.executed
[ "$(wc -l <one.executed)" -ge 72 ] && grep -q ' P9 ' one.executed &&
  grep -q '^model' one.executed && grep -q '^props' one.executed ||
  fail "too little was executed" "$(cat one.executed)"
[ "$(grep '^sim' one.executed | awk '{print $6}' | sort -u | wc -l)" = 70 ] || fail "two pieces have one seed"
report 0 "$pieces of $pieces pieces; digest" one
digest=$(digest_in report.log)
[ "$(grep -c by_time one/work.jsonl)" = 2 ] ||
  fail "what is bounded by time does not say so in the record" "$(grep by_time one/work.jsonl)"

for shards in 2 5 64; do
  folders=()
  for ((i = 0; i < shards; ++i)); do
    folders=("part$shards.$i" "${folders[@]}")
    work hunt "part$shards.$i" --shard "$i/$shards"
  done
  executed "${folders[@]}" | sort >many.executed
  cmp -s one.executed many.executed ||
    fail "$shards shards executed something else" "$(diff one.executed many.executed | head -n 8)"
  report 0 "$pieces of $pieces pieces; digest $digest" "${folders[@]}"
done
# The merged record is a record: it stands for the folders that it came from.
mkdir merged
cp "${folders[0]}/work.merged" merged/work.jsonl
cp one/hunt.jsonl merged/
report 0 "$pieces of $pieces pieces; digest $digest" merged

# A kill costs nothing but the pieces that it hit. Those on record are not run again.
work_of_a_night() {
  setsid "$campaign" nightly --bin builds --seconds 1 --seed 7 --executions $executions --out night --resume \
         >>night.log 2>&1 &
}
recorded() { grep -c '"kind":"piece"' night/work.jsonl 2>/dev/null || true; }
kills=0 before=0
for turn in 1 2 3; do
  work_of_a_night
  pid=$!
  for ((wait = 0; wait < 600; ++wait)); do
    now=$(recorded)
    [ "${now:-0}" -le "$before" ] || break
    sleep 0.05
  done
  kill -KILL -- -$pid 2>/dev/null && kills=$((kills + 1))
  wait $pid 2>/dev/null
  before=$(recorded)
done
[ $kills = 3 ] && [ "$before" -ge 3 ] && [ "$before" -lt $pieces ] ||
  fail "the kills came at the wrong moments: $kills of 3, $before of $pieces pieces"
work nightly night --resume
grep -q "goes on: $executions executions for each job that can be fixed, $((pieces - before)) pieces left" night.log ||
  fail "it did not go on with the $((pieces - before)) pieces that were left" "$(head -n 2 night.log)"
executed night | sort -u >night.executed
cmp -s night.executed one.executed ||
  fail "a night that was killed executed something else" "$(diff one.executed night.executed | head -n 8)"
report 0 "$pieces of $pieces pieces; digest $digest" night

# What is not there, or not of this campaign, is named; the rest is merged.
report 3 'pieces, 37 are missing; digest' part2.0
cp -r part2.1 foreign
sed -i '1s/"sources":"[0-9a-f]*"/"sources":"0123456789abcdef"/' foreign/work.jsonl
cp -r part2.1 newer
sed -i '1s/"format":1/"format":2/' newer/work.jsonl
report 3 'foreign: its sources are 0123456789abcdef, and those of the others' part2.0 part2.1 foreign newer
grep -q 'newer: its record of work has the format 2, and this revision reads 1' report.log ||
  fail "another format is not named" "$(cat report.log)"
[ "$(digest_in report.log)" = "$digest" ] || fail "the folders that fit were not merged" "$(cat report.log)"
cp -r part2.1 liar
sed -i '0,/"digest":"[0-9a-f]*"/s//"digest":"0000000000000000"/' liar/work.jsonl
report 4 'two runs of this piece differ' part2.0 part2.1 liar
"$campaign" nightly --bin builds --out night --executions $executions --seconds 1 --only nobody >log 2>&1
[ $? = 2 ] && grep -q 'no job is left' log || fail "a night without a job does not say so" "$(cat log)"
exit $bad
