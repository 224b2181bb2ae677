#!/bin/sh
# bug_unprivileged_test.sh BUG11 BUG1: without root the limit of threads is another mechanism, and is named; where there is none, and where threads are refused, the code is 3.
# As root we become nobody first; else we are one already.
bug11=$1 bug1=$2
as_nobody=
[ "$(id -u)" != 0 ] || as_nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
chmod 755 "$place"
cp "$bug11" "$bug1" "$place"  # the build may lie where nobody may look
cd "$place" || exit 1
expect() {  # code text command...
  wanted=$1 text=$2
  shift 2
  "$@" >log 2>&1
  got=$?
  [ "$got" = "$wanted" ] && grep -q "$text" log && return
  cat log
  echo "$* ended with $got, expected $wanted and \"$text\""
  exit 1
}
expect 0 'buggy, the limit: RLIMIT_NPROC' $as_nobody "./$(basename "$bug11")"
expect 3 'not shown: neither a pids cgroup nor RLIMIT_NPROC' $as_nobody prlimit --nproc=30 "./$(basename "$bug11")" --variant fixed
threads=$(ps -eLo uid= | awk -v me="$(${as_nobody:-env} id -u)" '$1 == me' | wc -l)
expect 3 'not shown: the system gives no more threads' $as_nobody prlimit --nproc=$((threads + 120)) "./$(basename "$bug1")" --variant buggy
