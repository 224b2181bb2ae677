#!/bin/sh
# bug_test.sh verdict|played|held PROGRAM: what a bug program says of its twins, of one alone, and of both exchanged; and that one that is held can be looked at.
# verdict: it is reproduced (0). The same figures under each other's names are not (1); each variant
# alone is as documented (0), and the twins not under each other's name (1). Too noisy is skipped.
# played:  that exchange, and each variant alone, played and not judged from figures: one bug is
# enough for that.
# held:    the process that is named is the one that was started; it shows its goroutines and its metrics while it is held, and ends with 0.
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
exchanged() {  # arguments...
  expect 1 --swap "$@"
  grep -q '^not reproduced as documented$' "$log" || { cat "$log"; echo "no verdict"; exit 1; }
  for variant in buggy fixed; do
    expect 0 --variant $variant "$@"
    expect 1 --variant $variant --swap "$@"
  done
}
log=$(mktemp)
trap 'rm -f "$log" "$log.figures" "$log.said"' EXIT
case $how in
  verdict)
    "$program" --json >"$log.figures" 2>"$log.said"
    got=$?
    if [ $got -ge 3 ]; then  # 3: what the machine lacks is named
      cat "$log.said"
      { [ $got = 3 ] || grep -q ': too noisy: ' "$log.said"; } && exit 77 || exit 1
    fi
    expect $got --judge "$log.figures"  # the same verdict, in words
    [ $got = 0 ] || { cat "$log"; exit 1; }
    for variant in $(sed -n 's/.*"variant":"\([a-z_]*\)".*/\1/p' "$log.figures" | grep -vx both | sort -u); do expect 0 --variant "$variant" --judge "$log.figures"; done
    exchanged --judge "$log.figures" ;;
  played) exchanged ;;
  held)
    port=$((20000 + $$ % 12000))  # below those that outgoing connections are given
    RETAKE_DEBUG=pprof=127.0.0.1:$port "$program" --variant buggy --hold 5 --json >"$log" 2>&1 &
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
