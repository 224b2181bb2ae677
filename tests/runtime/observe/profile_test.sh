#!/usr/bin/env bash
# profile_test.sh PROGRAM SOURCE GO: go tool pprof reads bug 1's profile threadcreate over HTTP, and names the line of the foreign_call first. Without Go nothing can be said.
set -euo pipefail
program=$1 source=$2 go=$3
place=$(mktemp -d)
port=$((20000 + $$ % 12000))  # below those that outgoing connections are given
RETAKE_DEBUG=pprof=127.0.0.1:$port "$program" --variant buggy --hold 60 >"$place/log" 2>&1 &
held=$!
trap 'kill $held 2>/dev/null; rm -rf "$place"' EXIT
line=$(grep -n 'foreign_call(\[' "$source" | cut -d: -f1)
wanted=$(basename "$source"):$line
first=
for ((tries = 0; tries < 30; ++tries)); do  # until the burst has come
  sleep 1
  kill -0 $held 2>/dev/null || break
  "$go" tool pprof -top -lines "http://127.0.0.1:$port/debug/pprof/threadcreate" >"$place/top" 2>"$place/errors" || continue
  first=$(sed -n '/flat%/{n;p;q}' "$place/top")
  case $first in *"answer_unbounded"*"$wanted") exit 0 ;; esac
done
cat "$place/log" "$place/errors" "$place/top" || true
echo "the first line is not answer_unbounded at $wanted: $first"
exit 1
