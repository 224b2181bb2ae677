#!/usr/bin/env bash
# replay_test.sh ROOT SIM MODEL: what a replay records is what replay and shrink run under; help, launcher and program accept the same flags;
# a file of any size that is no replay costs one line.
set -uo pipefail
root=$(realpath "$1") sim=$(realpath "$2") model=$(realpath "$3")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 4
bad=0
fail() { echo "replay: $*"; bad=1; }

# ---- every option, at a value that is not its default, comes through replay and shrink ----
world=(--memory sc --history 3 --faults spurious,eintr --fault-budget 5 --ticks 9 --spins 3 --give-ups 5 --placements 3 --weak-failures 2 --check step --mutate nowhere.hpp:1:relaxed)
flags=$("$sim" sim --help | sed -n 's/^ *\(--[a-z-]*\) .*/\1/p')
faulty=$("$sim" list --json | grep '"must_fail":"' | grep -v must_fail_memory | sed -n 's/.*"name":"\([a-z0-9_]*\)".*/\1/p' | head -n 1)
"$sim" sim "$faulty" --out found "${world[@]}" >/dev/null 2>&1
replay=$(find found -name '*.replay')
[ -n "$replay" ] || { echo "replay: $faulty gives no replay to begin with"; exit 1; }
header() { sed '/^\(thread\|read\|random\|fault\|named\|give_up\|place\|weak_failure\|end\|revision\) /d' "$1"; }
"$sim" shrink "$replay" --out again >/dev/null || fail "shrink of $replay ends with code $?"
[ "$(header "$replay")" = "$(header again/*.replay)" ] || fail "shrink wrote another world: $(diff <(header "$replay") <(header again/*.replay))"
"$sim" replay "$replay" --mutate nowhere.hpp:1:relaxed --json >line
[ $? = 1 ] || fail "the replay does not reproduce: $(cat line)"
i=0
while [ $i -lt ${#world[@]} ]; do
  name=${world[i]#--} value=${world[i + 1]}
  grep -qx "${name//-/_} $value" "$replay" || fail "$name $value is not in the record"
  grep -q "\"${name//-/_}\":\"$value\"" line || fail "$name $value is not what replay runs under: $(cat line)"
  i=$((i + 2))
done
# What stands between tag and the scenario's bounds is the list of options: none is missing above.
[ "$(sed -n '/^steps_max /,/^tag /p' "$replay" | sed '1d;$d' | wc -l)" = $((${#world[@]} / 2)) ] || fail "an option is not tried here"
for name in $(sed -n '/^steps_max /,/^tag /s/ .*//p' "$replay" | sed '1d;$d'); do
  grep -qx -- "--${name//_/-}" <<<"$flags" || fail "sim has no flag --${name//_/-}"
done

# ---- a run that leaves the record is told, with --continue too ----
sed "s/^scenario .*/scenario $("$sim" list --json | sed -n 's/.*"name":"\(core_[a-z0-9_]*\)".*"must_fail":null.*/\1/p' | tail -n 1)/" "$replay" >other.replay
"$sim" replay other.replay >/dev/null 2>said
[ $? = 2 ] && grep -q 'diverged' said || fail "a strict replay of another scenario does not say where it left the record: $(cat said)"
"$sim" replay other.replay --continue >said
grep -q '^no failure.*not the recorded schedule: diverged' said || fail "--continue does not say that the record was left: $(tail -n 1 said)"
"$sim" replay other.replay --continue --json | grep -q '"divergence":"diverged.*"followed":[0-9]*,"choices":[0-9]' || fail "nor does it in JSON"

# ---- flags: what a word's help names, the launcher takes, and the program ----
for word in sim replay shrink; do
  help=$("$root/retake" "$word" --help | grep -o -- '--[a-z-]*[a-z]' | grep -v '^--sites' | sort -u)
  program=$("$sim" "$word" --help | grep -o -- '--[a-z-]*[a-z]' | grep -vx -e '--help' -e '--traces' | sort -u)
  takes=$("$root/retake" "$word" --no-such 2>&1 | sed 's/.* accepts //' | tr ' ' '\n' | sort -u)
  [ "$help" = "$program" ] || fail "$word: help and program differ: $(diff <(echo "$help") <(echo "$program"))"
  [ "$help" = "$takes" ] || fail "$word: help and launcher differ: $(diff <(echo "$help") <(echo "$takes"))"
done

# ---- what is no replay: one line, code 2, little memory ----
refused() {  # what command...
  local what=$1 code
  shift
  (ulimit -v 1000000; exec timeout 20 "$@") >said 2>&1 </dev/null
  code=$?
  [ $code = 2 ] && [ "$(wc -l <said)" = 1 ] || fail "$what: code $code: $(head -c 300 said)"
}
: >empty.replay
truncate -s 1G zeros.replay
printf 'retake-replay 2\nscenario ' >line.replay
head -c 1G /dev/zero | tr '\0' x >>line.replay
head -c 100000 line.replay >short.replay
head -n -1 "$replay" >cut.replay
printf 'retake relacy history, format 1\nmodel: note\n' >line.history
cat line.replay >>line.history
for file in empty zeros line short cut; do
  refused "$file.replay" "$sim" replay "$file.replay"
  refused "$file.replay, shrink" "$sim" shrink "$file.replay"
done
for file in empty.replay zeros.replay line.history; do refused "$file of a model" "$model" --replay "$file"; done
refused "an empty file, by the launcher" "$root/retake" replay empty.replay
for flag in --continue "--trace out.json" --trace=out.json; do
  # shellcheck disable=SC2086
  refused "$flag for a history" "$root/retake" replay line.history $flag
  grep -q 'a history of a model' said || fail "$flag: $(cat said)"
done
exit $bad
