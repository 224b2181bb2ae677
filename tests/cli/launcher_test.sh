#!/usr/bin/env bash
# launcher_test.sh ROOT BIN: the launcher passes on what it was given, wherever it stands and whatever surrounds it. The tree is
# a copy of the launcher among stand-ins: programs that print their words, and a cmake that prints what it sees of the environment.
set -uo pipefail
root=$(realpath "$1") bin=$(realpath "$2")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 4
bad=0
fail() { printf '%s\n' "$@"; bad=1; }

tree=$place/a\ tree
mkdir -p "$tree"/{models/command_line,models/relacy,properties,fuzz,stress,tools} "$place/elsewhere/models/relacy"
cp "$root/retake" "$tree/"
cp "$root/models/command_line/flag_values.def" "$tree/models/command_line/"
touch "$tree"/models/relacy/{one,two}_model.cpp "$tree"/properties/three_properties.cpp "$tree"/fuzz/fuzz_schedule.cpp "$tree"/stress/hammer_four.cpp \
  "$tree"/stress/bug07_five.cpp "$tree"/stress/task03_six.cpp
for preset in models release fuzz tsan asan dev; do
  mkdir -p "$tree/build/$preset/bin"
  touch "$tree/build/$preset/build.ninja"
  for name in retake-sim retake-campaign one_model two_model three_properties hammer_four bug07_five task03_six; do
    printf '#!/usr/bin/env bash\nprintf "<%%s>" "${0##*/}" "$@"\necho\n' >"$tree/build/$preset/bin/$name"
  done
done
printf '#!/usr/bin/env bash\nprintf "CXX=%%s\\n" "${CXX-}" >>"%s/cmake.log"\n' "$place" >"$tree/tools/cmake"
printf '#!/usr/bin/env bash\nprintf installed\n' >"$tree/tools/dpkg-query"
chmod -R +x "$tree/build" "$tree/tools"
export PATH="$tree/tools:$PATH"

runs() {  # expected output, launcher, arguments...
  local expected=$1 said
  shift
  said=$("$@" 2>err </dev/null)
  [ "$said" = "$expected" ] || fail "$*" "  printed  $said" "  expected $expected" "$(head -n 3 err)"
}

# Values that look like names, values with spaces, and flags whose value stands after =.
runs '<one_model><--out=one><--json>' "$tree/retake" model --out one one --json
runs '<three_properties><--out=three>' "$tree/retake" props three --out three
runs '<hammer_four><--seed=7>' "$tree/retake" stress --sanitizer thread --seed 7 four
runs '<task03_six><--json>' "$tree/retake" task 3 --json
runs '<bug07_five><--seed=7>' "$tree/retake" bug --seed 7 7
runs "<retake-campaign><fuzz><--bin><$tree/build><--out=schedule><schedule>" "$tree/retake" fuzz --out schedule schedule
runs '<retake-sim><sim><--out=a folder><x>' "$tree/retake" sim x --out 'a folder'

refused() {  # part of the complaint, arguments...
  local part=$1 code
  shift
  "$tree/retake" "$@" >out.txt 2>err </dev/null
  code=$?
  if [ $code != 2 ] || [ -s out.txt ] || [ "$(wc -l <err)" != 1 ] || ! grep -qF -- "$part" err; then
    fail "not refused for \"$part\": $* (code $code)" "$(head -n 3 err)"
  fi
}
refused '--out "" is not accepted' model --out= --json
refused '--out needs a value' model --out --json
refused '--json takes no value' model --json=yes
mkdir -p out
"$tree/retake" hunt >>out/hunt.jsonl 2>err </dev/null
[ $? = 2 ] && grep -qF 'which hunt writes itself' err || fail "a hunt writes its progress between its own lines" "$(head -n 3 err)"

# Where it stands.
ln -s "$tree/retake" "$place/elsewhere/by-name"
runs '<two_model>' "$place/elsewhere/by-name" model two
(cd elsewhere && ln -s ../a\ tree/retake relative)
runs '<two_model>' "$place/elsewhere/relative" model two
cd "$tree" || exit 4
CDPATH=$place:$tree runs '<two_model>' ./retake model two
CDPATH=$place:. runs '<two_model>' bash retake model two
cd "$place" || exit 4

# A compiler in the environment is not the one that the presets find.
rm -f "$tree/build/models/build.ninja" cmake.log
CXX=g++ CC=gcc runs '<two_model>' "$tree/retake" model two
grep -qx 'CXX=g++' cmake.log && fail "CXX of the environment reaches cmake, and stays in its cache"
touch "$tree/build/models/build.ninja"

