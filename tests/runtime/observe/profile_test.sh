#!/usr/bin/env bash
# profile_test.sh PROGRAM SOURCE GO: go tool pprof reads bug 1's profile threadcreate, and names the line of the foreign_call first. Without Go nothing can be said.
set -euo pipefail
program=$1 source=$2 go=$3
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
"$program" --variant buggy --requests 200 --profile "$place/threads.pb" >"$place/log" || { cat "$place/log"; exit 1; }
wanted=$(basename "$source"):$(grep -n 'foreign_call(\[' "$source" | cut -d: -f1)
"$go" tool pprof -top -lines "$place/threads.pb" >"$place/top" 2>"$place/errors" || { cat "$place/errors"; exit 1; }
cat "$place/top"
first=$(sed -n '/flat%/{n;p;q}' "$place/top")
case $first in *"service::handle "*"$wanted") exit 0 ;; esac
echo "the first line is not service::handle at $wanted"
exit 1
