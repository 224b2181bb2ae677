#!/usr/bin/env bash
# planted_test.sh ROOT BIN COMPILER: docs_test, snippets_test and names_test notice each kind of wrong document.
set -uo pipefail
here=$(dirname -- "$(realpath "$0")")
page=$(mktemp --suffix .md)
trap 'rm -f "$page"' EXIT
cat >"$page" <<'TEXT'
    ./retake frobnicate
    ./retake hunt --faster
    ./retake sim no_such_scenario --seconds 1

[nowhere](no/such/file.md)

```sh
if then
```

```cpp
go(1, 2);
```
TEXT
said=$(python3 "$here/docs_test.py" "$1" "$2" "$page")
[ $? = 1 ] || { echo "docs_test is content with a broken document"; exit 1; }
for complaint in 'frobnicate: the word has no help' '--faster does not stand in' 'no_such_scenario --seconds 1: ended with 2' 'leads nowhere' 'does not parse'; do
  grep -q -e "$complaint" <<<"$said" || { echo "not noticed: $complaint"; echo "$said"; exit 1; }
done
said=$(python3 "$here/snippets_test.py" "$1" "$3" "$page") && { echo "snippets_test is content with a snippet that does not compile"; exit 1; }
grep -q "${page##*/}:12:.*error: no matching function" <<<"$said" || { echo "not noticed, or at another line: the snippet"; echo "$said"; exit 1; }
sed -e 's/`monotonic_now`/`monotonic_won`/' -e 's/| metrics |/| metric |/' "$1/runtime/include/README.md" >"$page"
said=$(python3 "$here/names_test.py" "$page" "$1/runtime/include/retake") && { echo "names_test is content with a wrong name"; exit 1; }
for complaint in 'monotonic_won does not stand in clock.hpp' 'there is no header metric.hpp'; do
  grep -q -e "$complaint" <<<"$said" || { echo "not noticed: $complaint"; echo "$said"; exit 1; }
done
