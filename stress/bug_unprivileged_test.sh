#!/bin/sh
# bug_unprivileged_test.sh BUG11 BUG1: without root the limit of threads is another mechanism, and is named; where there is none, and where threads are refused, the code is 3.
bug11=$1 bug1=$2
# shellcheck source=stress/as_nobody.sh
. "$(dirname -- "$(realpath "$0")")/as_nobody.sh"
expect 0 'buggy, the limit: RLIMIT_NPROC' $as_nobody "./$(basename "$bug11")"
expect 3 'not shown: neither a pids cgroup nor RLIMIT_NPROC' $as_nobody prlimit --nproc=30 "./$(basename "$bug11")" --variant fixed
threads=$(ps -eLo uid= | awk -v me="$(${as_nobody:-env} id -u)" '$1 == me' | wc -l)
expect 3 'not shown: the system gives no more threads' $as_nobody prlimit --nproc=$((threads + 120)) "./$(basename "$bug1")" --variant buggy
