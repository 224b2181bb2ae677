#!/bin/sh
# canary_tasks_test.sh PROGRAM: each case of canary_tasks ends with its code, and says what it has to say.
program=$1
failed=0
expect() {  # code turns text arguments...
  code=$1 turns=$2 text=$3
  shift 3
  said=$("$program" "$@" 2>&1)
  got=$?
  line=$("$program" "$@" --json 2>/dev/null)
  [ "$got" = "$code" ] && printf '%s\n' "$said" | grep -q -- "$text" && printf '%s\n' "$line" | grep -q "\"turns\":$turns," && return
  printf '%s\n%s\n' "$said" "$line"
  echo "$*: code $got, expected $code after $turns turns, and \"$text\""
  failed=1
}
expect 1 5 '^  FAILS  at least 2: 1 >= 2$' always
expect 0 2 '^task 99 holds$' at_first
expect 4 5 '^  NOISY  at least 2: 1 >= 2$' mostly
expect 4 5 '^task 99 cannot be told: too noisy a machine$' mostly
expect 4 5 '^  NOISY  at least 2: 1.90 >= 2$' nearly
expect 1 5 '^  FAILS  at most 2: 9 <= 2$' too_much
expect 1 5 '^  FAILS  is so$' never
expect 1 1 '^task 99 has checked nothing$' nothing
expect 1 1 '^task 99 does not hold$' nearly --broken
exit $failed
