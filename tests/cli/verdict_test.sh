#!/usr/bin/env bash
# verdict_test.sh CAMPAIGN: code 0 needs evidence; what had no turn is told; one process works in a folder; shards that are missing, foreign
# or there twice are named; commands that are told can be pasted.
set -uo pipefail
campaign=$(realpath "$1")
here=$(dirname -- "$(realpath "$0")")
place=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$place"' EXIT
cd "$place" || exit 4
# shellcheck source=tests/cli/nightly_builds.sh
. "$here/nightly_builds.sh"
make_builds builds
export SCENARIOS=planted
bad=0
fail() { printf '%s\n' "$@"; bad=1; }
ends() {  # code, text that is said, program and arguments
  local wanted=$1 text=$2 code
  shift 2
  timeout 30 "$@" >log 2>&1 </dev/null
  code=$?
  [ $code = "$wanted" ] || fail "ended with $code, not $wanted: $*" "$(tail -n 4 log)"
  grep -qF -- "$text" log || fail "does not say \"$text\": $*" "$(tail -n 4 log)"
}
hunt() { ends "$1" "$2" "$campaign" hunt --bin builds --seed 1 "${@:3}"; }
closing() { tail -n 1 "$1/hunt.jsonl" | grep -qF -- "$2" || fail "the closing line of $1 has no $2: $(tail -n 1 "$1/hunt.jsonl")"; }

# Something of all was run; nothing was.
hunt 0 'No finding in 14 of 14 jobs' --seconds 3.9 --out all
closing all '"had_no_turn":0'
hunt 4 'Nothing was run: no verdict; 14 had no turn' --seconds 0.05 --out none
closing none '"verdict":"Nothing was run: no verdict'
ends 4 none/report.html "$campaign" report --bin builds none
grep -q 'Nothing was run: no verdict' none/report.html || fail "the page of a hunt that ran nothing says otherwise"
ends 4 'Nothing was run: no verdict' "$campaign" nightly --bin builds --seconds 0.05 --out no_night
hunt 2 'no job is left' --seconds 4 --shard 98/99 --out no_job
mkdir empty
ends 2 'no run is on record there' "$campaign" report --bin builds empty

# A program that executes nothing has had no turn, whatever it says: some of them, all of them.
for idle in some all; do
  cp -r builds idle_$idle
  for program in idle_$idle/*/bin/*; do
    [ $idle = all ] || [[ $program == */retake-sim ]] || continue
    sed -i '2i [ "$1" = list ] || { echo '"'"'{"kind":"sim","executions":0,"finding":null}'"'"'; exit 4; }' "$program"
  done
done
idle() { ends 4 "$2" "$campaign" "${@:3}" --bin idle_$1 --seed 1; }
idle some 'No finding in 4 of 14 jobs; 10 had no turn; 10 harness faults' hunt --seconds 3.9 --out idle
closing idle '"had_no_turn":10'
idle some 'No new finding in 4 of 14 jobs; 10 had no turn; 10 harness faults' nightly --seconds 3.9 --out idle_night
idle all 'Nothing was run: no verdict; 14 had no turn; 14 harness faults' hunt --seconds 2.9 --out all_idle
idle all 'Nothing was run: no verdict; 14 had no turn; 14 harness faults' nightly --seconds 2.9 --out all_idle_night
for folder in all_idle all_idle_night; do
  ends 4 $folder/report.html "$campaign" report --bin builds $folder
  grep -q 'Nothing was run: no verdict' $folder/report.html || fail "the page of $folder, which ran nothing, says otherwise"
done

# Interrupted before anything was executed.
cp -r builds slow
sed -i '2i [ "$1" = list ] || exec sleep 60' slow/models/bin/retake-sim
for word in hunt nightly; do
  "$campaign" $word --bin slow --seconds 20 --seed 1 --out slow_$word >slow_log 2>&1 &
  pid=$!
  for _ in $(seq 60); do pgrep -P "$pid" >/dev/null && break; sleep 0.05; done
  # One process works in a folder; the next one reads which.
  ends 2 "another $word works there: pid $pid on $(hostname) since 20" "$campaign" $word --bin builds --seconds 2 --out slow_$word
  kill -INT "$pid"
  wait "$pid"
  [ $? = 130 ] || fail "an interrupted $word did not end with 130"
done
closing slow_hunt '"interrupted":true'

# A night goes on with what it was begun with.
ends 2 '--resume: the night in slow_nightly was begun with --seed 1;' "$campaign" nightly --bin builds --resume --seed 2 --out slow_nightly
ends 2 'was begun with --shard 0/1;' "$campaign" nightly --bin builds --resume --shard 1/2 --out slow_nightly
ends 2 'was begun with no --only;' "$campaign" nightly --bin builds --resume --only stress --out slow_nightly

# Shards: one is missing; a copy counts once; another run of a shard has findings and no figures.
hunt 0 'No finding' --seconds 2 --shard 0/2 --out part0
ends 3 'shard 1/2 is missing' "$campaign" report --bin builds part0
hunt 0 'No finding' --seconds 2 --shard 1/2 --out part1
ends 0 part0/report.html "$campaign" report --bin builds part0 part1
grep -q 'missing' log && fail "a whole run is told as if it were not: $(cat log)"
cp -r part1 copy
ends 0 'hold the same run: it counts once' "$campaign" report --bin builds part0 part1 copy
sleep 1
hunt 0 'No finding' --seconds 2 --shard 1/2 --out again
ends 0 'shard 1/2 is there twice' "$campaign" report --bin builds part0 part1 again

