#!/usr/bin/env bash
# endless_test.sh PROPERTIES: an execution without an end is cut when the time is over or a stop is asked for; it is no evidence.
set -uo pipefail
program=$(realpath "$1")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 4
bad=0
fail() { printf '%s\n' "$@"; bad=1; }
says() { grep -qE -- "$1" printed || fail "does not say \"$1\":" "$(head -n 3 printed said)"; }
timeout -s KILL 5 "$program" --seconds 0.3 >printed 2>said
code=$?
[ $code = 4 ] || fail "time: ended with $code"
says '^endless: 0 executions of 0 programs in .*, one more was cut$'
grep -q 'nothing was executed: no verdict' said || fail "nothing says that there is no verdict"
timeout -s KILL 5 "$program" --seconds 0.3 --json >printed 2>said
says '"executions":0,.*"programs":0,.*"cut":true,.*"finding":null'
timeout --preserve-status --foreground -s INT -k 5 0.5 "$program" --seconds 1000 >printed 2>said
code=$?
[ $code = 130 ] || fail "a stop: ended with $code"
says '^endless: 0 executions of 0 programs in .*, one more was cut, interrupted$'
exit $bad
