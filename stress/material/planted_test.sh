#!/usr/bin/env bash
# planted_test.sh ROOT BIN: a page with one false row turns material_test.py red, at that row; the
# same page without it is green.
set -uo pipefail
root=$1 bin=$2
look=$(dirname -- "${BASH_SOURCE[0]}")/material_test.py
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
failed=0
page() {  # rows...
  printf '| item | command | in its output, or why not |\n|---|---|---|\n'
  printf '%s\n' '| the title | `grep -n "^# retake" README.md` | `# retake` |' '| never | none | there is nothing like it here |' "$@"
}
expect() {  # code text how row: what the test says of a page with that row
  local said code=0
  page "$4" >"$place/page.md"
  said=$("$look" "$root" "$bin" "$3" --page "$place/page.md") || code=$?
  { [ "$code" = "$1" ] && printf '%s\n' "$said" | grep -qF -- "$2"; } || { printf '%s\nended with %s, expected %s and: %s\n' "$said" "$code" "$1" "$2"; failed=1; }
}
expect 0 '1 of them run; 0 faults' fast ''
expect 1 'another word: `echo two words` does not print `a third`' fast '| another word | `echo two words` | `two` `a third` |'
expect 1 'the wrong order: `echo one, two, three` does not print `three ... one`' fast '| the wrong order | `echo one, two, three` | `three ... one` |'
expect 1 'ended with 1' fast '| a failure | `echo said; false` | `said` |'
expect 1 'is-no-word-of-this-test' fast '| no such word | `./retake dance 1` | `dance` |'
expect 1 'ended with 127' measuring '| no such bug | `./retake bug 99` | `bug` |'
expect 1 'neither a command with words' fast '| nothing claimed | `echo it` | it |'
expect 1 'none, and no reason' fast '| unexplained | none |  |'
expect 1 'open, and no reason' fast '| unexplained | open | later |'
expect 1 'the title: also in page.md:3' ways '| the title | none | it stands there twice |'
expect 1 'no row shows bug01_unbounded_foreign_calls.cpp' ways ''
expect 1 'ended with 4' measuring '| a fault | `echo it died; exit 4 # ./retake costs` | `held` |'
expect 0 'too noisy a machine' measuring '| a busy hour | `echo too noisy; exit 4 # ./retake costs` | `held` |'
expect 0 '0 of them run' measuring ''
exit $failed
