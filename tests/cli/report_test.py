#!/usr/bin/python3
"""report_test.py CAMPAIGN [PICTURES]: the report in a browser: verdict first, plots drawn, nothing fetched, no complaint, no sideways scroll at 390 px, light and dark.

Method: two nights of two shards, with findings by the stand-ins of nightly_builds.sh, beside a kill matrix; headless Chromium looks at the page that puts them together.
PICTURES: a folder for screenshots, to look at.
"""
import json, os, re, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
CAMPAIGN = os.path.realpath(sys.argv[1])
PICTURES = os.path.realpath(sys.argv[2]) if len(sys.argv) > 2 else None
try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
except ImportError:
    print("skipped: python3-selenium is not installed")
    sys.exit(77)
if not (os.path.exists("/usr/bin/chromium") and os.path.exists("/usr/bin/chromedriver")):
    print("skipped: chromium or chromium-driver is not installed")
    sys.exit(77)

wrong = []


def expect(holds, what):
    if not holds:
        wrong.append(what)


def make(place):
    os.chdir(place)
    open("retake", "w").close()  # a command is told as it can be pasted here
    subprocess.run(["bash", "-c", f". {HERE}/nightly_builds.sh; make_builds builds"], check=True)
    for plant in ("P9 wake", "P9 sleep"):
        for part in (0, 1):
            subprocess.run([CAMPAIGN, "nightly", "--bin", "builds", "--seconds", "4", "--shard", f"{part}/2", "--out", f"part{part}"],
                           env={**os.environ, "PLANT": plant}, stdout=subprocess.DEVNULL)
    with open("part0/names.jsonl", "w") as file:  # a browser's reader of scripts looks at such a name
        file.write(json.dumps({"kind": "sim", "name": "a<!--<script>", "executions": 5, "seconds": 1, "distinct_traces": 1, "finding": None}) + "\n")
    with open("part0/mutants.jsonl", "w") as file:
        for technique, killed in (("sim", True), ("model", False)):
            file.write(json.dumps({"kind": "mutant", "mutant": "h19</script><b>", "technique": technique, "killed": killed, "executions": 738, "tag": "P9"}) + "\n")
    subprocess.run([CAMPAIGN, "report", "--bin", "builds", "part0", "part1"], check=True, stdout=subprocess.DEVNULL)
    return os.path.join(place, "part0/report.html")


def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)


def look(driver, page, width, scheme):
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    driver.get("file://" + page)
    driver.implicitly_wait(1)
    seen = driver.execute_script("""
      const ink = c => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n; };
      return { scroll: document.documentElement.scrollWidth, width: innerWidth, first: document.body.firstElementChild.innerText,
               paper: getComputedStyle(document.body).backgroundColor, plots: [...document.querySelectorAll('canvas')].map(ink) }""")
    name = f"{scheme}, {width} px"
    expect(seen["width"] == width, f"{name}: the window is {seen['width']} wide")
    expect(seen["scroll"] <= width, f"{name}: {seen['scroll']} px wide: it scrolls sideways")
    expect("new finding" in seen["first"], f"{name}: the verdict is not first: {seen['first']}")
    expect(len(seen["plots"]) >= 4 and min(seen["plots"], default=0) > 500, f"{name}: plots are missing or empty: {seen['plots']}")
    for entry in driver.get_log("browser"):
        wrong.append(f"{name}: the console says {entry['message']}")
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        url = message.get("params", {}).get("request", {}).get("url", "")
        expect(message["method"] != "Network.requestWillBeSent" or url.startswith(("file://", "data:")), f"{name}: fetches {url}")
    if PICTURES:
        size = driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": {**size, "x": 0, "y": 0, "scale": 1}})
        import base64
        open(f"{PICTURES}/{scheme}-{width}.png", "wb").write(base64.b64decode(shot["data"]))
    return seen["paper"]


def main():
    page = os.environ.get("RETAKE_REPORT")  # look at this one instead
    with tempfile.TemporaryDirectory() as place:
        page = page or make(place)
        text = open(page).read()
        expect(not re.search(r"(src|href|url)\s*[=(]\s*[\"']?\s*(https?:)?//", text), "it names another place")
        expect("https://" not in text and "http://" not in text, "an address stands in it")
        driver = browser()
        try:
            papers = {look(driver, page, width, scheme) for scheme in ("light", "dark") for width in (390, 1280)}
            expect(len(papers) == 2, f"light and dark are the same: {papers}")
            shown = driver.execute_script("return document.body.innerText")
        finally:
            driver.quit()
        if "RETAKE_REPORT" not in os.environ:
            for what in ("1 new finding, 1 known", "./retake replay part", "night before", "h19</script><b>", "SURVIVED", "P9 after 738", "2 shards", "cas exit_fast"):
                expect(what in shown, f"the page does not say: {what}")
    print("\n".join(wrong) or "as it should be")
    return 1 if wrong else 0


sys.exit(main())
