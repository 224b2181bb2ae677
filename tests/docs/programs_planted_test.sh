#!/usr/bin/env bash
# programs_planted_test.sh ROOT CMAKE BUILD COMPILER GENERATOR: a program that prints something else
# than its document says is noticed, and one that the document says nothing of too.
set -uo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
sed 's/^15 bytes$/16 bytes/' "$1/docs/files.md" >"$place/page.md"
sed -e 's/^```text$/```/' -e 's/files\.cpp/silent.cpp/' "$1/docs/files.md" >"$place/silent.md"
said=$(python3 "$(dirname "$0")/programs_test.py" "$@" "$place"/*.md) && { echo "programs_test is content with a wrong output"; exit 1; }
for complaint in 'page.md: files ends with 0 and prints' 'silent.md: silent ends with 0 and prints'; do
  grep -q "$complaint" <<<"$said" || { echo "not noticed: $complaint"; echo "$said"; exit 1; }
done
