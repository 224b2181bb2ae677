#!/bin/sh
# task_fallbacks_test.sh TASK2 TASK12 TASK14: without root task 12 takes the next mechanism and names it; where the machine lacks something, that is said and the code is 3.
task2=$1 task12=$2 task14=$3
as_nobody=
[ "$(id -u)" != 0 ] || as_nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
chmod 755 "$place"
cp "$task2" "$task12" "$task14" "$place"  # the build may lie where nobody may look
cd "$place" || exit 1
expect() {  # code text command...
  wanted=$1 text=$2
  shift 2
  "$@" >log 2>&1
  got=$?
  [ "$got" = "$wanted" ] && grep -aq "$text" log && return
  cat log
  echo "$* ended with $got, expected $wanted and \"$text\""
  exit 1
}
expect 0 'threads allowed (RLIMIT_NPROC' $as_nobody "./$(basename "$task12")"
expect 3 'not shown here: neither a pids cgroup nor RLIMIT_NPROC' $as_nobody prlimit --nproc=30 "./$(basename "$task12")"
expect 3 'not shown here: 5000 connections need 10100 descriptors' prlimit --nofile=2000 "./$(basename "$task2")"
expect 3 'not shown here: strace is not installed' env PATH=/nonexistent "./$(basename "$task14")"
