#!/usr/bin/env bash
# interrupted_program_test.sh BIN: a program that is interrupted says what it has seen so far, and ends with 130: nothing of what it
# prints can be taken for a verdict.
set -uo pipefail
bin=$(realpath "$1")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 4
bad=0
fail() { printf '%s\n' "$@"; bad=1; }

catches() {  # pid signal-number
  local mask
  mask=$(sed -n 's/^SigCgt:\t//p' "/proc/$1/status" 2>/dev/null)
  ((16#${mask:-0} >> ($2 - 1) & 1))
}

interrupts() {  # signal, pattern of what it says, command...
  local signal=$1 pattern=$2 pid code
  shift 2
  timeout --foreground 60 env --default-signal=INT "$@" >printed 2>said </dev/null &
  pid=$!
  local program=''
  for _ in {1..200}; do
    program=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null)
    program=${program%% *}
    # Before the exec it is still a part of timeout, whose handlers it has.
    [ -n "$program" ] && [ "/proc/$program/exe" -ef "$1" ] && catches "$program" 2 && break
    sleep 0.05
  done
  kill -s "$signal" "$program"
  wait "$pid"
  code=$?
  [ $code = 130 ] || fail "$*: ended by SIG$signal with $code" "$(tail -n 3 printed said)"
  grep -qE -- "$pattern" printed || fail "$*: does not say \"$pattern\":" "$(tail -n 3 printed said)"
  grep -qE '^holds|no finding|"holds":true|"exhausted":true|, exhausted' printed && fail "$*: interrupted, and gives a verdict:" "$(tail -n 3 printed)"
}
for signal in INT TERM; do
  interrupts $signal 'executions in .*, interrupted$' "$bin/retake-sim" sim sleepers_wake --executions 1000000000
  interrupts $signal 'executions of .*, interrupted$' "$bin/run_queue_properties" --seconds 1000
  interrupts $signal 'executions .* interrupted$' "$bin/run_queue_model" --search random --executions 1000000000
  interrupts $signal '^interrupted' "$bin/hammer_syscall" --seconds 1000
done
interrupts INT '"interrupted":true' "$bin/retake-sim" sim sleepers_wake --executions 1000000000 --json
interrupts INT '"interrupted":true' "$bin/run_queue_properties" --seconds 1000 --json
interrupts INT '"interrupted":true' "$bin/run_queue_model" --search random --executions 1000000000 --json
interrupts INT '"interrupted":true' "$bin/hammer_syscall" --seconds 1000 --json

# Nothing that was executed is no verdict either.
"$bin/run_queue_model" --shard 999/1000 >printed 2>said </dev/null
code=$?
[ $code = 4 ] && grep -q 'nothing was executed' said || fail "a shard without a search ended with $code" "$(head -n 3 printed said)"
exit $bad
