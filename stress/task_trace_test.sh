#!/bin/sh
# task_trace_test.sh PROGRAM: the command that exercise 6 prints writes the trace of that run: its
# readers' calls and the threads' counter are in it.
program=$1
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
"$program" | grep -q '\./retake task 6 --trace trace\.json' || { echo "the command is not printed"; exit 1; }
"$program" --trace "$place/trace.json" >"$place/said" || { cat "$place/said"; exit 1; }
python3 - "$place/trace.json" <<'PYTHON' || exit 1
import json, sys
events = json.load(open(sys.argv[1]))["traceEvents"]
calls = {e["tid"] for e in events if e.get("ph") == "X" and e.get("name") == "call" and e["dur"] > 50_000}
counted = [e for e in events if e.get("ph") == "C" and e.get("name") == "threads"]
if len(calls) < 20 or not counted:
    sys.exit(f"{len(calls)} goroutines in calls of 50 ms and more, {len(counted)} counts of threads")
PYTHON
"$program" --trace "$place/no/such/folder" >"$place/said" 2>"$place/complaint"
[ $? = 2 ] && [ ! -s "$place/said" ] && [ "$(wc -l <"$place/complaint")" = 1 ] || { cat "$place/complaint"; echo "a file that cannot be written is not refused"; exit 1; }
