#!/usr/bin/env bash
# hard_disk_test.sh CAMPAIGN: a verdict is its findings. Whatever goes wrong beside them (a full disk, a child that prints what it
# likes, a folder's name, a state that is torn) costs what it concerns, and is said; a finding that was told makes the code 1.
set -uo pipefail
campaign=$(realpath "$1")
. "$(dirname -- "$0")/nightly_builds.sh"
place=$(mktemp -d)
trap 'umount "$place/small" 2>/dev/null; rm -rf "$place"' EXIT
cd "$place" || exit 4
bad=0
fail() { printf '%s\n' "$@"; bad=1; }
make_builds builds
export SCENARIOS="fresh planted"

night() {  # code, folder, further arguments: a short night must end with this code
  local wanted=$1 folder=$2 code
  shift 2
  timeout 60 "$campaign" nightly --bin builds --seconds "${LENGTH:-1}" --seed 1 --out "$folder" "$@" >night.log 2>&1 </dev/null
  code=$?
  [ $code = "$wanted" ] || fail "a night in \"$folder\" ended with $code, not $wanted:" "$(tail -n 5 night.log)"
}
said() { grep -qF -- "$1" night.log || fail "nothing says \"$1\":" "$(tail -n 5 night.log)"; }

# libFuzzer hands the names of its folders to a shell: of a name with a space it sees two, keeps nothing and ends with 0.
sed -i '2i [[ " $* " != *" -merge=1 "* ]] || for one in "$0" "$@"; do [[ $one != *" "* ]] || exit 0; done' builds/fuzz/bin/fuzz_quick
LENGTH=3 night 0 "a folder" --only fuzz
[ -n "$(ls "a folder/corpus/fuzz_quick" 2>/dev/null)" ] || fail "no input is left of a night in a folder with a space"
[ -n "$(ls "a folder/minimised/fuzz_quick" 2>/dev/null)" ] || fail "nothing was merged in a folder with a space"

# A merge that keeps less than it was given, or as much of something else, takes nothing away.
keeps() {  # how, what its merge does in the place of the copy
  local i
  rm -rf lossy kept
  cp -r builds lossy
  sed -i "s/^      cp .*/      $2/" lossy/fuzz/bin/fuzz_quick
  mkdir -p kept/work/corpus/fuzz_quick
  for i in $(seq 20); do echo "input $i" >"kept/work/corpus/fuzz_quick/$i"; done
  timeout 60 "$campaign" nightly --bin lossy --seconds 3 --seed 1 --out kept --only fuzz >night.log 2>&1 </dev/null
  said 'nothing is taken away'
  for i in $(seq 20); do
    grep -qrx "input $i" kept/work/corpus kept/corpus 2>/dev/null || fail "input $i vanished in a merge that kept $1"
  done
}
keeps less '[ $((i % 2)) = 0 ] || cp "${files[i]}" "${folders[0]}\/$i"'
keeps others 'echo "another $i" >"${folders[0]}\/$i"'

# An input that ends the target stays where it is, and keeps no others from being merged.
mkdir -p ending/work/corpus/fuzz_quick
for i in $(seq 5); do echo "input $i" >"ending/work/corpus/fuzz_quick/$i"; done
echo "input that ends the target" >ending/work/corpus/fuzz_quick/ends
LENGTH=3 night 0 ending --only fuzz
grep -qrx 'input 3' ending/minimised || fail "nothing was merged beside an input that ends the target"
grep -qrx 'input that ends the target' ending/work/corpus || fail "an input that ends the target vanished"

# A folder whose name is no UTF-8, a child that prints a line of another kind: the finding is told, and the code is 1.
export PLANT="P9 wake"
night 1 $'caf\xe9' --only planted
said 'NEW P9'
night 0 $'caf\xe9' --only planted
cp -r builds foreign
sed -i '2i [ "$1" = list ] || echo '"'"'{"kind":5}'"'" foreign/models/bin/retake-sim
timeout 60 "$campaign" nightly --bin foreign --seconds 1 --seed 1 --out foreign_out --only planted >night.log 2>&1 </dev/null
[ $? = 1 ] || fail "a foreign line beside a finding changed the verdict" "$(tail -n 3 night.log)"

# A disk that fills up: the finding is told and the code is 1; where nothing is found, 3.
mkdir small
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=300k tmpfs small 2>/dev/null; then
  night 1 small/night --only planted
  said 'NEW P9'
  rm -rf small/*
  head -c 290000 /dev/zero >small/filler
  PLANT='' night 3 small/other --only planted
  umount small
else
  echo "skipped: a full disk needs a mount"
fi

# A state that is torn is set aside, and the night begins anew.
mkdir torn
printf '{"format": 1, "findings": [{"id"' >torn/state.json
night 1 torn --only planted
said 'state.json.torn'
[ -e torn/state.json.torn ] || fail "a torn state was not kept"
printf '{"format": 99}' >torn/state.json
night 2 torn --only planted
unset PLANT

# A child that floods: it is killed, it is a harness fault that names why, and the others have their turn.
for flood in 'yes ""' 'tr "\0" x </dev/zero' 'cat /dev/zero'; do
  rm -rf flooding
  cp -r builds flooding
  sed -i "2i [ \"\$1\" = list ] || [ \"\$2\" != fresh ] || exec sh -c '$flood'" flooding/models/bin/retake-sim
  begun=$SECONDS
  timeout 60 "$campaign" nightly --bin flooding --seconds 1 --seed 1 --out flood_out --only sim >night.log 2>&1 </dev/null
  [ $? = 4 ] || fail "a child that runs $flood is no harness fault" "$(tail -n 3 night.log)"
  grep -q 'was killed' night.log || fail "$flood: nothing says that the child was killed" "$(tail -n 3 night.log)"
  grep -q '"name":"planted"' flood_out/logs/night-*.jsonl || fail "$flood: the other jobs had no turn"
  [ $((SECONDS - begun)) -lt 30 ] || fail "$flood held the night for $((SECONDS - begun)) s"
  rm -rf flood_out
done
exit $bad
