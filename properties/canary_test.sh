#!/bin/sh
# canary_test.sh: a planted mistake is found within its bound, is what it should be, is replayed, and is not there without the mistake.
# usage: canary_test.sh PROGRAM OUT TAGS EXECUTIONS twin NAME [CLAIM]         CLAIM: part of the text, where several alarms have one tag
#        canary_test.sh PROGRAM OUT TAGS EXECUTIONS site HEADER ORDER KIND     ORDER: RQ2 for the operation below the comment // [RQ2]
# TAGS: what the finding may be called, separated by commas.
set -u
program=$1 out=$2 tags=$3 executions=$4 how=$5
fail() { echo "canary: $*"; exit 1; }
rm -rf "$out"
case $how in
  twin) mistake="--twin $6" ;;
  site)
    line=$("$(dirname "$0")/../tests/line_of_order.sh" "$6" "$7")
    [ -n "$line" ] || fail "no order [$7] in $6"
    mistake="--mutate $(basename "$6"):$line:$8" ;;
  *) fail "twin or site, not $how" ;;
esac
# shellcheck disable=SC2086
found=$("$program" --json --executions "$executions" --seed 1 --out "$out" $mistake)
code=$?
[ $code = 1 ] || fail "$mistake is not found in $executions executions (code $code): $found"
tag=$(printf '%s' "$found" | sed -n 's/.*"finding":{"tag":"\([^"]*\)".*/\1/p')
case ",$tags," in *",$tag,"*) ;; *) fail "$mistake is found as $tag, not as $tags" ;; esac
[ "$how" != twin ] || [ $# -lt 7 ] || case $found in *"$7"*) ;; *) fail "$mistake is found by another alarm than \"$7\": $found" ;; esac
replay=$(printf '%s' "$found" | sed -n 's/.*"replay":"\([^"]*\)".*/\1/p')
[ -f "$replay" ] || fail "there is no replay $replay"
case $how in twin) again= ;; *) again=$mistake ;; esac
# shellcheck disable=SC2086
"$program" --replay "$replay" $again >"$out/again.txt" 2>&1
code=$?
[ $code = 1 ] && grep -q "^reproduced  $tag" "$out/again.txt" || fail "$replay does not reproduce (code $code)"
clean=$replay
if [ "$how" = twin ]; then
  clean=$out/clean.replay
  sed "s/^\(scenario [a-z_]*\)+$6/\1/" "$replay" >"$clean"
fi
"$program" --replay "$clean" --continue >"$out/clean.txt" 2>&1
code=$?
[ $code = 0 ] || fail "without the mistake $clean ends with code $code"
first=$(printf '%s' "$found" | sed -n 's/.*"executions_to_first":\([0-9]*\).*/\1/p')
echo "$mistake: $tag after $first executions"
