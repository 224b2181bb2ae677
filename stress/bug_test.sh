#!/bin/sh
# bug_test.sh swapped|alone|held PROGRAM: what a bug program says when its twins are exchanged, and of one twin alone; and that one that is held can be looked at.
# held: the process that is named is the one that was started; it shows its goroutines and its metrics while it is held, and ends with 0.
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
  held)
    port=$((20000 + $$ % 20000))
    RETAKE_DEBUG=pprof=127.0.0.1:$port "$program" --variant buggy --hold 8 --json >"$log" 2>&1 &
    held=$!
    sleep 2
    python3 - $port >"$log.seen" <<'PYTHON'
import sys, urllib.request
for what in ("debug/pprof/goroutine?debug=2", "debug/pprof/threadcreate?debug=1", "metrics"):
    print(urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/{what}", timeout=5).read().decode())
PYTHON
    looked=$?
    wait $held
    got=$?
    cat "$log.seen" >>"$log"
    rm -f "$log.seen"
    for wanted in "\"pid\":$held," '^goroutine 1 ' '^threadcreate profile: total' '^retake_threads '; do
      grep -q -- "$wanted" "$log" || { head -n 40 "$log"; echo "no $wanted"; exit 1; }
    done
    [ $looked = 0 ] && [ $got = 0 ] || { echo "looked at with $looked, ended with $got"; exit 1; } ;;
  *) exit 2 ;;
esac
