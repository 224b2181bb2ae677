#!/bin/bash
# kept_inputs_test.sh PROGRAM OUT ROOT [record]: each kept input shows its mutant: with the operation that its name says weakened
# (kills-HEADER-ORDER-KIND), fuzz_schedule ends with 77 and the tag that README.md says; without, it ends well. An input whose stimulus
# is gone is red. `record` looks for each of these anew, and writes the input and its tag.
set -u
program=$1 out=$2 root=$3 mode=${4:-check}
folder=$root/fuzz/regressions/fuzz_schedule
seconds_max=120
rm -rf "$out"
mkdir -p "$out"
bad=0
fail() { echo "kept inputs: $*"; bad=1; }

site_of() {  # kills-HEADER-ORDER-KIND
  local header order kind line
  IFS=- read -r _ header order kind <<<"$1"
  line=$("$root/tests/line_of_order.sh" "$root/runtime/protocol/$header.hpp" "$order")
  [ -n "$line" ] && echo "$header.hpp:$line:$kind"
}

shown() {  # site, arguments...: prints the tag that it ended with
  local site=$1
  shift
  RETAKE_FUZZ_MUTATE=$site RETAKE_FUZZ_OUT=$out "$program" "$@" >"$out/stdout" 2>"$out/stderr"
  [ $? = 77 ] && sed -n 's/.*"finding":{"tag":"\([^"]*\)".*/\1/p' "$out/stdout"
}

names=$(sed -n 's/^| \(kills-[^ ]*\) | .*/\1/p' "$folder/README.md")
[ -n "$names" ] || fail "README.md of $folder names no input"
for file in "$folder"/kills-*; do
  grep -qxF "$(basename "$file")" <<<"$names" || fail "$(basename "$file") is not in README.md"
done
for name in $names; do
  site=$(site_of "$name") || { fail "$name: there is no such order"; continue; }
  said=$(sed -n "s/^| $name | \(.*\) |$/\1/p" "$folder/README.md")
  tag=$([ -e "$folder/$name" ] && shown "$site" "$folder/$name")
  if [ "$mode" = record ] && [ -z "$tag" ]; then
    rm -f "$out"/crash-*
    tag=$(shown "$site" -seed=1 -max_total_time=$seconds_max -artifact_prefix="$out/" "$root/fuzz/corpus/fuzz_schedule")
    [ -n "$tag" ] || { fail "$name: $site is not found within $seconds_max s"; continue; }
    cp "$out"/crash-* "$folder/$name"
  fi
  if [ "$mode" = record ]; then
    sed -i "s/^| $name | .* |$/| $name | $tag |/" "$folder/README.md"
    said=$tag
  fi
  [ "$tag" = "$said" ] || fail "$name: with $site the input shows \"$tag\", and README.md says \"$said\""
  [ -n "$tag" ] || fail "$name: $site is not shown"
  RETAKE_FUZZ_OUT=$out "$program" "$folder/$name" >"$out/clean" 2>&1 || fail "$name fails without the mutant too"
done
exit $bad
