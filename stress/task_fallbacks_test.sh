#!/bin/sh
# task_fallbacks_test.sh TASK2 TASK12 TASK14: without root task 12 takes the next mechanism and names it; where the machine lacks something, that is said and the code is 3.
task2=$1 task12=$2 task14=$3
# shellcheck source=stress/as_nobody.sh
. "$(dirname -- "$(realpath "$0")")/as_nobody.sh"
expect 0 'threads allowed (RLIMIT_NPROC' $as_nobody "./$(basename "$task12")"
expect 3 'not shown here: neither a pids cgroup nor RLIMIT_NPROC' $as_nobody prlimit --nproc=30 "./$(basename "$task12")"
expect 3 'not shown here: 5000 connections need 10100 descriptors' prlimit --nofile=2000 "./$(basename "$task2")"
expect 3 'not shown here: strace is not installed' env PATH=/nonexistent "./$(basename "$task14")"
