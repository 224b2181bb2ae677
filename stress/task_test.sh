#!/bin/sh
# task_test.sh holds|twin PROGRAM CHECK: an exercise holds; or its broken twin fails, at CHECK among others, with the exit code of a failure.
# 3: the machine lacks something, which is said, or is too noisy to tell: skipped.
how=$1 program=$2 check=$3
case $how in
  holds) out=$("$program" --json); got=$? expected=0 wanted='"holds":true' ;;
  twin) out=$("$program" --broken --json); got=$? expected=1 wanted="{\"what\":\"[^\"]*$check[^\"]*\",\"holds\":false" ;;
esac
printf '%s\n' "$out"
[ "$got" != 3 ] || exit 3
[ "$got" != 4 ] || { echo "too noisy"; exit 3; }
[ "$got" = "$expected" ] || { echo "exit code $got, expected $expected"; exit 1; }
[ "$(printf '%s\n' "$out" | wc -l)" = 1 ] || { echo "more than one line"; exit 1; }
printf '%s\n' "$out" | grep -Eq "$wanted" || { echo "no $wanted in its line"; exit 1; }
