# nightly_builds.sh: the builds that the tests of a nightly put before it: programs that behave as the real ones do, in a tenth of a second.
#
# The simulator's stand-in shows new traces in the scenario `fresh` and none in `stale`; `planted` finds what PLANT names (a tag, and the last steps);
# `lucky` finds now and then something of 40 kinds. What is written whole is noted in WRITTEN, behind the write: nothing of that may be lost.
# shellcheck shell=bash
make_builds() {  # folder
  mkdir -p "$1"/{models,release,tsan,asan,fuzz}/bin
  cat >"$1/models/bin/retake-sim" <<'CODE'
#!/usr/bin/env bash
if [ "$1" = list ]; then
  for name in ${SCENARIOS:-fresh stale planted}; do echo '{"kind":"scenario","name":"'$name'","claim":"none","must_fail":null}'; done
  exit
fi
[ "$1" = sim ] || { echo "a timeline"; exit 1; }
name=$2 out=out traces=
while [ $# -gt 0 ]; do
  case $1 in --out) out=$2 ;; --traces) traces=$2 ;; esac
  shift
done
sleep 0.1
known=$(cat "$traces" 2>/dev/null || echo 0) new=0 finding=null tag= last=wake
[ "$name" = fresh ] && new=1000
[ "$name" = planted ] && read -r tag last <<<"${PLANT:-}"
[ "$name" = lucky ] && [ $((RANDOM % 2)) = 0 ] && tag=T$((RANDOM % 40))
if [ -n "$tag" ]; then
  replay=$out/$name-$tag-$RANDOM.replay
  { printf 'retake-replay 2\nscenario %s\ntag %s\n' "$name" "$tag"
    for _ in $(seq $((RANDOM % 5))); do echo "thread $((RANDOM % 2)) load wake -> 0"; done
    for step in exit_fast sleep lock; do echo "thread 2 cas $step -> 2"; done
    echo "thread $((RANDOM % 2)) rmw lock -> 2"
    echo "thread 2 cas $last -> 0"
    echo "thread 0 load wake -> 2"
    echo "end 9"; } >"$replay.tmp"
  mv "$replay.tmp" "$replay"
  [ -z "${WRITTEN:-}" ] || echo "finding $tag" >>"$WRITTEN"
  finding='{"tag":"'$tag'","claim":"'$tag': planted","replay":"'$replay'","steps":3,"preemptions":1,"executions_to_first":7}'
fi
echo $((known + new)) >"$traces.tmp" && mv "$traces.tmp" "$traces"
echo '{"kind":"sim","name":"'$name'","executions":1000,"seconds":0.1,"distinct_traces":9,"new_traces":'$new',"known_traces":'$((known + new))',"exhausted":false,"finding":'$finding'}'
[ "$finding" = null ]
CODE
  cat >"$1/fuzz/bin/fuzz_quick" <<'CODE'
#!/usr/bin/env bash
folders=()
for one in "$@"; do [[ $one == -* ]] || folders+=("$one"); done
if [[ " $* " == *" -merge=1 "* ]]; then  # the control file as libFuzzer writes it; an input that says "ends" ends the target
  control=$(printf '%s\n' "$@" | sed -n 's/^-merge_control_file=//p')
  files=()
  for file in "${folders[@]:1}"; do
    for file in "$file"/*; do [ ! -s "$file" ] || files+=("$file"); done
  done
  { printf '%s\n' "${#files[@]}" 0 "${files[@]}"
    for i in "${!files[@]}"; do
      echo "STARTED $i 1"
      grep -q ends "${files[i]}" && continue
      echo "FT $i $(cksum <"${files[i]}" | cut -d' ' -f1)"
      cp "${files[i]}" "${folders[0]}/$(sha1sum <"${files[i]}" | cut -d' ' -f1)"
    done; } >"$control"
  exit 0
fi
echo "#2 INITED cov: 1 ft: $(cat "${folders[@]:1}"/* 2>/dev/null | wc -l)" >&2
for _ in 1 2 3; do
  text="input $RANDOM" name=
  name=$(sha1sum <<<"$text" | cut -d' ' -f1)
  : >"${folders[0]}/$name"
  sleep 0.03
  echo "$text" >"${folders[0]}/$name"
  [ -z "${WRITTEN:-}" ] || echo "input $name" >>"$WRITTEN"
done
echo "#3 NEW cov: 1 ft: $(cat "${folders[@]}"/* 2>/dev/null | wc -l) exec/s: 5" >&2
echo "stat::number_of_executed_units: 5" >&2
CODE
  local quick
  for quick in model:models/bin/quick_model props:models/bin/quick_properties stress:release/bin/hammer_quick; do
    cat >"$1/${quick#*:}" <<CODE
#!/usr/bin/env bash
echo '{"kind":"${quick%%:*}","name":"quick","executions":1,"rounds":1,"holds":true,"exercised":true,"exhausted":true,"finding":null}'
CODE
  done
  chmod +x "$1"/*/bin/*
}
