#!/bin/sh
# Goal.   The simulated kernel answers as the real one does.
# Method. Both programs run conformance_rest.hpp; their texts must be equal, and no line may say NO.
# Usage:  compare_observations.sh <program of os> <program of sim, or nothing>
set -eu
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"  # where the real kernel's file is made
"$1" > "$work/os"
if grep ': NO$' "$work/os"; then echo "FAILED: the real kernel breaks a claim"; exit 1; fi
echo "ok: $(wc -l < "$work/os") observations of the real kernel"
[ $# -ge 2 ] || exit 0
"$2" > "$work/sim" || { tail -3 "$work/sim"; echo "FAILED: the simulated execution failed"; exit 1; }
if ! grep -q '^ring: ' "$work/os"; then sed -i '/^ring: /d' "$work/sim"; echo "skipped: rings, which this kernel refuses"; fi
if ! diff -u "$work/os" "$work/sim"; then echo "FAILED: the kernels differ (- real, + simulated)"; exit 1; fi
echo "ok: the simulated kernel says the same"
