#!/bin/sh
# bug_test.sh swapped|alone PROGRAM: what a bug program says when its twins are exchanged, and of one twin alone.
# swapped: the verdict fails (1). alone: each variant behaves as documented (0), and not under the other's name (1).
how=$1 program=$2
expect() {  # code arguments...
  wanted=$1
  shift
  "$program" "$@" >"$log" 2>&1
  got=$?
  [ "$got" = "$wanted" ] && return
  cat "$log"
  echo "$* ended with $got, expected $wanted"
  exit 1
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
case $how in
  swapped)
    expect 1 --swap
    grep -q '^not reproduced as documented$' "$log" || { cat "$log"; echo "no verdict"; exit 1; } ;;
  alone)
    for variant in buggy fixed; do
      expect 0 --variant $variant
      expect 1 --variant $variant --swap
    done ;;
  *) exit 2 ;;
esac
