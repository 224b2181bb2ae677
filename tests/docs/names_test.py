#!/usr/bin/env python3
"""names_test.py PAGE HEADERS: each name of ours in the table "Go's names, and ours" stands in its header.

A row is `| Go | here | header |`; the names of `here` are in backquotes, and the header is one of the folder HEADERS without ".hpp". A table of fewer than 40 rows is another table.
"""
import pathlib, re, sys

page, headers = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
rows = re.findall(r"^\|[^|]*\|([^|]*)\| *([a-z_]+) *\|$", page.read_text(), re.M)
wrong = [] if len(rows) > 40 else [f"{page}: only {len(rows)} rows were found"]
for names, header in rows:
    if header == "header":
        continue
    file = headers / f"{header}.hpp"
    text = re.sub(r"//.*", "", file.read_text()) if file.exists() else None
    if text is None:
        wrong.append(f"{page}: there is no header {header}.hpp")
        continue
    wrong += [f"{page}: {name} does not stand in {header}.hpp" for name in re.findall(r"`([a-z_]+)`", names) if not re.search(rf"\b{name}\b", text)]
print("\n".join(wrong) or f"{len(rows) - 1} rows hold")
sys.exit(1 if wrong else 0)
