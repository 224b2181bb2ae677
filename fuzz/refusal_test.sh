#!/bin/sh
# refusal_test.sh: a bad environment is one line and code 2. usage: refusal_test.sh FUZZ_SCHEDULE NOTE_HPP
set -u
program=$1
fail() { echo "refusal: $*"; exit 1; }
refused() { # NAME=VALUE
  said=$(env "$1" "$program" -runs=1 2>&1 | grep -v '^INFO: ')
  env "$1" "$program" -runs=1 >/dev/null 2>&1
  code=$?
  [ $code = 2 ] || fail "$1 ends with code $code"
  [ "$(printf '%s\n' "$said" | wc -l)" = 1 ] || fail "$1 says more than one line: $said"
  case $said in "${1%%=*} "*) ;; *) fail "$1 is not named: $said" ;; esac
}
refused RETAKE_FUZZ_SCENARIO=nobody
refused RETAKE_FUZZ_OUT=/proc/nowhere
refused RETAKE_FUZZ_MUTATE=nowhere
line=$(grep -n 'futex_wake(word_, 1)' "$2" | cut -d: -f1)
refused "RETAKE_FUZZ_MUTATE=note.hpp:$line:split"  # a wake is not split
