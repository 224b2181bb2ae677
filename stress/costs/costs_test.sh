#!/bin/sh
# costs_test.sh holds|swapped PROGRAM: every claim holds; or, before and after swapped, no claim
# holds. Too noisy is skipped.
how=$1 program=$2
case $how in
  holds) out=$("$program" --json 2>/dev/null); got=$? expected=0 contrary='"holds":false' ;;
  swapped) out=$("$program" --broken --json 2>/dev/null); got=$? expected=1 contrary='"holds":true' ;;
esac
printf '%s\n' "$out"
[ "$how" = holds ] && [ "$got" = 4 ] && { echo "skipped: too noisy"; exit 77; }
[ "$got" = "$expected" ] || { echo "exit code $got, expected $expected"; exit 1; }
claims=$(printf '%s\n' "$out" | grep '"holds":' | grep -vc '"claimed":0.0')
[ "$claims" -ge 20 ] || { echo "only $claims claims"; exit 1; }
! printf '%s\n' "$out" | grep -v '"claimed":0.0' | grep "$contrary" || { echo "these are the other way round"; exit 1; }
