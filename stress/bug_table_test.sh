#!/bin/sh
# bug_table_test.sh README PROGRAM...: the table of the bugs in the README is what the programs measure by: no row more, none less, none other.
readme=$1
shift
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
for program in "$@"; do "$program" --table || exit 1; done >"$here/programs"
grep -E '^\| [0-9]+ \| .* against ' "$readme" >"$here/readme"
[ -s "$here/programs" ] || { echo "the programs print no row"; exit 1; }
sort "$here/programs" >"$here/a" && sort "$here/readme" >"$here/b" && diff -u "$here/a" "$here/b"
