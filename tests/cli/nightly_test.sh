#!/usr/bin/env bash
# nightly_test.sh CAMPAIGN: exit codes over several nights, names of findings, shares of time, shards, the lock, the limit of the folder.
set -uo pipefail
campaign=$(realpath "$1")
here=$(dirname -- "$(realpath "$0")")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 4
# shellcheck source=tests/cli/nightly_builds.sh
. "$here/nightly_builds.sh"
make_builds builds
bad=0
fail() { echo "$*"; bad=1; }

night() {  # expected-code plant arguments...; FOLDER, else night
  local expected=$1 plant=$2 code
  shift 2
  PLANT=$plant "$campaign" nightly --bin builds --out "${FOLDER:-night}" --json "$@" >lines 2>said
  code=$?
  [ $code = "$expected" ] || { fail "ended with $code, not $expected: PLANT='$plant' $*"; tail -n 3 said; }
}
findings() { grep -c '"kind":"finding"' lines; }
new() { sed -n 's/.*"kind":"nightly".*"new_findings":\([0-9]*\).*/\1/p' lines; }

# A finding is new once. Other steps before it are the same finding; another ending, or another tag, is another.
night 0 "" --seconds 2 --only planted
[ "$(findings):$(new)" = 0:0 ] || fail "a clean night has $(findings) findings"
night 1 "P9 wake" --seconds 2 --only planted
[ "$(findings):$(new)" = 1:1 ] || fail "one defect, seen in ten ways: $(findings) findings, $(new) new"
first=$(sed -n 's/.*"id":"\([^"]*\)".*/\1/p' lines)
for key in id first_seen last_seen new revision replay command last_steps; do grep -q "\"$key\":" lines || fail "a finding's line has no $key"; done
[ -s "night/findings/$first.replay" ] || fail "no replay of $first"
night 0 "P9 wake" --seconds 2 --only planted
[ "$(findings):$(new)" = 1:0 ] && grep -q "\"id\":\"$first\".*\"new\":false" lines || fail "a known finding is told as new"
night 1 "P9 sleep" --seconds 2 --only planted
[ "$(findings):$(new)" = 2:1 ] || fail "another ending is not another finding"
night 1 "P3 sleep" --seconds 2 --only planted
[ "$(findings):$(new)" = 3:1 ] || fail "another tag is not another finding"
[ "$(tail -n 1 lines | cut -c1-18)" = '{"kind":"nightly",' ] || fail "there is no closing line"
[ -s night/report.html ] || fail "there is no report"

# Time goes to what shows new traces, once each job had its first turn.
FOLDER=shares night 0 "" --seconds 10 --only fresh,stale
again() { python3 -c 'import json,sys; print(sum(j["runs"] - 1 for n, j in json.load(open("shares/state.json"))["jobs"].items() if sys.argv[1] in n))' "$1"; }
[ "$(again fresh)" -ge 10 ] && [ "$(again fresh)" -ge $((3 * $(again stale))) ] || fail "fresh ran $(again fresh) times again, stale $(again stale)"

# Two shards have every job once.
for part in 0 1; do FOLDER=part$part night 0 "" --seconds 6 --shard $part/2; done
python3 - <<'CODE' || bad=1
import json
jobs = [set(json.load(open(f"part{i}/state.json"))["jobs"]) for i in (0, 1)]
if jobs[0] & jobs[1] or len(jobs[0] | jobs[1]) != 10 * 3 + 4: raise SystemExit(f"shards: {jobs}")
CODE

# One at a time; nothing to do; a state of somebody else.
"$campaign" nightly --bin builds --seconds 30 --only fresh --out night >/dev/null 2>&1 &
pid=$!
for _ in $(seq 50); do grep -q '"end": "running"' night/state.json 2>/dev/null && break; sleep 0.1; done
night 2 "" --seconds 2
grep -q "another nightly works there" said || fail "two at a time: $(cat said)"
kill -TERM $pid
wait $pid
[ $? = 130 ] && grep -q '"end": "interrupted"' night/state.json || fail "an interrupted night does not say so"
night 2 "" --seconds 2 --only nobody
mkdir other
echo '{"format": 99}' >other/state.json
FOLDER=other night 2 "" --seconds 2
[ "$(wc -l <said)" = 1 ] && grep -q "has the format 99, and this revision reads 1" said && [ "$(cat other/state.json)" = '{"format": 99}' ] || fail "another format is not refused: $(cat said)"

# The folder's limit: old logs go, the oldest first; findings and state stay.
for i in 1 2 3; do
  head -c 700000 /dev/zero >"night/logs/night-000$i.jsonl"
  touch -d "2020-01-0$i" "night/logs/night-000$i.jsonl"
done
before=$(find night/findings -type f | wc -l)
night 0 "" --seconds 3 --only stale --disk-mb 1
[ ! -e night/logs/night-0001.jsonl ] && [ ! -e night/logs/night-0002.jsonl ] && [ -e night/logs/night-0003.jsonl ] || fail "logs: $(ls night/logs)"
[ "$before" = 3 ] && [ "$(find night/findings -type f | wc -l)" = 3 ] || fail "findings went with the logs"
exit $bad
