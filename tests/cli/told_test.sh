#!/usr/bin/env bash
# told_test.sh SIM PROPERTIES MODEL: a program's finding is told with a command that can be pasted, whatever its folder is called, also when
# its replay cannot be written and when its file of traces is torn; interrupted is a code of its own.
set -uo pipefail
sim=$(realpath "$1") properties=$(realpath "$2") model=$(realpath "$3")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 4
bad=0
fail() { printf '%s\n' "$@"; bad=1; }
printf '#!/usr/bin/env bash\nprintf "%%s" "$2" >got\n' >retake
chmod +x retake
odd=$'it\'s $HOME\nof `x` caf\xc3\xa9'
twin=$("$properties" --list | sed -n 's/^twin \([a-z_]*\):.*/\1/p' | head -n 1)
faulty=$("$sim" list --json | sed -n 's/.*"name":"\([^"]*\)".*"must_fail":"[^n].*/\1/p' | head -n 1)
[ -n "$twin" ] && [ -n "$faulty" ] || { echo "there is nothing to find"; exit 1; }
declare -A found=(
  [sim]="$sim sim $faulty --executions 20000"
  [props]="$properties --twin $twin --executions 300000"
  [model]="$model --variant all"
)
of_finding() {  # key: of the first finding in the lines
  python3 -c '
import json, sys
print([j["finding"][sys.argv[1]] for j in map(json.loads, open("lines")) if j.get("finding")][0])' "$1"
}
pasted() {  # technique, command: it reaches the replay
  rm -f got
  if [ "$1" = props ]; then
    bash -c "$2" >/dev/null 2>&1
    [ $? = 1 ] || fail "$1: the command does not show it again: $2"
  else
    bash -c "$2" >/dev/null 2>&1
    [ -s got ] && [ -f "$(cat got)" ] || fail "$1: a command cannot be pasted: $2"
  fi
}
for technique in sim props model; do
  read -ra words <<<"${found[$technique]}"
  "${words[@]}" --out "$odd" >text 2>&1
  [ $? = 1 ] || fail "$technique: nothing was found: $(tail -n 3 text)"
  pasted $technique "$(tail -n 1 text)"
  "${words[@]}" --out "$odd" --json >lines 2>/dev/null
  pasted "$technique" "$(of_finding command)"
  # A disk that takes nothing: the finding, its code, and a command that finds it again.
  (trap '' XFSZ; ulimit -f 0; exec "${words[@]}" --out "full_$technique" --json 2>/dev/null) | cat >lines
  [ "${PIPESTATUS[0]}" = 1 ] || fail "$technique: a disk that takes nothing made another code"
  [ "$(of_finding replay)" = None ] || fail "$technique: a replay that is not there is told: $(of_finding replay)"
  tag=$(of_finding tag)
  again=$(of_finding command)
  [ $technique = sim ] && again="$sim ${again#./retake }"
  bash -c "$again --out again_$technique --json" >lines 2>/dev/null
  [ "$(of_finding tag)" = "$tag" ] || fail "$technique: the command finds something else: $again"
done

# A model's command names all that decided its search.
full_disk() { (trap '' XFSZ; ulimit -f 0; "$@" --json 2>/dev/null) | cat >lines; }
for given in "--park plain" "--park plain --search bound --bound 2" "--search random --executions 77777"; do
  # shellcheck disable=SC2086
  full_disk "$model" --variant all $given --out full_model
  search=$(of_finding search) first=$(of_finding executions_to_first) again=$(of_finding command)
  for word in $given; do [[ " $again " == *" $word "* ]] || fail "model: $word is not in $again"; done
  bash -c "$again --out again_model --json" >lines 2>/dev/null
  [ "$(of_finding search) $(of_finding executions_to_first)" = "$search $first" ] || fail "model: $again searches otherwise: $search, after $first"
done

# A file of traces that is torn is set aside, and hides nothing.
for technique in sim props; do
  read -ra words <<<"${found[$technique]}"
  echo half >traces
  "${words[@]}" --out out --traces traces --json >lines 2>said
  [ $? = 1 ] || fail "$technique: a torn file of traces hid the finding"
  of_finding replay >/dev/null || fail "$technique: the finding has no line"
  [ "$(cat traces.torn)" = half ] && grep -q 'set aside as traces.torn' said || fail "$technique: a torn file of traces was not set aside: $(cat said)"
  [ "$(stat -c %s traces)" -gt 1000 ] || fail "$technique: the traces were not begun anew"
  rm -f traces traces.torn
done

# Interrupted.
clean=$("$sim" list --json | sed -n 's/.*"name":"\([^"]*\)".*"must_fail":null.*/\1/p' | head -n 1)
for words in "$sim sim $clean --seconds 20" "$properties --seconds 20"; do
  $words --out out --json >lines &
  sleep 0.3
  kill -INT $!
  wait $!
  [ $? = 130 ] && grep -q '"finding":null' lines || fail "interrupted: $words: $(cat lines)"
done
exit $bad
