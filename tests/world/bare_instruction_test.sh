#!/bin/sh
# Goal.   At -O2 an operation of the os world is its machine instruction: the site has vanished, nothing is called, nothing is stored.
# Method. Each function bareN_name of bare_instruction.cpp may have N instructions before its return, and no call. x86-64 only: aarch64
#         spells a read-modify-write as a loop or a helper, by the compiler's choice.
# Usage:  bare_instruction_test.sh <c++ compiler> <source root>
set -eu
compiler=$1; root=$2
case $($compiler -dumpmachine) in x86_64*) ;; *) echo "skipped: not x86-64"; exit 0 ;; esac
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
$compiler -std=c++20 -O2 -fcf-protection=none -I"$root/runtime/world/os" -I"$root/runtime" -c "$root/tests/world/bare_instruction.cpp" -o "$work/bare.o"
objdump -d --no-show-raw-insn "$work/bare.o" | awk '
  /^[0-9a-f]+ <bare[0-9]_/ { name = $2; limit = substr(name, 6, 1); count = 0; counting = 1; ++functions; next }
  counting && /call|jmp/ { print "FAILED: " name " calls: " $0; bad = 1; next }
  counting && /[ \t]ret/ { if (count > limit) { print "FAILED: " name " has " count " instructions"; bad = 1 } else print "ok: " name " " count; counting = 0; next }
  counting && /^ / { if ($2 == "movzbl" || $2 == "nop") next; ++count; if ($2 == "lock" && NF == 2) --count }
  END { if (functions != 15) { print "FAILED: saw " functions " functions"; bad = 1 } exit bad }'
