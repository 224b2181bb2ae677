#!/bin/sh
# bug_killed_test.sh PROGRAM: the control group of a bug program that is killed in the middle, while it plays and while it is held, is gone soon afterwards.
program=$1
groups() { find /sys/fs/cgroup -maxdepth 6 -type d -name 'retake-bug07-*' 2>/dev/null; }
for hold in "" "--hold 60"; do
  # shellcheck disable=SC2086
  "$program" --variant buggy $hold >/dev/null 2>&1 &
  parent=$!
  tries=0
  until [ -n "$(groups)" ]; do
    tries=$((tries + 1))
    kill -0 "$parent" 2>/dev/null && [ "$tries" -lt 100 ] || { wait "$parent"; echo "skipped: no control group can be made here (exit code $?)"; exit 77; }
    sleep 0.1
  done
  mine=$(groups)
  kill -9 "$parent"
  tries=0
  while [ -n "$(groups)" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 200 ] || { echo "left behind${hold:+ by $hold}: $mine"; exit 1; }
    sleep 0.1
  done
done
