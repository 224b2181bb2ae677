#!/usr/bin/env bash
# killed_nightly_test.sh CAMPAIGN SHIM TWIN [SEED]: a night that is killed six times, at random, loses no finding, no input and no count.
#
# TWIN is `none`, or what SHIM (unsafe_rename.cpp) breaks in the writing of the state: then the same look must see it, in one of six nights.
set -uo pipefail
campaign=$(realpath "$1") shim=$(realpath "$2") twin=$3 seed=${4:-$RANDOM}
here=$(dirname -- "$(realpath "$0")")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 4
# shellcheck source=tests/cli/nightly_builds.sh
. "$here/nightly_builds.sh"
make_builds builds
RANDOM=$seed
echo "kills are drawn with seed $seed"

watched() {  # in the background
  local broken=()
  [ "$twin" = none ] || broken=(env "RETAKE_TWIN=$twin" "LD_PRELOAD=$shim")
  SCENARIOS="lucky stale" WRITTEN=$place/written exec "${broken[@]}" "$campaign" nightly --bin builds --seconds 12 --only lucky,stale,fuzz --out night --resume >>log 2>&1
}

one_night() {  # 1: something was lost
  local pid code
  rm -rf night written snapshot log
  touch written
  for _ in 1 2 3 4 5 6; do
    watched &
    pid=$!
    sleep "$((RANDOM % 2)).$((RANDOM % 10))$((RANDOM % 10))"
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
    python3 "$here/nightly_snapshot.py" night snapshot || return 1
  done
  watched &
  wait $!
  code=$?
  [ $code = 1 ] || { echo "the night ended with $code"; tail -n 5 log; return 1; }
  python3 "$here/nightly_snapshot.py" night snapshot written || return 1
  [ "$(grep -c '"number": 1,' night/state.json)" = 1 ] && [ "$(grep -c '"number":' night/state.json)" = 1 ] || { echo "it is not one night"; return 1; }
  grep -q '"end": "whole"' night/state.json || { echo "the night has no end"; return 1; }
  find night -name '*.tmp' -o -name 'merging-*' -o -path '*/work/*.replay' | grep . && { echo "is left behind"; return 1; }
  return 0
}

if [ "$twin" = none ]; then
  one_night
  exit
fi
for _ in 1 2 3 4 5 6; do one_night && continue; echo "the twin is seen"; exit 0; done
echo "a writer that $twin is not noticed"
exit 1
