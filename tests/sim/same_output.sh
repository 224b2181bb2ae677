#!/bin/sh
# same_output.sh PROGRAM...: all print the same, twice, and without address space randomisation where that can be switched off.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
first=$1
"$first" > "$folder/expected"
lines=$(wc -l < "$folder/expected")
[ "$lines" -ge 2000 ] || { echo "$first printed $lines lines only"; exit 1; }
distinct=$(cut -d' ' -f2 "$folder/expected" | sort -u | wc -l)
[ "$distinct" -ge 1900 ] || { echo "only $distinct different hashes: seeds do not matter"; exit 1; }
for program in "$@"; do
  "$program" > "$folder/got"
  cmp "$folder/expected" "$folder/got" || { echo "$program differs from $first"; exit 1; }
  if setarch -R true 2>/dev/null; then
    setarch -R "$program" > "$folder/got"
    cmp "$folder/expected" "$folder/got" || { echo "$program without ASLR differs from $first"; exit 1; }
  fi
done
echo "$# programs, $lines hashes, all the same"
