#!/usr/bin/env bash
# interrupted_launcher_test.sh ROOT: a launcher that is interrupted while it builds, tests or runs programs in turn leaves no process
# behind, says what was seen so far, and ends with 130, or with 1 if a finding was seen. The tree is a copy of the launcher among
# stand-ins that do not end; what they start leaves their session, as the commands of ninja do.
set -uo pipefail
root=$(realpath "$1")
place=$(mktemp -d)
left() { grep -lsFf "$place/marker" /proc/[0-9]*/cmdline | cut -d/ -f3; }
# shellcheck disable=SC2046
kill_left() { kill -KILL $(left) 2>/dev/null; }
trap 'kill_left; rm -rf "$place"' EXIT
cd "$place" || exit 4
echo "endless-$place" >marker  # in a file: the search is not to find itself
bad=0
fail() { printf '%s\n' "$@"; bad=1; }

mkdir -p models/command_line properties tools build/{models,dev}/bin
cp "$root/retake" .
cp "$root/models/command_line/flag_values.def" models/command_line/
touch properties/{a,b,c}_properties.cpp
program() { printf '#!/usr/bin/env bash\n%s\n' "$2" >"$1"; chmod +x "$1"; }
endless="setsid bash -c 'exec -a endless-$place sleep 300' & touch '$place/begun'; wait"
deaf="(exec -a endless-$place sleep 300) & $endless"  # what a script has in the background ignores SIGINT
program tools/dpkg-query 'printf installed'
export PATH="$place/tools:$PATH"

ends() {  # signal, code, pattern of what is said, launcher's words...
  local signal=$1 expected=$2 pattern=$3 pid code
  shift 3
  rm -f begun
  setsid env --default-signal=INT ./retake "$@" >printed 2>said </dev/null &
  pid=$!
  for _ in {1..200}; do [ -e begun ] && break; sleep 0.05; done
  [ -e begun ] || fail "$*: nothing has begun" "$(head -n 3 said)"
  kill -s "$signal" "$pid"
  wait "$pid"
  code=$?
  [ $code = "$expected" ] || fail "$*: ended by SIG$signal with $code, not $expected" "$(tail -n 3 printed said)"
  grep -qE -- "$pattern" printed said || fail "$*: SIG$signal: does not say \"$pattern\":" "$(tail -n 3 printed said)"
  for _ in {1..20}; do [ -z "$(left)" ] && break; sleep 0.05; done  # a process that is killed needs a moment
  [ -z "$(left)" ] || fail "$*: SIG$signal leaves processes: $(left | tr '\n' ' ')"
  kill_left
}

# While it builds, and while it configures.
touch build/{models,dev}/build.ninja
program tools/cmake "$endless"
for signal in INT TERM HUP; do ends $signal 130 '^retake: interrupted$' props; done
rm build/models/build.ninja
ends TERM 130 '^retake: interrupted$' props
touch build/models/build.ninja

program tools/cmake "$deaf"
ends INT 130 '^retake: interrupted$' props

# While it runs programs in turn.
program tools/cmake :
program build/models/bin/a_properties 'echo a: 7 executions'
program build/models/bin/b_properties "$endless"
program build/models/bin/c_properties 'echo c: not reached'
ends INT 130 '1 of 3 of properties were run to their end' props
ends TERM 130 '^a: 7 executions' props
program build/models/bin/b_properties "trap 'kill \$!; exit 130' INT TERM; $endless"
ends INT 130 '1 of 3 of properties were run to their end' props
program build/models/bin/a_properties 'echo a: found; exit 1'
ends INT 1 '1 of 3 of properties were run to their end' props
program build/models/bin/a_properties :
program build/models/bin/b_properties "trap 'exit 1' INT; $endless"
ends INT 1 'interrupted' props
grep -q 'not reached' printed && fail "the word goes on after its interruption"

# While it tests.
passed='echo "  1/3 Test #1: x .....   Passed    0.01 sec"'
program tools/ctest "$passed; $endless"
ends INT 130 'build/dev: 1 tests passed, 0 failed so far' test --quick
program tools/ctest "$passed; echo '  2/3 Test #2: y .....***Failed    0.01 sec'; $endless"
ends TERM 1 'build/dev: 1 tests passed, 1 failed so far' test --quick
exit $bad
