#!/usr/bin/env bash
# image_test.sh IMAGE ALLOWED: nothing of ours stands in .data or .bss of the simulator's image, except what ALLOWED names (`data SYMBOL: why`).
# State in static memory would survive from one execution to the next, and the simulator could neither reset nor see it.
set -uo pipefail
image=$1 allowed=$2
found=$(objdump --syms --demangle "$image" | sed -nE 's/^[0-9a-f]+ .{7} \.(data|bss|tdata|tbss)\s+([0-9a-f]+)\s+(\.hidden )?(.*)$/\2 \4/p' |
        grep -E ' (guard variable for )?retake::' | grep -vE '^0+ ')
bad=0
while read -r size name; do
  [ -n "$name" ] || continue
  if ! grep -qF "data $name: " "$allowed"; then
    echo "data of ours in the image: $name ($((16#$size)) bytes)"
    bad=1
  fi
done <<<"$found"
exit $bad
