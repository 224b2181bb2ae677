#!/usr/bin/env bash
# new_test.sh ROOT: `./retake new` writes a project for each way in; the commands that it prints
# build and run it, and its check fails as the bug in it must. What cannot be written is refused.
set -uo pipefail
root=$(realpath "$1")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 4
unset RETAKE_LAUNCHER
bad=0
fail() { printf '%s\n' "$@"; bad=1; }

project() {  # way, the finding's line
  "$root/retake" new "a-$1" --way "$1" >commands 2>said || { fail "new --way $1 ended with $?" "$(cat said)"; return; }
  bash -e commands >out 2>&1
  [ $? = 1 ] && grep -q "^finding   $2" out ||
    fail "the check of --way $1 does not find what it should" "$(tail -n 20 out)"
  grep -q 'the bug' "a-$1/a-$1.cpp" || fail "--way $1: the bug is not marked"
}
project model race
project goroutines leak
project world race

refused() {  # arguments...
  "$root/retake" new "$@" >out 2>said </dev/null
  [ $? = 2 ] && [ "$(wc -l <said)" = 1 ] || fail "new $* is not refused with one line" "$(cat out said)"
}
refused
refused one two
refused a-model
refused 'no name'
refused other --way unmodified
[ ! -e other ] || fail "a refused project was written"
exit $bad
