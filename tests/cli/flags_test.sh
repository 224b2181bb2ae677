#!/usr/bin/env bash
# flags_test.sh ROOT BIN: the flags of each word: those that its help names, those that the launcher
# accepts, and those that the word's program accepts are the same, and a value is taken by those that
# the help shows with one.
# Method: each flag of a help is given before a flag that does not exist; the launcher's complaint says how far it came.
set -uo pipefail
root=$(realpath "$1") bin=$(realpath "$2")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 4
bad=0 looked=0
fail() { printf '%s\n' "$@"; bad=1; }

usage_of() { sed -n '1p; 2,$ { /^ *\[/!q; p }'; }            # of a help: its first line and those that go on with [
shown_in() { grep -oE -- '--[a-z]+(-[a-z]+)*( [^] |]+)?'; }             # with the value, if it has one
rows_of() { sed -nE 's/^  (--[a-z-]+)[ =].*/\1/p'; }                    # flags that have a line of their own
sorted() { tr ' ' '\n' | sort -u | xargs; }
complaint() { "$root/retake" "$@" 2>&1 >/dev/null </dev/null; }

words=$("$root/retake" --help | sed -nE 's/^  ([a-z]+) .*/\1/p')
for word in $words; do
  help=$("$root/retake" "$word" --help)
  shown=$(usage_of <<<"$help" | shown_in)
  named=$(sed 's/ .*//' <<<"$shown" | sorted)
  for flag in $(rows_of <<<"$help"); do
    [[ " $named " == *" $flag "* ]] || fail "$word: its help explains $flag and does not show it"
  done
  while read -r flag value; do
    [ -n "$flag" ] || continue
    looked=$((looked + 1))
    said=$(complaint "$word" "$flag" --no-flag-at-all)
    if [ -z "$value" ]; then
      [[ $said == *--no-flag-at-all* ]] || fail "$word $flag: in the help without a value; the launcher: $said"
    else
      [[ $said == *"$flag "*value* || $said == *"$flag \""*"not accepted"* ]] ||
        fail "$word $flag $value: in the help; the launcher: $said"
    fi
  done <<<"$shown"
  [ "$word" = diagnose ] && continue  # its program reads its arguments
  accepted=$(complaint "$word" --no-flag-at-all | sed 's/.* accepts//' | sorted)
  [ "$accepted" = "$named" ] || fail "$word: its help shows $named" "  the launcher accepts $accepted"
  case $word in
    sim | replay | shrink) program=("$bin/retake-sim" "$word") ;;
    hunt | nightly | fuzz | mutants | demo | report | list) program=("$bin/retake-campaign" "$word") ;;
    model) program=("$bin/note_model") ;;
    props) program=("$bin/run_queue_properties") ;;
    bug) program=("$bin/bug01_unbounded_foreign_calls") ;;
    stress) program=("$bin/hammer_syscall") accepted=${accepted/--sanitizer /} ;;  # that one chooses the build
    *) continue ;;
  esac
  [ -x "${program[0]}" ] || continue
  known=$("${program[@]}" --help | sed -nE 's/^ +(-[a-z],)?(--[a-z-]+).*/\2/p' | xargs)
  for flag in $accepted; do
    [[ " $known " == *" $flag "* ]] ||
      fail "$word $flag: the launcher passes it on, and ${program[0]##*/} does not know it"
  done
done
# The launcher reads a bug's variants out of its source, before anything is built: as many as its
# program knows.
for source in "$root"/stress/bug[0-9]*.cpp; do
  name=$(basename "$source" .cpp)
  [ -x "$bin/$name" ] || { fail "$name is not built in $bin"; continue; }
  number=${name:3:2}
  known=$("$bin/$name" --variant no_such_variant 2>&1 | grep -oE '\{.*\}' | tr -d '{}' | tr ',' ' ' | sorted)
  accepted=$(complaint bug "$number" --variant no_such_variant | sed 's/.*accepted of bug [0-9]*://; s/,//g' | sorted)
  [ "$(wc -w <<<"$known")" -ge 3 ] && [ "$accepted" = "$known" ] ||
    fail "bug $number: its program plays $known" "  the launcher accepts $accepted"
done
[ $looked -ge 80 ] || fail "only $looked flags were found in the helps: the search is broken"
exit $bad