# What a kill kept from being told is new in the next night, also when that finds nothing; after it, known.
night() { ends "$1" "$2" "$campaign" nightly --bin builds --seconds 1 --seed 1 --only planted --out killed; }
PLANT="P9 wake" "$campaign" nightly --bin builds --seconds 20 --seed 1 --only planted --out killed >log 2>&1 &
pid=$!
for _ in $(seq 100); do grep -q '"id": "P9' killed/state.json 2>/dev/null && break; sleep 0.05; done
kill -KILL $pid
wait $pid 2>/dev/null
night 1 'NEW P9'
night 0 'No new finding'
# So it is after a torn state; a replay of 0 bytes is none; a page that cannot be written is not told.
echo '{"for' >killed/state.json
night 1 'NEW P9'
night 0 'No new finding'
: >killed/work/empty.replay
night 0 'empty.replay is torn: set aside as'
rm -f killed/report.html
mkdir -p killed/report.html/not_empty
night 0 'No new finding'
grep -q 'report: killed/report.html' log && fail "a page that is not there is told"

# A folder whose name begins with a dash is no flag of a child.
cp -r builds dash
sed -i "2i printf '%s\\\\n' \"\$@\" >>$place/words" dash/fuzz/bin/fuzz_quick
ends 0 'No new finding' "$campaign" nightly --bin dash --seconds 2.5 --seed 1 --only fuzz --out=-runs
[ -s words ] && ! grep -q '^-runs/' words || fail "a folder became a flag: $(grep -m 1 '^-runs/' words)"

# A command that is told is pasted in a shell: terminal, JSON and page name the same file, which is there. Also from a machine that is gone.
export PLANT="P9 wake"
odd=$'it\'s $HOME\nof `x` caf\xc3\xa9'
printf '#!/usr/bin/env bash\nprintf "%%s" "$2" >got\n' >retake
chmod +x retake
pasted() {  # where it was told, the command
  rm -f got
  bash -c "$2" >/dev/null 2>&1
  [ -s got ] && [ -f "$(cat got)" ] || fail "$1: a command cannot be pasted: $2"
}
ends 1 FOUND "$campaign" hunt --bin builds --seconds 3 --seed 1 --out "$odd"
pasted "hunt" "$(grep -m 1 -o '\./retake replay .*' log)"
ends 1 NEW "$campaign" nightly --bin builds --seconds 2 --seed 1 --only planted --out "$odd n"
pasted "nightly" "$(grep -m 1 -o '\./retake replay .*' log)"
pasted "nightly's JSON" "$(python3 -c 'import json,sys; print(next(j["command"] for j in map(json.loads, open(sys.argv[1])) if j["kind"] == "finding"))' "$odd n/nightly.jsonl")"
for folder in "$odd" "$odd n"; do
  pasted "the page" "$(python3 -c '
import html, re, sys
print(html.unescape(re.search(r"\./retake replay [^<]*", open(sys.argv[1], encoding="utf-8").read())[0]))' "$folder/report.html")"
done
# So is that of a finding without a replay, from the record: a child's own command, and a hammer's.
cp -r builds bare
sed -i "s/\"replay\":\"'\$replay'\"/\"replay\":null/; s/^  mv .*/  rm \"\$replay.tmp\"/" bare/models/bin/retake-sim
cat >bare/release/bin/hammer_quick <<'CODE'
#!/usr/bin/env bash
while [ $# -gt 0 ]; do [ "$1" != --seed ] || seed=$2; shift; done
echo '{"kind":"stress","name":"quick","seed":'"$seed"',"rounds":1,"finding":{"tag":"L1","claim":"L1: seed '"$seed"'"}}'
exit 1
CODE
sed -i '2i [ "$1 $2" != "stress quick" ] || exec bare/release/bin/hammer_quick "${@:3}"' retake
ends 1 FOUND "$campaign" hunt --bin bare --seconds 3 --seed 1 --out "$odd b"
for tag in P9 L1; do
  python3 - "$odd b/hunt.jsonl" $tag >told <<'CODE'
import json, sys
found = [j["finding"] for j in map(json.loads, open(sys.argv[1])) if isinstance(j.get("finding"), dict) and j["finding"]["tag"] == sys.argv[2]]
assert found[0].get("replay") is None
print(found[0]["claim"], found[0]["command"], sep="\n")
CODE
  grep -qF "  $(tail -n 1 told)" log || fail "the terminal tells another command of $tag than the record"
  [[ $(bash -c "$(tail -n 1 told)" 2>&1) == *"$(head -n 1 told)"* ]] || fail "the record's command does not show $tag again: $(cat told)"
done
mv "$odd" moved
ends 0 moved/report.html "$campaign" report --bin builds moved
pasted "the page of another machine" "$(python3 -c '
import html, re
print(html.unescape(re.search(r"\./retake replay [^<]*", open("moved/report.html", encoding="utf-8").read())[0]))')"
exit $bad
