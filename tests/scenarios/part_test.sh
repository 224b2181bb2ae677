#!/bin/sh
# part_test.sh PROGRAM ARGUMENT... --shard I/N: GoogleTest's part I of N of a program's tests, as tests/mutants/rotation.sh names it.
set -u
for last; do :; done
GTEST_SHARD_INDEX=${last%/*} GTEST_TOTAL_SHARDS=${last#*/}
export GTEST_SHARD_INDEX GTEST_TOTAL_SHARDS
program=$1 filter=$2
"$program" "$filter"
