#!/usr/bin/env bash
# gdb_test.sh PROGRAM SCRIPT built|without_types: `info goroutines` and `goroutine N bt` on a live
# process, and on the core file that the kernel writes for it. without_types: of a copy that keeps
# its symbols alone, as a released program does; and one that has none of them says so.
set -euo pipefail
program=$(realpath "$1") script=$(realpath "$2") how=$3
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
if [ "$how" = without_types ]; then
  objcopy --strip-all "$program" bare
  gdb -batch -nx -ex run -ex "source $script" -ex "info goroutines" ./bare >bare.said 2>&1 || true
  grep -q 'no symbol retake_layout (was it stripped of its symbols?)' bare.said || { cat bare.said; echo "a program without symbols is not named as one"; exit 1; }
  objcopy --strip-debug "$program" released
  program=$place/released
fi
commands=(-ex "source $script" -ex "info goroutines" -ex "echo --- 2\\n" -ex "goroutine 2 bt" -ex "echo --- 3\\n" -ex "goroutine 3 bt" -ex "echo --- 1\\n" -ex "goroutine 1 bt" -ex "echo --- end\\n")

wants() {  # file section pattern
  sed -n "/^--- $2\$/,/^--- /p" "$1" | grep -q -- "$3" || { cat "$1"; echo "no \"$3\" in section $2 of $1"; exit 1; }
}
check() {
  grep -Eq '^goroutine 2 \[waiting, chan receive\] locked to M[0-9]+ ' "$1" || { cat "$1"; echo "no parked goroutine 2 in $1"; exit 1; }
  grep -Eq '^goroutine 3 \[syscall\] on M[0-9]+ ' "$1" || { cat "$1"; echo "no goroutine 3 in a call in $1"; exit 1; }
  wants "$1" 2 is_parked
  wants "$1" 2 retake_floor_start  # to the end of its stack
  wants "$1" 3 is_in_a_call
  wants "$1" 1 aborts
}

gdb -batch -nx -ex run "${commands[@]}" "$program" >live 2>&1 || true
check live
case $(cat /proc/sys/kernel/core_pattern) in
  "|"* | /*) echo "core files go elsewhere on this machine; the live process is as it should be" ; exit 0 ;;
esac
ulimit -c unlimited
("$program" >/dev/null 2>&1 || true) 2>/dev/null
core=$(find . -name 'core*' | head -n 1)
[ -n "$core" ] || { echo "no core file was written; the live process is as it should be"; exit 0; }
gdb -batch -nx "${commands[@]}" "$program" "$core" >dead 2>&1 || true
check dead
