"""nightly_snapshot.py: what a nightly's folder says, and whether it lost anything.

nightly_snapshot.py DIR BEFORE            compares with the snapshot in BEFORE (when there is one) and replaces it
nightly_snapshot.py DIR BEFORE WRITTEN    the same at the end: and all that the children noted in WRITTEN must be there
Prints what is wrong; the exit code is 1 then.
"""
import hashlib, json, os, sys

folder, before_file = sys.argv[1:3]
wrong = []
try:
    with open(f"{folder}/state.json") as file:
        state = json.load(file)
except FileNotFoundError:
    state = {"findings": [], "nights": [], "corpus": {}, "jobs": {}}
except ValueError as e:
    sys.exit(f"state.json is torn: {e}")

counters = {}
for night in state["nights"]:
    counters[f"night {night['number']} seconds"] = night["seconds_used"]
    for name, sum_ in night["techniques"].items():
        for what in ("runs", "executions", "fresh"):
            counters[f"night {night['number']} {name} {what}"] = sum_[what]
for name, job in state["jobs"].items():
    for what in ("runs", "executions", "known"):
        counters[f"{name} {what}"] = job[what]
for finding in state["findings"]:
    counters[f"seen {finding['id']}"] = finding["seen"]
    replay = f"{folder}/{finding['replay']}"
    if finding["replay"] and (not os.path.exists(replay) or not open(replay).read().endswith("end 9\n")):
        wrong.append(f"{replay} is missing or cut")

corpus = set()
for root, _, names in os.walk(f"{folder}/corpus"):
    for name in names:
        if name.endswith(".tmp"):
            continue
        content = open(f"{root}/{name}", "rb").read()
        if hashlib.sha1(content).hexdigest() != name:
            wrong.append(f"{root}/{name} is torn")
        corpus.add(name)
named = {name for names in state["corpus"].values() for name in names}
if not named <= corpus:
    wrong.append(f"the state names inputs that are not there: {sorted(named - corpus)[:3]}")

now = {"ids": sorted(f["id"] for f in state["findings"]), "corpus": sorted(corpus), "counters": counters}
if os.path.exists(before_file):
    before = json.load(open(before_file))
    for what in ("ids", "corpus"):
        lost = set(before[what]) - set(now[what])
        if lost:
            wrong.append(f"lost {what}: {sorted(lost)[:5]}")
    for name, value in before["counters"].items():
        if counters.get(name, -1) < value:
            wrong.append(f"fell: {name} from {value} to {counters.get(name)}")
json.dump(now, open(before_file, "w"))

if len(sys.argv) > 3:
    tags = {f["tag"] for f in state["findings"]}
    for line in set(open(sys.argv[3])):
        kind, name = line.split()
        if name not in (tags if kind == "finding" else corpus):
            wrong.append(f"a {kind} that was written whole is not there: {name}")
    if not tags or not corpus:
        wrong.append("nothing was found at all")
print("\n".join(wrong), end="\n" if wrong else "")
sys.exit(1 if wrong else 0)
