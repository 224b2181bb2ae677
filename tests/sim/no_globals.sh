#!/bin/sh
# no_globals.sh ARCHIVE: the only mutable object with static storage of the simulator is the slot that names the running engine.
set -eu
found=$(objdump -t -C "$1" | awk '$0 ~ /[[:space:]]\.(data|bss|tdata|tbss)([.][^[:space:]]*)?[[:space:]]/ && $0 !~ /\.data\.rel\.ro/ && $0 !~ /DW\.ref|__asan|__odr_asan|\.(data|bss|tdata|tbss)$/ && $0 ~ / O / {print}')
names=$(printf '%s\n' "$found" | awk 'NF {print $NF}' | sort -u)
[ "$names" = "retake::sim::the_engine" ] || { printf 'mutable globals in %s:\n%s\n' "$1" "$found"; exit 1; }
