#!/bin/sh
# expect.sh CODE TAGS PROGRAM [ARGUMENT...]: passes when PROGRAM ends with CODE and its line names one of TAGS (A|B; - for a line without finding).
code=$1 tags=$2
shift 2
out=$("$@" 2>/dev/null)
got=$?
printf '%s\n' "$out"
[ "$got" = "$code" ] || { echo "exit code $got, expected $code"; exit 1; }
if [ "$tags" = - ]; then wanted='"finding":null'; else wanted="\"tag\":\"($tags)\""; fi
printf '%s\n' "$out" | grep -Eq "$wanted" && exit 0
echo "no $wanted in its line"
exit 1
