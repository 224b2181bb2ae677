#!/usr/bin/env bash
# unwritable_test.sh TARGET: a fuzz target tells its finding whatever becomes of the replay: with it, and on a disk that takes nothing.
set -uo pipefail
target=$(realpath "$1")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 4
unset RETAKE_LAUNCHER  # of `./retake test`: here the command is that of a target that was started by itself
bad=0
fail() { printf '%s\n' "$@"; bad=1; }
told() {  # how, python expression over the finding
  python3 -c '
import json, sys, os
lines = [json.loads(line) for line in open("lines")]
assert len(lines) == 1 and lines[0]["kind"] == "fuzz" and lines[0]["executions"] > 0, lines
f = lines[0]["finding"]
assert f["tag"] == "P9" and f["scenario"] == "core_handoff_store" and f["executions_to_first"] > 0, f
assert eval(sys.argv[1]), f' "$2" || fail "$1: the finding is not told as it is: $(cat lines)"
  grep -qx 'finding   P9' said || fail "$1: the finding is not told to people" "$(tail -n 5 said)"
}
finds() {  # output folder, command before the target: both outputs come through a pipe, which no limit of files holds up
  (export RETAKE_FUZZ_OUT=$1 RETAKE_FUZZ_JSON=$1/json; eval "${2:-}"; exec "$target" 2>&1) | cat >all
  [ "${PIPESTATUS[0]}" = 132 ] || fail "$1: the target did not end by its trap, which libFuzzer waits for"
  grep '^{' all >lines
  grep -v '^{' all >said
}
finds out
told "on a disk" 'os.path.getsize(f["replay"]) > 0'
cmp -s lines out/json || fail "the file of the line holds another one: $(cat out/json)"
grep -qxF "./retake replay $(find out -name '*.replay')" said || fail "the replay is not told" "$(tail -n 3 said)"

finds full "trap '' XFSZ; ulimit -f 0"
told "on a full disk" 'f["replay"] is None'
grep -q '^no replay could be written' said || fail "nothing says that there is no replay" "$(tail -n 3 said)"
grep -q 'full/.*tmp: File too large' said || fail "nothing says why there is no replay" "$(tail -n 9 said)"
[ -z "$(find full -name '*.replay')" ] || fail "a replay is left that was not written"
exit $bad
