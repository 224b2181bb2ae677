#!/usr/bin/env bash
# cut_test.sh SIM: an execution that its time, a stop or its steps end in the middle is told as what it is: it is not counted, it
# proves nothing, and a search that holds one is not exhausted. SIM has the catalogue of endless_catalog.cpp.
set -uo pipefail
sim=$(realpath "$1")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 4
bad=0
fail() { printf '%s\n' "$@"; bad=1; }
ends() {  # code, pattern of its first line, arguments
  local wanted=$1 pattern=$2 code
  shift 2
  timeout 30 "$sim" "$@" >printed 2>said </dev/null
  code=$?
  [ $code = "$wanted" ] || fail "ended with $code, not $wanted: $*" "$(head -n 3 printed said)"
  head -n 1 printed | grep -qE -- "$pattern" || fail "does not say \"$pattern\": $*" "$(head -n 3 printed said)"
}
holds() {  # what of the JSON line must be so
  python3 -c "import json; j = json.loads(open('printed').readline()); assert $1, j" || fail "the line is not as it must be: $1"
}

# Time: nothing was executed to its end, which is no verdict.
for strategy in random pct dfs; do
  ends 4 '^never_ends: 0 executions in .*, truncated, one more was cut$' sim never_ends --strategy $strategy --seconds 0.05
  grep -q 'nothing was executed: no verdict' said || fail "$strategy: nothing says that there is no verdict"
  ends 4 '^\{' sim never_ends --strategy $strategy --seconds 0.05 --json
  holds 'j["cut"] and j["truncated"] and not j["exhausted"] and j["executions"] == 0 and j["finding"] is None'
done

# Those that ended before it count; it does not.
ends 0 '^some_never_end: [1-9][0-9]* executions in .*, truncated, one more was cut$' sim some_never_end --memory sc --seconds 0.2
ends 0 '^\{' sim some_never_end --memory sc --seconds 0.2 --json
holds 'j["cut"] and not j["interrupted"] and 0 < j["executions"] < 1000 and j["finding"] is None'
ends 0 '^some_never_end: 2 executions in [^,]*, [^,]*, [^,]*$' sim some_never_end --memory sc --executions 2

# A stop: a code of its own.
timeout --preserve-status --foreground -s INT 0.5 "$sim" sim never_ends --executions 9 >printed 2>said </dev/null
code=$?
[ $code = 130 ] && grep -qE '^never_ends: 0 executions in .*, one more was cut, interrupted$' printed || fail "a stop ended it with $code" "$(head -n 3 printed said)"

# Steps: past the chaos an execution ends healed, and was not searched to its end; past its bound it is a finding.
ends 0 '^ends_late: 1 executions in .*, truncated$' sim ends_late --strategy dfs
ends 0 '^\{' sim ends_late --strategy dfs --json
holds 'j["truncated"] and not j["cut"] and not j["exhausted"] and j["finding"] is None'
ends 1 '^ends_too_late: 1 executions in .*, truncated$' sim ends_too_late
grep -qx 'finding   livelock' printed || fail "a livelock is not told"
ends 1 '^has_a_bound: 1 executions in .*, truncated$' sim has_a_bound
grep -qx 'finding   steps' printed || fail "the bound of steps is not told"

# Its replay is the same finding; so is what is left of it.
replay=$(find out -name 'has_a_bound-steps-*.replay')
ends 1 . replay "$replay"
grep -q '^reproduced  steps' printed || fail "the replay does not show the bound again" "$(tail -n 2 printed)"
ends 0 . shrink "$replay"
exit $bad
