#!/usr/bin/env bash
# children_test.sh CAMPAIGN: nothing of what a campaign started outlives it, however it ends, also not what left its process group; and a
# program that a build is linking is waited for.
set -uo pipefail
campaign=$(realpath "$1")
here=$(dirname -- "$(realpath "$0")")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 4
# shellcheck source=tests/cli/nightly_builds.sh
. "$here/nightly_builds.sh"
bad=0
fail() { echo "$*"; bad=1; }

# Each simulation starts a process that leaves its group, and goes on.
make_builds builds
cat >tree <<'CODE'
#!/usr/bin/env bash
setsid sleep 61 &
echo $! >>pids
echo $$ >>pids
sleep 62
CODE
chmod +x tree
sed -i "2i [ \"\$1\" = list ] || exec $place/tree" builds/models/bin/retake-sim

begin() {  # in the background: a hunt whose trees stand
  rm -f pids
  setsid "$campaign" hunt --bin builds --seconds 30 --seed 1 --out out >log 2>&1 &
  pid=$!
  for _ in $(seq 100); do [ "$(wc -l 2>/dev/null <pids)" -ge 2 ] 2>/dev/null && return; sleep 0.05; done
  fail "no tree stands: $(tail -n 3 log)"
}
alive() { local one; for one in $(cat pids); do kill -0 "$one" 2>/dev/null && echo "$one"; done; }
gone() {  # within two seconds
  for _ in $(seq 40); do [ -z "$(alive)" ] && return; sleep 0.05; done
  fail "$1 left $(alive | wc -l) processes"
  kill -KILL $(alive) 2>/dev/null
}
for signal in KILL TERM INT; do
  begin
  kill -$signal $pid
  wait $pid 2>/dev/null
  code=$?
  [ $signal = KILL ] || [ $code = 130 ] || fail "SIG$signal: ended with $code"
  gone "SIG$signal"
done

# A program that ends leaves nothing either.
make_builds ending
cat >ending/release/bin/hammer_quick <<CODE
#!/usr/bin/env bash
setsid sleep 63 >/dev/null 2>&1 </dev/null &
echo \$! >$place/pids
echo '{"kind":"stress","name":"quick","rounds":1,"holds":true,"exercised":true,"exhausted":true,"finding":null}'
CODE
rm -f pids
"$campaign" nightly --bin ending --seconds 2 --seed 1 --only quick,stress --out ended >log 2>&1
[ -s pids ] || fail "the hammer was not run: $(tail -n 3 log)"
gone "a program that ended"

# Its executable is away for a second.
make_builds linking
mv linking/release/bin/hammer_quick linked
(sleep 1.3; mv linked linking/release/bin/hammer_quick) &
cat >linking/release/bin/hammer_quick <<CODE
CODE
chmod +x linking/release/bin/hammer_quick
"$campaign" nightly --bin linking --seconds 4 --seed 1 --only stress --out linked_out >log 2>&1
[ $? = 0 ] && grep -q '"name":"quick"' linked_out/logs/night-0001.jsonl || fail "a program that was being linked had no run: $(tail -n 3 log)"
exit $bad
