#!/usr/bin/env python3
"""report_text_test.py CAMPAIGN: whatever a text of a record holds, it is text on the page, and each plot's data is whole.

Method: every text of a hunt's JSON lines is one that browsers take for markup, or whose bytes are no UTF-8. The page may have no element more than that of a record
with harmless texts, and no script element for data holds a character that a browser's reader of scripts looks at.
"""
import json, os, re, subprocess, sys, tempfile
from html.parser import HTMLParser

CAMPAIGN = os.path.realpath(sys.argv[1])
HOSTILE = ["<!--<script>", "</script><b onclick=x>", "<img src=x onerror=y>", "\"' onload=z", "a&amp;b&lt;", "line\u2028and\u2029paragraph", "]]><![CDATA[<script>", "\u202ereversed"]
DATA = re.compile(r'<script type="application/json">(.*?)</script>', re.S)
wrong = []


def page_of(text):
    """The page of a record all of whose texts are this one."""
    finding = {"tag": text, "claim": text, "command": text, "replay": None, "steps": 3}
    lines = [{"kind": "sim", "name": text, "executions": 7, "seconds": 1.0, "distinct_traces": 2, "finding": None},
             {"kind": "model", "name": text, "executions": 7, "seconds": 1.0, "finding": finding},
             {"kind": "stress", "name": text, "sanitizer": text, "rounds": 3, "events": {text: 1}, "finding": None},
             {"kind": "mutant", "mutant": text, "technique": text, "killed": True, "executions": 3, "tag": text},
             {"kind": "hunt", "seconds": 1.0, "faults": [{"technique": text, "subject": text, "why": text, "output": text}], "not_run": [text]}]
    with tempfile.TemporaryDirectory() as place:
        with open(f"{place}/hunt.jsonl", "w", encoding="utf-8") as file:
            file.write("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
        said = subprocess.run([CAMPAIGN, "report", place], capture_output=True, text=True, timeout=60)
        if not os.path.exists(f"{place}/report.html"):
            wrong.append(f"{text!r}: no page, code {said.returncode}: {said.stdout}{said.stderr}")
            return ""
        return open(f"{place}/report.html", encoding="utf-8").read()


class Elements(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.all, self.comments = [], 0
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.all.append((tag, sorted(name for name, _ in attributes)))

    def handle_comment(self, _):
        self.comments += 1


def main():
    harmless = page_of("harmless")
    as_it_is = Elements(harmless)
    for text in HOSTILE:
        page = page_of(text)
        data, canvases = DATA.findall(page), page.count("<canvas ")
        if len(data) != canvases or canvases != 2:
            wrong.append(f"{text!r}: {canvases} plots, {len(data)} with data")
        for one in data:
            if found := re.findall(r"[<>&\u2028\u2029]", one):
                wrong.append(f"{text!r}: {found} in a script element")
        if not any(text in json.loads(one)["data"]["labels"] for one in data):
            wrong.append(f"{text!r} is the name of no bar")
        elements = Elements(page)
        if (elements.all, elements.comments) != (as_it_is.all, as_it_is.comments):
            wrong.append(f"{text!r}: other elements than of a harmless text")
    print("\n".join(wrong) or "text stays text")
    return 1 if wrong else 0


sys.exit(main())