# A built tree of somebody else.
if [ "$(id -u)" = 0 ]; then
  chmod -R a+rX "$place"
  mkdir -m 777 somebody
  runs "<two_model><--out=$place/somebody>" setpriv --reuid=65534 --regid=65534 --clear-groups "$tree/retake" model two --out "$place/somebody"
fi

# Lines that are lost are no answer.
lost() {  # command...
  "$@" >/dev/full 2>err </dev/null
  local code=$?
  [ $code = 3 ] && grep -q 'could not be written' err || fail "lost its lines with code $code: $*" "$(head -n 3 err)"
  "$@" >&- 2>err </dev/null
  code=$?
  [ $code = 3 ] || fail "ended with code $code without a standard output: $*" "$(head -n 3 err)"
}
lost "$tree/retake" --help
lost "$tree/retake" hunt --help
lost "$bin/retake-sim" list
lost "$bin/retake-campaign" list --bin "$bin"
lost "$bin/note_model" --list

# A terminal that cannot erase a line gets whole lines, and nothing that only another terminal understands.
mkdir -p builds/{models,release,fuzz}/bin
cat >builds/models/bin/retake-sim <<'CODE'
#!/usr/bin/env bash
case $1 in
  list) echo '{"kind":"scenario","name":"quick","claim":"none","must_fail":null}' ;;
  sim) sleep 0.3; echo '{"kind":"sim","name":"quick","executions":7,"seconds":0.1,"distinct_traces":3,"exhausted":false,"finding":null}' ;;
esac
CODE
for quick in model:models/bin/quick_model props:models/bin/quick_properties stress:release/bin/hammer_quick; do
  printf '#!/usr/bin/env bash\necho '"'"'{"kind":"%s","name":"quick","executions":1,"rounds":1,"holds":true,"exercised":true,"finding":null}'"'\n" \
    "${quick%%:*}" >"builds/${quick#*:}"
done
printf '#!/usr/bin/env bash\necho "stat::number_of_executed_units: 5" >&2\n' >builds/fuzz/bin/fuzz_quick
chmod +x builds/*/bin/*
for terminal in dumb xterm; do
  TERM=$terminal script -qec "'$bin/retake-campaign' hunt --bin builds --seconds 1 --out terminal" /dev/null </dev/null >"$terminal.log" 2>&1
  grep -q 'executions' "$terminal.log" || fail "no progress on a terminal that is $terminal" "$(head -n 3 "$terminal.log")"
done
grep -q $'\033' dumb.log && fail "a dumb terminal is sent escape sequences"
grep -q $'\033' xterm.log || fail "a terminal's line is not erased: the look at the dumb one shows nothing"

# One source: for each flag, what the launcher accepts is what the program accepts, at both ends.
launcher_takes() { "$root/retake" "$1" "$2" "$3" --help >/dev/null 2>&1 </dev/null; }
program_takes() { [[ $("$bin/retake-sim" sim no_such_scenario "$1" "$2" 2>&1 </dev/null) == *no_such_scenario* ]]; }
agree() {  # flag value expected
  local launcher=no program=no
  launcher_takes sim "$1" "$2" && launcher=yes
  program_takes "$1" "$2" && program=yes
  [ "$launcher $program" = "$3 $3" ] || fail "$1 $2: accepted by the launcher: $launcher, by the program: $program; expected: $3"
}
agree --seed 0 yes
agree --seed 17999999999999999999 yes
agree --seed 18446744073709551615 yes
agree --seed 18446744073709551616 no
agree --seed 0xffffffffffffffff yes
agree --seed 0x1ffffffffffffffff no
agree --seed 007 no
agree --executions 18446744073709551614 yes
agree --executions 18446744073709551615 no
agree --executions 0 no
agree --seconds 0.01 yes
agree --seconds 0.001 no
agree --seconds 10000000 yes
agree --seconds 10000000.1 no
agree --seconds 1e3 no
agree --depth 16 yes
agree --depth 17 no
agree --preemptions 1000001 no
agree --memory sc yes
agree --memory "sc c11" no
agree --history 16 yes
agree --history 17 no
agree --ticks 1000001 no
agree --check step yes
agree --check steps no
agree --strategy dfs yes
agree --strategy pos yes
agree --strategy dpor no
agree --shard 0/1 yes
agree --shard 1/1 no
agree --shard 5/1000001 no
agree --mutate note.hpp:43:relaxed yes
agree --mutate note.hpp:relaxed no
exit $bad
