#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""browser.py - the page of `export -f html` as a browser shows it, against the JSON report.

    browser.py --cpartrace PROGRAM --page-trace PROGRAM --traces DIR [--screenshots DIR] [CASE ...]

Every case opens pages from file:// in a headless chromium, and ends with two questions: did the
console stay empty, and was nothing asked for but the page itself? Needs no root and no network.
"""

import argparse
import base64
import decimal
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
import unittest

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

CLASSES = ("parallel", "concurrent", "serial", "idle", "unknown")
PAGE_SIZE_MAX = 5_000_000
OPEN_MAX_S = 1.0
LEVELS = 64  # of C that a page tells apart; the last stands for more
TABLE_ROWS = 30  # of a table, until all are asked for
THREAD_ROWS = 40  # of the table of threads
# CPU time that the page's own code takes for a picture while it is moved; what the browser takes to show it is about as
# much again, so that these are thirty a second on a machine half as fast as it should be.
FRAME_MAX_MS = 20

ARGS = None
SELECTED = set()  # what selections have had so far
check = unittest.TestCase()
check.maxDiff = None


# ---- programs ----------------------------------------------------------------------------------

def cpartrace(*arguments):
    result = subprocess.run([ARGS.cpartrace, *arguments], capture_output=True, timeout=400,
                            env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
                            stdin=subprocess.DEVNULL, check=False)
    check.assertIn(result.returncode, (0, 4), result.stderr.decode())
    return result.stdout


def report(trace, *filters):
    return json.loads(cpartrace("report", "--json", "-i", trace, *filters))


def page_trace(name, tasks, switches, cpus, losses=0, marks=0):
    path = os.path.join(ARGS.scratch, name + ".data")
    subprocess.run([ARGS.page_trace, path, str(tasks), str(switches), str(cpus), str(losses), str(marks)],
                   check=True, timeout=400)
    return path


def known_trace(name):
    return os.path.join(ARGS.traces, name + ".cptrace")


# ---- the browser -------------------------------------------------------------------------------

class Browser:
    """One chromium; open() leaves it on a page that is ready."""

    def __init__(self):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for option in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                       "--disable-dev-shm-usage", "--window-size=1280,900",
                       "--user-data-dir=" + os.path.join(ARGS.scratch, "profile")):
            options.add_argument(option)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.set_page_load_timeout(60)
        self.opened = []

    def page(self, trace, *filters):
        path = os.path.join(ARGS.scratch, "page.html")
        if os.path.exists(path):
            os.unlink(path)
        cpartrace("export", "-f", "html", "-i", trace, "-o", path, *filters)
        return path

    def open(self, trace, *filters, width=1280, height=900, dark=False, address=""):
        path = self.page(trace, *filters)
        self.size(width, height)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
        self.load(path, address)
        return path

    def load(self, path, address=""):
        """Milliseconds until the page was ready."""
        self.driver.get("about:blank")
        self.driver.get("file://" + path + address)
        self.opened.append("file://" + path)
        end = time.monotonic() + 30
        while not self.js("return document.documentElement.hasAttribute('data-ready')"):
            if time.monotonic() > end:
                check.fail("the page never got ready: " + str(self.driver.get_log("browser")))
            time.sleep(0.02)
        return self.js("return performance.getEntriesByName('ready')[0].startTime")

    def size(self, width, height):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def find(self, name):
        return self.driver.find_element(By.ID, name)

    def text(self, name):
        return self.find(name).text

    def figures(self):
        """Every figure of the page, by key; all of them whole numbers of ns."""
        return self.js("return Object.fromEntries([...document.querySelectorAll('[data-key][data-ns]')]"
                       ".map((n) => [n.dataset.key, Number(n.dataset.ns)]))")

    def values(self):
        return self.js("return Object.fromEntries([...document.querySelectorAll("
                       "'[data-key][data-value]')].map((n) => [n.dataset.key, Number(n.dataset.value)]))")

    def view(self):
        return self.js("const v = cpartrace.timeline.view; return [v.from, v.to]")

    def frames(self, move):
        """Moves the view 60 times, once a frame. In ms: CPU time of a frame on average, of the page's code and of all that its
        thread does; least, median and most to draw, and from frame to frame, as the clock has it."""
        before = self.thread_ms()
        draws, frames = self.driver.execute_async_script("""
            const done = arguments[arguments.length - 1], t = cpartrace.timeline, draws = [], frames = [];
            document.getElementById('tracks').scrollIntoView();
            let i = 0, last = 0;
            const step = (now) => {
                if (last) frames.push(now - last);
                last = now;
                if (i === 60) {
                    const of = (list) => { list.sort((x, y) => x - y); return [0, 0.5, 1].map((at) => list[Math.floor(at * (list.length - 1))]); };
                    return done([of(draws), of(frames)]);
                }
                (function (t, i) { %s; })(t, i++);
                const start = performance.now();
                t.draw();
                draws.push(performance.now() - start);
                requestAnimationFrame(step);
            };
            requestAnimationFrame(step);""" % move)
        return [(b - a) / 60 for a, b in zip(before, self.thread_ms())], draws, frames

    def thread_ms(self):
        """CPU time of the page's thread so far, by the browser's account (what else runs on the machine is not in it): in
        scripts, and in all."""
        self.driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
        metrics = self.driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
        metrics = {m["name"]: 1000 * m["value"] for m in metrics}
        return metrics["ScriptDuration"], metrics["TaskDuration"]

    def actions(self):
        return ActionChains(self.driver, duration=20)

    def chart(self):
        """The canvas of CPUs busy, in the middle of the window."""
        canvas = self.driver.find_element(By.CSS_SELECTOR, ".busy canvas")
        self.js("arguments[0].scrollIntoView({block: 'center'})", canvas)
        return canvas

    def drag(self, share_from, share_to, shift=False):
        canvas = self.chart()
        width = canvas.size["width"]
        at = lambda share: int((share - 0.5) * width)
        actions = self.actions()
        if shift:
            actions.key_down(Keys.SHIFT)
        actions.move_to_element_with_offset(canvas, at(share_from), 0).click_and_hold()
        actions.move_to_element_with_offset(canvas, at((share_from + share_to) / 2), 0)
        actions.move_to_element_with_offset(canvas, at(share_to), 0).release()
        if shift:
            actions.key_up(Keys.SHIFT)
        actions.perform()
        time.sleep(0.1)

    def press(self, *keys):
        self.actions().send_keys(*keys).perform()
        time.sleep(0.05)

    def screenshot(self, name):
        if not ARGS.screenshots:
            return
        height = self.js("return document.documentElement.scrollHeight")
        width = self.js("return innerWidth")
        self.js("if (window.cpartrace) cpartrace.timeline.draw(true)")
        for i, top in enumerate(range(0, height, 1300)):
            png = self.driver.execute_cdp_cmd("Page.captureScreenshot", {
                "captureBeyondViewport": True, "clip": {"x": 0, "y": top, "width": width,
                                                        "height": min(1300, height - top), "scale": 1}})
            with open(os.path.join(ARGS.screenshots, f"{name}-{i}.png"), "wb") as file:
                file.write(base64.b64decode(png["data"]))

    def quiet(self):
        """Nothing on the console, nothing asked for but the pages that were opened."""
        check.assertEqual(self.driver.get_log("browser"), [])
        asked = set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated"):
                if not message["params"].get("documentURL", "file:").startswith("file:"):
                    continue  # of the browser's own first page
                url = message["params"].get("request", message["params"])["url"]
                asked.add(url.split("#")[0])
        check.assertEqual(asked - set(self.opened), set())


# ---- what is compared --------------------------------------------------------------------------

def expected_ledger(r):
    ledger = r["ledger_ns"]
    of = {"ledger." + cls: ledger[cls] for cls in CLASSES if cls != "unknown" or ledger[cls]}
    for cls in CLASSES:
        for name, ns in ledger.get(cls + "_split", {}).items():
            if ns:
                of[f"split.{cls}.{name}"] = ns
    return of


def profile_of(figures, kind):
    """{first level of the row: ns}"""
    return {int(key.split(".")[1]): ns for key, ns in figures.items()
            if re.fullmatch(kind + r"\.\d+", key)}


def check_profile(figures, kind, expected, folded):
    rows = profile_of(figures, kind)
    if folded and len(expected) > LEVELS + 1:
        expected = expected[:LEVELS] + [sum(expected[LEVELS:])]
    starts = sorted(rows)
    ends = starts[1:] + [len(expected)]
    check.assertEqual({a: sum(expected[a:b]) for a, b in zip(starts, ends)}, rows)
    check.assertEqual(starts[0], 0)


def check_ledger_and_profiles(browser, r, folded=False):
    figures, values = browser.figures(), browser.values()
    ledger = {key: ns for key, ns in figures.items() if key.startswith(("ledger.", "split."))}
    check.assertEqual(ledger, expected_ledger(r))
    check_profile(figures, "parallelism", r["parallelism"]["profile_ns"], False)
    check_profile(figures, "concurrency", r["concurrency"]["profile_ns"], folded)
    for key, value in (("parallel.average", r["parallelism"]["average"]),
                       ("concurrent.average", r["concurrency"]["average"]),
                       ("tlp", r["parallelism"]["tlp"]), ("cpu_time", r["cpu_time_ns"]),
                       ("efficiency", r["parallelism"]["efficiency"]),
                       ("parallel.peak", r["parallelism"]["peak"])):
        check.assertAlmostEqual(values[key], value, delta=1e-9 * max(1, abs(value)), msg=key)
    check_bar(browser, "#ledger-bar", [(cls, r["ledger_ns"][cls]) for cls in CLASSES], r["window_ns"])
    check_said(browser)
    return figures


def pair_text(browser, show, value, pair):
    """What stands behind a figure that the page shows by `show` (JavaScript): the report's bounds, where they say more."""
    low, high, told = (None if x is None else browser.js(f"return ({show})(arguments[0])", x) for x in (*pair, value))
    if high is None:
        return f" [{low} or more]"
    return f" [{low}, {high}]" if (low, high) != (told, told) else ""


def check_bounds(browser, r):
    """Beside the figures of a whole page stand the bounds of the report's JSON. How many."""
    of, ways = r["bounds"], r["parallelism"]
    share = "(x) => percent(x, 1)"
    texts = [("parallelism-figures", "average ", "level", ways["average"], of["parallelism"]["average"]),
             ("parallelism-figures", "(TLP) ", "level", ways["tlp"], of["parallelism"]["tlp"]),
             ("parallelism-figures", "allowed ", share, ways["efficiency"], of["parallelism"]["efficiency"]),
             ("parallelism-figures", "CPU time ", "short_time", r["cpu_time_ns"], of["cpu_time_ns"]),
             ("concurrency-figures", "average ", "level", r["concurrency"]["average"], of["concurrency"]["average"])]
    shown = 0
    for place, head, show, value, pair in texts:
        bounds = pair_text(browser, show, value, pair)
        told = browser.js(f"return ({show})(arguments[0])", value)
        check.assertIn(f"{head}{told}{bounds} ·" if "CPU time" not in head else f"{head}{told}{bounds}",
                       browser.text(place))
        shown += bounds != ""
    glance = browser.text("glance")
    for pair, value in ((of["parallelism"]["average"], ways["average"]),
                        (of["concurrency"]["average"], r["concurrency"]["average"])):
        check.assertIn(pair_text(browser, "level", value, pair).strip(), glance)
    share = f"(ns) => percent(ns, {r['window_ns']})"
    cells = browser.js("return [...document.querySelectorAll('#ledger-table tr.class')].map((row) => "
                       "[row.querySelector('th').textContent, row.querySelectorAll('td')[1].textContent])")
    for cls, told in cells:
        cls = next(one for one in CLASSES if cls.startswith(one))
        pair = of["ledger_ns"].get(cls)
        bounds = pair_text(browser, share, r["ledger_ns"][cls], pair) if pair and of["open"] else ""
        check.assertEqual(told, percent(r["ledger_ns"][cls], r["window_ns"]) + bounds)
        shown += bounds != ""
    return shown


def check_account_bounds(browser, r):
    """Likewise of the budget and the demand. How many."""
    shown = 0
    for kind in ("budget", "demand"):
        pairs = r["bounds"].get(kind + "_ns", {})
        for key, told in browser.js(
                "return [...document.querySelectorAll(arguments[0] + ' tbody tr')].map((row) => "
                "[row.querySelector('[data-key]').dataset.key, row.querySelector('td.what').textContent])",
                f"#{kind}-table"):
            name = key.split(".", 1)[1]
            pair = pairs.get(name)
            text = pair and pair_text(browser, "short_time", r[kind + "_ns"].get(name, 0), pair)
            if text:  # " [1 s, 2 s]"
                text = text.strip(" []")
                text = "between " + text.replace(", ", " and ") if pair[1] is not None else text
            check.assertEqual(told.endswith("in truth " + text) if text else "in truth" in told, bool(text), (key, told))
            shown += bool(text)
    return shown


def check_selected_bounds(browser, r):
    """Of a selection: who ran, as report --time of it has it; how much of it is unknown."""
    of, average = r["bounds"], r["parallelism"]["average"]
    unknown = percent(r["ledger_ns"]["unknown"], r["window_ns"])
    for place in ("parallelism-figures", "concurrency-figures"):
        check.assertIn(f"events were lost, {unknown} of this time is unknown: report with --time", browser.text(place))
    for head, show, value, pair in (("average ", "level", average, of["parallelism"]["average"]),
                                    ("CPU time ", "short_time", r["cpu_time_ns"], of["cpu_time_ns"])):
        told = browser.js(f"return ({show})(arguments[0])", value)
        check.assertIn(f"{head}{told}{pair_text(browser, show, value, pair)} ·", browser.text("parallelism-figures"))


def check_threads(figures, r, wanted=None):
    """Those in the table; at least one, and all of `wanted`."""
    seen = 0
    for t in r["threads"]:
        key = f"thread.{t['id']}."
        if key + "running" not in figures:
            check.assertNotIn(t["id"], wanted or ())
            continue
        seen += 1
        check.assertEqual(
            [figures[key + name] for name in ("running", "runnable", "waiting", "parked")],
            [t["running_ns"], t["runnable_ns"], sum(t["waiting_ns"].values()),
             sum(t["parked_ns"].values())], t["name"])
    check.assertGreater(seen, 0)


def check_accounts(figures, r, bounds=None):
    """bounds: the report's, where the page has them; also what may be a hundredth by them has a row."""
    for kind in ("budget", "demand"):
        account, pairs = r[kind + "_ns"], (bounds or {}).get(kind + "_ns", {})
        expected = {f"{kind}.{name}": account.get(name, 0) for name in {**account, **pairs}
                    if account.get(name) or name == "total"
                    or name in pairs and (pairs[name][1] is None or 100 * pairs[name][1] > account["total"])}
        check.assertEqual({key: ns for key, ns in figures.items()
                           if key.startswith(kind + ".")}, expected)


# ---- figures as people read them: draw.js once more, by another hand ----

def fixed(x, places):
    """x to so many places as JavaScript rounds: of what the number is exactly, halves up."""
    step = decimal.Decimal(1).scaleb(-places)
    return str(decimal.Decimal(x).quantize(step, decimal.ROUND_HALF_UP))


def short_time(ns):
    for scale, least, unit in ((60e9, 120e9, "min"), (1e9, 1e9, "s"), (1e6, 1e6, "ms"), (1e3, 1e3, "µs")):
        if ns >= least:
            x = ns / scale
            return fixed(x, 0 if x >= 100 else 1 if x >= 10 else 2) + " " + unit
    return f"{ns} ns"


def exact_time(ns):
    ms, rest = divmod(ns, 1_000_000)
    return f"{ms:,}".replace(",", "\u202f") + f".{rest // 1000:03}\u202f{rest % 1000:03} ms"


def percent(part, whole):
    if not whole or not part:
        return "0 %"
    share = 100 * part / whole
    if share < 0.05:
        return "<0.1 %"
    return (">99.9" if share > 99.95 and part != whole else fixed(share, 0 if share == 100 else 1)) + " %"


def plural(count, word):
    return f"{count:,} {word}" + ("" if count == 1 else "es" if word.endswith(("s", "ch")) else "s")


def words(name):
    return name.replace("_", " ")


def check_said(browser):
    """Beside each figure stands what it is to the ns, and what it says is that, rounded."""
    said = browser.js(
        "return [...document.querySelectorAll('td[data-key][data-ns]')].filter((n) => !/^(overlap|flight)/.test(n.dataset.key))"
        ".map((n) => [n.dataset.key, Number(n.dataset.ns), n.textContent, n.title])")
    check.assertEqual([x for x in said if x[2:] != [short_time(x[1]), exact_time(x[1])]], [])


def rows_of(browser, table, most=TABLE_ROWS):
    """[[text of each cell]], and [[text of each segment of the row's bar]]."""
    rows = browser.js(
        "return [...document.querySelectorAll(arguments[0] + ' tbody tr')].slice(0, arguments[1]).map((tr) => ["
        "[...tr.children].map((n) => n.textContent), [...tr.querySelectorAll('.bar > span')].map((n) => n.title)])",
        table, most)
    return [cells for cells, _ in rows], [bar for _, bar in rows]


def bar_of(parts, total):
    return [f"{label}: {exact_time(ns)}, {percent(ns, total)}" for label, ns in parts if ns]


def check_bar(browser, bar, parts, total):
    titles = browser.js("return [...document.querySelectorAll(arguments[0] + ' > span')].map((n) => n.title)", bar)
    check.assertEqual(titles, bar_of(parts, total))


def check_rows_of_threads(browser, r):
    cells, _ = rows_of(browser, "#threads-table", THREAD_ROWS)
    shown = sorted(r["threads"], key=lambda t: (-t["running_ns"], t["id"]))[:THREAD_ROWS]
    expected = []
    for t in shown:
        waits = {**t["waiting_ns"], **t["parked_ns"]}
        most = max(waits, key=waits.get, default=None)
        expected.append([
            t["name"], str(t["tid"]), short_time(t["running_ns"]), "", short_time(t["runnable_ns"]),
            short_time(sum(t["waiting_ns"].values())), short_time(sum(t["parked_ns"].values())),
            words(most) if most else "–",
            percent(t["parallel_ns"] / t["running_ns"], 1) if t["running_ns"] else "–",
            f"{sum(t['switches'].values()):,}"])
    check.assertEqual(cells, expected)


def check_locks(browser, r):
    names = {t["id"]: f"{t['name']} {t['tid']}" for t in r["threads"]}
    expected, bars = [], []
    for lock in r["locks"][:TABLE_ROWS]:
        holder, blocked = lock["holder"], lock["blocked_ns"]
        held_by = [f"{names.get(t['id'], 'another thread')} ({percent(t['blocked_ns'], blocked)})"
                   for t in lock["top_holders"]]
        expected.append([
            ("all others" if lock["rest"] else lock["symbol"] or lock["address"])
            + (" " + lock["module"] if lock["module"] else ""),
            words(lock["kind"]), f"{lock['waits']:,}", short_time(blocked),
            ("≥ " if lock.get("waiters_at_least") else "") + str(lock["waiters"]), short_time(lock["longest_ns"]),
            "ran " + percent(holder["running_ns"], blocked) if holder["running_ns"]
            else "not known" if holder["unknown_ns"] == blocked else "",
            (", ".join(held_by[:3]) + (" and others" if len(held_by) > 3 else "")) or "–"])
        bars.append(bar_of((("ran", holder["running_ns"]), ("had no CPU", holder["runnable_ns"]),
                            ("was blocked", holder["blocked_ns"]), ("not known", holder["unknown_ns"])), blocked))
    check.assertEqual(rows_of(browser, "#locks-table"), (expected, bars))


def stall_text(s):
    what = "other calls" if s["rest"] else s["syscall"] + (" on " + s["on"] if s.get("on") else "") + (
        f" ({words(s['reason'])})" if s.get("reason") else "")
    return (f"{what} {s['count']:,}×, {short_time(s['total_ns'])} in all, longest {short_time(s['longest_ns'])}"
            + (f", with {plural(s['held_up'], 'operation')} in flight behind it" if s.get("held_up") else ""))


def stalls_text(stalls):
    texts = [stall_text(s) for s in stalls]
    rest = len(texts) - 2
    return "".join([*texts[:2], f"{rest} more" if rest > 0 else "", *texts[2:]]) or "–"


def check_loops(browser, r):
    expected, bars = [], []
    for loop in r["event_loops"][:TABLE_ROWS]:
        expected.append([
            f"{loop['name']} {loop['tid']}",
            "others" if loop.get("rest") else loop["kind"] + (f" {loop['epfd']}" if loop["epfd"] >= 0 else ""),
            ("≥ " if loop.get("iterations_at_least") else "") + f"{loop['iterations']:,}",
            short_time(loop["on_cpu_ns"]), short_time(loop["blocked_ns"]), "",
            short_time(loop["dispatch"]["max_ns"]), stalls_text(loop["stalls"])])
        bars.append(bar_of((("waits for events", loop["waiting_ns"]), ("ready, no CPU", loop["runnable_ns"]),
                            ("on a CPU", loop["on_cpu_ns"]), ("blocked in another call", loop["blocked_ns"]),
                            ("not known", loop["unknown_ns"])), loop["life_ns"]))
    check.assertEqual(rows_of(browser, "#loops-table"), (expected, bars))


def check_instances(browser, r):
    leaders = {t["pid"]: t["name"] for t in r["threads"] if t["pid"] == t["tid"]}
    expected = []
    for e in r["epoll_instances"][:TABLE_ROWS]:
        in_flight, latency = e["in_flight"], e["in_flight"]["latency_ns"] or {}
        expected.append([
            e["kind"] + (f" {e['epfd']}" if e["epfd"] >= 0 else ""),
            (leaders[e["pid"]] + " " if e["pid"] in leaders else "") + str(e["pid"]), e["direction"],
            fixed(in_flight["average"], 2), "", str(in_flight["peak"]), f"{in_flight['completed']:,}",
            *(short_time(latency[name]) if latency.get(name) is not None else "–" for name in ("p50", "p99", "max"))])
    check.assertEqual(rows_of(browser, "#instances")[0], expected)


def check_path(browser, r):
    path, span = r["critical_path"], r["work_span"]
    state, total = path["by_state"], path["length_ns"]
    parts = [("runs alone", path["serial_ns"]), ("runs beside others", path["parallel_ns"]),
             ("ready, no CPU", state["runnable"]), ("waits", state["waiting"]), ("parked", state["parked"]),
             ("not known", state["unknown"]), ("nobody there", state["absent"])]
    check_bar(browser, "#path-bar", parts, total)
    said = [f"{label} {percent(ns, total)}" for label, ns in parts if ns]
    if span["span_ns"] and span["parallelism"] is not None:
        said.append(f"Work over span {fixed(span['parallelism'], 2)}: with any number of CPUs, and the same threads, "
                    f"the run takes at least {short_time(span['span_ns'])}.")
    check.assertEqual(browser.js("return [...document.getElementById('path-figures').children]"
                                 ".map((n) => n.textContent)"), said)
    check.assertEqual(rows_of(browser, "#path-table", 15)[0], [
        [f"{t['name']} {t['tid']}", short_time(t["total_ns"]), percent(t["total_ns"], total),
         *(short_time(t[part + "_ns"]) for part in ("serial", "parallel", "runnable", "blocked"))]
        for t in path["by_thread"][:15]])


def check_bottle(browser, r):
    """A box a thread, widest below: as high and as wide as its figures are on the graph's scale."""
    boxes = sorted((t for t in r["threads"] if t["bottle"]["height_ns"]),
                   key=lambda t: (t["bottle"]["width"], -t["bottle"]["height_ns"]))
    if not boxes:
        return check.assertTrue(browser.find("bottle").get_property("hidden"))
    height = sum(t["bottle"]["height_ns"] for t in boxes)
    drawn = browser.js("return [...document.querySelectorAll('#bottle-figure rect')].map((n) => ["
                       "n.textContent, ...['y', 'height', 'x', 'width'].map((a) => Number(n.getAttribute(a)))])")
    check.assertEqual([box[0] for box in drawn], [
        f"{t['name']} {t['tid']}: {short_time(t['bottle']['height_ns'])} high, {fixed(t['bottle']['width'], 2)} wide"
        for t in boxes])
    # The lines of the grid are one CPU apart, half of it on each side of the middle.
    lines = sorted(set(browser.js("return [...document.querySelectorAll('#bottle-figure line')]"
                                  ".map((n) => Number(n.getAttribute('x1')))")))
    middle, last = sum(lines) / len(lines), browser.js(
        "return Math.max(...[...document.querySelectorAll('#bottle-figure text')].filter((n) => /^\\d+$/.test(n.textContent))"
        ".map((n) => Number(n.textContent)))")
    one, below = (lines[-1] - lines[0]) / last, drawn[0][1]
    all_high = drawn[-1][1] - below + 300 * boxes[-1]["bottle"]["height_ns"] / height
    check.assertAlmostEqual(all_high, 300, delta=0.01)
    for t, (_, y, h, x, w) in zip(boxes, drawn):
        share = 300 * t["bottle"]["height_ns"] / height
        check.assertAlmostEqual(w, one * t["bottle"]["width"], delta=1e-6 * one)
        check.assertAlmostEqual(x + w / 2, middle, delta=0.01)
        check.assertAlmostEqual(y, below, delta=0.01)
        check.assertAlmostEqual(h, max(0.6, share - 1), delta=0.01)  # less a gap of one
        below += share
    return None


def check_spin(browser, r):
    """Busy-waiting is of the whole run, and said where it is known."""
    spin = r["spin"]
    expected = {"effective": r["parallelism"]["effective"], "effective.error": spin["effective_error"],
                "spin": spin["share"], "spin.error": spin["share_error"],
                "yielders": spin["yielding_threads"] or None,
                "yields": spin["yields_per_second"] if spin["yielding_threads"] else None}
    values = browser.values()
    check.assertEqual({key: values.get(key) for key in expected}, expected)
    text = browser.text("parallelism-figures")
    check.assertEqual(f"(effective) {fixed(r['parallelism']['effective'] or 0, 2)}" in text,
                      r["parallelism"]["effective"] is not None, text)


def check_quality(browser, r):
    quality, facts = r["data_quality"], browser.text("facts")
    lines = [*quality["warnings"],
             plural(quality["lost_events"], "event") + " lost." if quality["lost_events"] else "No event was lost.",
             f"{plural(quality['switches'], 'switch')} and {plural(quality['wakes'], 'wake-up')} recorded."]
    if quality["audit"]["cpu_time_error"] is not None:
        lines.append("CPU time differs from the kernel's own account by "
                     f"{fixed(100 * quality['audit']['cpu_time_error'], 2)} %.")
    if quality["incomplete"]:
        lines.append("The recording has no end of its own.")
    check.assertEqual(browser.js("return [...document.querySelectorAll('#quality-list li')].map((n) => n.textContent)"), lines)
    for fact in (short_time(r["window_ns"]), f"{r['cpus']['allowed']} of {r['cpus']['online']} CPUs allowed",
                 plural(r["tasks"]["processes"], "process") + ", " + plural(r["tasks"]["threads"], "thread")):
        check.assertIn(fact, facts)


def check_page(browser, r):
    """All figures of a page without a selection are the report's."""
    figures = check_ledger_and_profiles(browser, r)
    check_threads(figures, r)
    check_accounts(figures, r, r["bounds"])
    check_rows_of_threads(browser, r)
    check_locks(browser, r)
    check_loops(browser, r)
    check_instances(browser, r)
    check_path(browser, r)
    check_bottle(browser, r)
    check_spin(browser, r)
    check_quality(browser, r)
    for key, ns in figures.items():
        if key.startswith("overlap."):
            _, i, j = key.split(".")
            check.assertEqual(ns, r["overlap"]["ns"][int(i)][int(j)])
    values = browser.values()
    check.assertAlmostEqual(values["glance.parallel"], r["parallelism"]["average"], 9)
    check.assertAlmostEqual(values["glance.concurrent"], r["concurrency"]["average"], 9)
    check.assertEqual(browser.text("verdict-text"), r["verdict"]["summary"])
    check.assertIn(r["verdict"].get("limit", ""), browser.text("verdict-limit"))
    check.assertEqual(browser.text("command"), " ".join(r["command"]))


def check_flights(figures, r):
    """Operations in flight, of those instances that the page has over time."""
    shown = {int(key.split(".")[1]): ns for key, ns in figures.items() if key.startswith("flight.")}
    known = {e["id"]: e["in_flight"]["integral_ns"] for e in r["epoll_instances"]}
    check.assertEqual(shown, {e: known.get(e, 0) for e in shown})
    return len(shown)


def check_boxes_of_a_selection(browser, r):
    """The bottle graph: a box for each thread with a lane that ran, one for all others."""
    drawn = browser.js("return [...document.querySelectorAll('#bottle-figure rect')].map((n) => "
                       "[n.dataset.key.split('.')[1], Number(n.dataset.ns), Number(n.dataset.width)])")
    lanes = set(browser.js("return cpartrace.grid.lanes"))
    ran = [t for t in r["threads"] if t["running_ns"]]
    others = [t for t in ran if t["id"] not in lanes]
    check.assertEqual({key: ns for key, ns, _ in drawn if key != "others"},
                      {str(t["id"]): t["bottle"]["height_ns"] for t in ran if t["id"] in lanes})
    widths = {key: width for key, _, width in drawn}
    for t in ran:
        if t["id"] in lanes:
            check.assertAlmostEqual(widths[str(t["id"])], t["bottle"]["width"], delta=1e-9)
    check.assertEqual(bool(others), "others" in widths)
    if others:
        height = [ns for key, ns, _ in drawn if key == "others"][0]
        check.assertAlmostEqual(height, sum(t["bottle"]["height_ns"] for t in others), delta=len(ran))
        check.assertAlmostEqual(
            widths["others"], sum(t["bottle"]["width"] * t["running_ns"] for t in others) / sum(t["running_ns"] for t in others),
            delta=1e-6)
    return bool(others)


def check_overlap_of_a_selection(browser, trace, r):
    """Of the span that is said to be shown: the selection, or steps around it. Names beyond those with a row of their own
    are one, which are others in a part of the run."""
    around = browser.js("const n = document.getElementById('overlap-span'); return n && n.dataset.span")
    if around:
        r = report(trace, "--time", around)
    whole = browser.js("return cpartrace.page.report.overlap.names")
    shown = {tuple(map(int, key.split(".")[1:])): ns for key, ns in browser.figures().items() if key.startswith("overlap.")}
    at = {name: i for i, name in enumerate(r["overlap"]["names"])}
    seen = 0
    for (i, j), ns in shown.items():
        if "other" in (whole[i], whole[j]):
            continue
        known = whole[i] in at and whole[j] in at
        if not known and "other" in at:
            continue
        check.assertEqual(ns, r["overlap"]["ns"][at[whole[i]]][at[whole[j]]] if known else 0, (whole[i], whole[j]))
        seen += ns > 0
    check.assertEqual(seen > 0, any(any(row) for row in r["overlap"]["ns"]))
    return around


def check_locks_of_a_selection(browser, r):
    figures, values = browser.figures(), browser.values()
    of = lambda x: (x["address"], x["pid"], x["kind"], x["rest"])
    expected = {of(x): [x["waits"], x["blocked_ns"], x["waiters"]] for x in r["locks"]}
    whole = browser.js("return cpartrace.page.report.locks")
    shown = {of(x): [values[f"lock.{i}.waits"], figures[f"lock.{i}.blocked"], values[f"lock.{i}.waiters"]]
             for i, x in enumerate(whole) if f"lock.{i}.waits" in values}
    at_least = browser.js("return [...document.querySelectorAll('#locks-table [data-key$=waiters]')].filter((n) => "
                          "n.textContent.startsWith('≥')).length")
    if len(whole) <= TABLE_ROWS and not at_least:
        check.assertEqual(shown, expected)
    for key, (waits, blocked, waiters) in shown.items():
        check.assertEqual([waits, blocked], expected[key][:2])
        check.assertLessEqual(waiters, expected[key][2])
    return len(shown)


def check_selection(browser, trace):
    """What the page says of its selection is what `report --time` of that span says."""
    span = re.search(r"--time (\S+)", browser.text("picked-command"))[1]
    r = report(trace, "--time", span)
    for what, told in (("a box of others", check_boxes_of_a_selection(browser, r)),
                       ("steps of names", check_overlap_of_a_selection(browser, trace, r)),
                       ("locks", check_locks_of_a_selection(browser, r))):
        if told:
            SELECTED.add(what)
    figures = check_ledger_and_profiles(browser, r, folded=True)
    check_threads(figures, r)
    check_flights(figures, r)
    check_accounts(figures, r)
    return span


# ---- cases -------------------------------------------------------------------------------------

def case_every_figure_of_a_page_is_the_reports(browser):
    for trace in (known_trace("mutex"), known_trace("parallel"), known_trace("loops"),
                  page_trace("uneven", 90, 30000, 4), page_trace("lossy", 20, 20000, 2, 40)):
        browser.open(trace)
        r = report(trace)
        check_page(browser, r)
        check.assertEqual("lost" in browser.text("facts"), r["data_quality"]["lost_events"] > 0)
        browser.screenshot("whole-" + os.path.basename(trace).split(".")[0])


def case_bounds_beside_the_figures_are_the_reports(browser):
    trace = page_trace("open", 20, 20000, 2, 40)
    whole, part = report(trace), report(trace, "--time", "0.01,0.04")
    for r, filters in ((whole, ()), (part, ("--time", "0.01,0.04"))):
        check.assertTrue(r["bounds"]["open"])
        browser.open(trace, *filters)
        check.assertGreater(check_bounds(browser, r), 4)
        check.assertGreater(check_account_bounds(browser, r), 0)
        check.assertNotIn("events were lost", browser.text("parallelism-figures"))
        # Of a selection the page knows those of who ran, and says how much is unknown and where the rest is to be had.
        browser.drag(0.3, 0.6)
        check.assertNotIn("[", browser.text("concurrency-figures"))
        check_selected_bounds(browser, report(trace, "--time", check_selection(browser, trace)))
        browser.find("clear-picked").click()
        check.assertGreater(check_bounds(browser, r), 4)
    browser.open(known_trace("mutex"))
    check.assertEqual(check_bounds(browser, report(known_trace("mutex"))), 0)
    browser.drag(0.3, 0.6)
    check.assertNotIn("events were lost", browser.text("parallelism-figures"))


def case_effective_parallelism_where_it_is_known(browser):
    known = set()
    for name in ("1.3-closed", "1.3-killed", "1.0-closed"):
        trace = os.path.join(ARGS.traces, "..", "golden", name + ".cptrace")
        r = report(trace)
        browser.open(trace)
        check_page(browser, r)
        known.add(r["parallelism"]["effective"] is not None)
    check.assertEqual(known, {False, True})


def case_a_page_of_a_span_is_the_report_of_it(browser):
    trace = known_trace("mutex")
    browser.open(trace, "--time", "0.25,0.75")
    check_page(browser, report(trace, "--time", "0.25,0.75"))
    browser.drag(0.3, 0.6)
    span = check_selection(browser, trace).split(",")
    check.assertTrue(0.25 <= float(span[0]) < float(span[1]) <= 0.75)


def case_dragging_selects_what_report_says_of_that_span(browser):
    for trace in (known_trace("mutex"), known_trace("parallel"), known_trace("loops"),
                  page_trace("uneven", 90, 30000, 4), page_trace("lossy", 20, 20000, 2, 40)):
        browser.open(trace)
        for share_from, share_to in ((0.1, 0.35), (0.5, 1.02), (0.72, 0.4), (-0.1, 0.02)):
            browser.drag(share_from, share_to)
            check.assertTrue(browser.find("picked").is_displayed())
            check_selection(browser, trace)
        browser.screenshot("picked-" + os.path.basename(trace).split(".")[0])
        browser.find("clear-picked").click()
        check.assertFalse(browser.find("picked").is_displayed())
        check_page(browser, report(trace))
    check.assertEqual(SELECTED, {"a box of others", "steps of names", "locks"})


def case_the_address_keeps_a_selection(browser):
    trace = known_trace("mutex")
    path = browser.open(trace)
    browser.drag(0.2, 0.5)
    address = browser.js("return location.hash")
    span = check_selection(browser, trace)
    check.assertEqual(address, "#t=" + span)
    browser.load(path, address)
    check.assertEqual(check_selection(browser, trace), span)


def case_mouse_zooms_and_moves(browser):
    browser.open(known_trace("mutex"))
    whole = browser.view()
    canvas = browser.chart()
    browser.actions().move_to_element(canvas).perform()
    middle = sum(whole) / 2
    browser.js("arguments[0].dispatchEvent(new WheelEvent('wheel', {deltaY: -500, ctrlKey: true, bubbles: true,"
               "cancelable: true, clientX: arguments[1]}))", canvas,
               browser.js("const b = arguments[0].getBoundingClientRect(); return b.left + b.width / 2", canvas))
    zoomed = browser.view()
    check.assertLess(zoomed[1] - zoomed[0], 0.5 * (whole[1] - whole[0]))
    check.assertAlmostEqual(sum(zoomed) / 2, middle, delta=0.01 * (whole[1] - whole[0]))
    browser.drag(0.7, 0.3, shift=True)
    moved = browser.view()
    check.assertGreater(moved[0], zoomed[0])
    check.assertAlmostEqual(moved[1] - moved[0], zoomed[1] - zoomed[0], delta=1)
    browser.find("zoom-all").click()
    check.assertEqual(browser.view(), whole)
    browser.find("zoom-in").click()
    browser.find("pan-right").click()
    check.assertGreater(browser.view()[0], 0)
    for _ in range(30):
        if browser.find("zoom-in").is_enabled():
            browser.find("zoom-in").click()
    check.assertFalse(browser.find("zoom-in").is_enabled())
    check.assertEqual(browser.view()[1] - browser.view()[0], browser.js("return 16 * cpartrace.grid.bin_ns"))
    browser.find("zoom-all").click()


def case_fingers_move_and_pinch(browser):
    browser.open(known_trace("mutex"), width=400)
    whole = browser.view()
    canvas = browser.chart()
    box = browser.js("const b = arguments[0].getBoundingClientRect(); return [b.left, b.width, b.top + b.height / 2]", canvas)

    def touch(kind, *shares):
        browser.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {
            "type": kind, "touchPoints": [{"x": box[0] + s * box[1], "y": box[2], "id": i}
                                          for i, s in enumerate(shares)]})
    touch("touchStart", 0.4)
    touch("touchStart", 0.4, 0.6)
    for spread in (0.15, 0.25, 0.4):
        touch("touchMove", 0.5 - spread, 0.5 + spread)
    touch("touchEnd")
    pinched = browser.view()
    check.assertLess(pinched[1] - pinched[0], 0.5 * (whole[1] - whole[0]))
    touch("touchStart", 0.8)
    for share in (0.6, 0.4, 0.2):
        touch("touchMove", share)
    touch("touchEnd")
    check.assertGreater(browser.view()[0], pinched[0])
    check.assertFalse(browser.find("picked").is_displayed())


def case_keys_do_all_that_the_mouse_does(browser):
    trace = known_trace("mutex")
    browser.open(trace)
    whole = browser.view()
    browser.js("document.getElementById('tracks').focus()")
    browser.press("+")
    browser.press("+")
    check.assertAlmostEqual(browser.view()[1] - browser.view()[0], (whole[1] - whole[0]) / 4, delta=1)
    at = browser.view()[0]
    browser.press(Keys.PAGE_DOWN)
    check.assertGreater(browser.view()[0], at)
    browser.press("0")
    check.assertEqual(browser.view(), whole)
    browser.press(Keys.HOME)
    browser.press(*[Keys.ARROW_RIGHT] * 10)
    browser.actions().key_down(Keys.SHIFT).send_keys(*[Keys.ARROW_RIGHT] * 8).key_up(Keys.SHIFT).perform()
    check.assertTrue(browser.find("picked").is_displayed())
    check.assertRegex(browser.js("return document.getElementById('said').textContent"),
                      r"CPUs busy, .* in progress. Selected")
    span = [float(x) * 1e9 for x in check_selection(browser, trace).split(",")]
    check.assertAlmostEqual(span[0], 0.2 * whole[1], delta=0.02 * whole[1])
    check.assertAlmostEqual(span[1], 0.36 * whole[1], delta=0.02 * whole[1])
    browser.press(Keys.ENTER)
    check.assertAlmostEqual(browser.view()[0], span[0], delta=2)
    browser.press(Keys.ESCAPE)
    check.assertFalse(browser.find("picked").is_displayed())


def case_hovering_tells_exact_figures(browser):
    trace = known_trace("mutex")
    browser.open(trace)
    canvas = browser.chart()
    browser.actions().move_to_element(canvas).perform()
    time.sleep(0.1)
    tip = browser.text("tip")
    check.assertRegex(tip, r"CPUs busy\n[\d.]+\nin progress\n[\d.]+")
    cpu_time = int(re.sub(r"\D", "", re.search(r"CPU time\n([\d.\u202f]+) ms", tip)[1]))
    start, length = browser.js(
        "const t = cpartrace.timeline, g = cpartrace.grid, w = Math.round(t.area().width);"
        "const c = columns_of(t.view, g, w), x = Math.round(t.hover_x - t.area().left);"
        "return [g.border(c[2 * x]), g.border(c[2 * x + 1]) - g.border(c[2 * x])]")
    check.assertEqual(report(trace, "--time", f"{start}ns,{start + length}ns")["cpu_time_ns"], cpu_time)


def hovered(browser, selector):
    """Puts the pointer on the middle of a row's canvas: the row's label, the tip's title and rows, and the span as --time."""
    canvas = browser.driver.find_element(By.CSS_SELECTOR, selector + " canvas")
    browser.js("arguments[0].scrollIntoView({block: 'center'})", canvas)
    browser.actions().move_to_element(canvas).perform()
    time.sleep(0.1)
    return browser.js(
        "const t = cpartrace.timeline, g = cpartrace.grid, c = columns_of(t.view, g, Math.round(t.area().width));"
        "const x = Math.round(t.hover_x - t.area().left), at = (i) => g.border(c[2 * x + i]) + g.start_ns;"
        "return [arguments[0].closest('.track').querySelector('.label').textContent,"
        "document.querySelector('#tip b').textContent, Object.fromEntries([...document.querySelectorAll('#tip dt')]"
        ".map((n) => [n.textContent, n.nextElementSibling.textContent])), `${at(0)}ns,${at(1)}ns`]", canvas)


def case_hovering_a_lane_tells_its_exact_figures(browser):
    """Of a CPU, of a thread and of operations in flight: what `report` of the same span says of each."""
    for trace in (known_trace("mutex"), known_trace("loops")):
        browser.open(trace)
        for _ in range(4):
            browser.find("zoom-in").click()  # a column is then more than a hair
        label, title, rows, span = hovered(browser, "#cpu-lanes .lane")
        check.assertEqual(label, title)
        cpu = report(trace, "--time", span, "--cpu", title.split()[1])
        check.assertEqual(rows["ran the workload"], exact_time(cpu["cpu_time_ns"]))
        label, title, rows, span = hovered(browser, "#thread-lanes .lane")
        part = report(trace, "--time", span)
        (thread,) = [t for t in part["threads"] if f"{t['name']} {t['tid']}" == title]
        expected = {"running": thread["running_ns"], "runnable": thread["runnable_ns"],
                    **thread["waiting_ns"], **thread["parked_ns"]}
        expected = {words(name): exact_time(ns) for name, ns in expected.items() if ns}
        check.assertTrue(expected)
        check.assertEqual({name: text for name, text in rows.items() if not name.startswith(("critical", "stall"))}, expected)
    check_hovered_flight(browser, trace)


def check_hovered_flight(browser, trace):
    _, title, rows, span = hovered(browser, ".flight")
    name, pid = re.fullmatch(r"In flight: (.+) of .*?(\d+)", title).groups()
    part = report(trace, "--time", span)
    (in_flight,) = [e["in_flight"] for e in part["epoll_instances"] if str(e["pid"]) == pid and
                    e["kind"] + (f" {e['epfd']}" if e["epfd"] >= 0 else "") == name]
    check.assertGreater(in_flight["integral_ns"], 0)
    check.assertEqual(rows, {"on average": fixed(in_flight["average"], 2)})


def case_search_and_sort_find_threads(browser):
    trace = page_trace("uneven", 90, 30000, 4)
    r = report(trace)
    browser.open(trace)
    lanes = lambda: browser.js("return [...document.querySelectorAll('#thread-lanes .lane')]"
                               ".filter((n) => !n.hidden).map((n) => n.querySelector('.tid').textContent)")
    check.assertEqual(len(lanes()), 64)
    check.assertIn("64 that had most", browser.text("lanes-note"))
    browser.find("search").send_keys("w7")
    wanted = {str(t["tid"]) for t in r["threads"] if "w7" in t["name"]}
    check.assertTrue(lanes() and set(lanes()) <= wanted)
    rows = browser.js("return [...document.querySelectorAll('#threads-table tbody th')].map((n) => n.textContent)")
    check.assertEqual(rows, ["w7"] * len(wanted))
    browser.find("search").clear()
    browser.find("search").send_keys(str(r["threads"][5]["tid"]))
    check.assertEqual(browser.js("return document.querySelectorAll('#threads-table tbody tr').length"), 1)
    browser.js("const s = document.getElementById('search'); s.value = ''; s.dispatchEvent(new Event('input'))")
    browser.js("const s = document.getElementById('order'); s.value = 'tid'; s.dispatchEvent(new Event('change'))")
    check.assertEqual(lanes(), sorted(lanes(), key=int))
    head = lambda name: [b for b in browser.driver.find_elements(By.CSS_SELECTOR, "#threads-table th button")
                         if b.text.split(" ")[0] == name][0]
    head("tid").click()
    tids = browser.js("return [...document.querySelectorAll('#threads-table tbody tr')].map((n) => Number(n.children[1].textContent))")
    check.assertEqual(tids, sorted(t["tid"] for t in r["threads"])[:len(tids)])
    check.assertEqual(browser.driver.find_element(By.CSS_SELECTOR, "#threads-table th[aria-sort=ascending]").text.split(" ")[0], "tid")
    check.assertIn("40 of 90 threads shown", browser.text("threads-note"))
    browser.find("threads-every").click()
    check.assertEqual(browser.js("return document.querySelectorAll('#threads-table tbody tr').length"), 90)
    check.assertFalse(browser.find("threads-more").is_displayed())


def case_what_is_left_out_is_said_and_shown_when_asked_for(browser):
    trace = page_trace("many", 200, 20000, 4)
    r = report(trace)
    browser.open(trace)
    for table, all_rows, what in (("overlap-table", len(r["overlap"]["names"]), "names"),
                                  ("path-table", len(r["critical_path"]["by_thread"]), "threads")):
        rows = lambda: browser.js(f"return document.querySelectorAll('#{table} tbody tr').length")
        foot = browser.js(f"return document.getElementById('{table}').closest('.scroll').nextElementSibling")
        if rows() < all_rows:
            check.assertRegex(foot.text, rf"^{rows()} of \d+ {what} shown")
            foot.find_element(By.TAG_NAME, "button").click()
        check.assertGreaterEqual(rows(), 16, table)
        check.assertEqual(rows(), all_rows, table)
        check.assertFalse(foot.is_displayed())


def case_light_and_dark(browser):
    trace = known_trace("mutex")
    paint = "return getComputedStyle(document.body).backgroundColor"
    pixel = ("const c = document.querySelector('.strip canvas'); const d = document.createElement('canvas')"
             ".getContext('2d', {willReadFrequently: true}); d.drawImage(c, 0, 0);"
             "return [...d.getImageData(99, 8, 1, 1).data]")
    browser.open(trace, dark=True)
    dark, dark_pixel = browser.js(paint), browser.js(pixel)
    check.assertEqual(browser.js("return document.documentElement.dataset.theme"), "dark")
    browser.screenshot("dark")
    browser.find("theme").click()
    check.assertEqual(browser.js("return document.documentElement.dataset.theme"), "light")
    check.assertNotEqual(browser.js(paint), dark)
    time.sleep(0.1)
    check.assertNotEqual(browser.js(pixel), dark_pixel)
    browser.find("theme").click()
    check.assertEqual(browser.js(paint), dark)
    browser.driver.execute_cdp_cmd("Page.printToPDF", {})
    check.assertEqual(browser.js("return document.documentElement.dataset.theme"), "dark")


def luminance(css):
    parts = [int(x) / 255 for x in re.findall(r"\d+", css)[:3]]
    r, g, b = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def case_text_can_be_read(browser):
    """Contrast of text to its ground: 4.5 to 1 (WCAG 2, AA), light and dark."""
    for dark in (False, True):
        browser.open(known_trace("mutex"), dark=dark)
        pairs = browser.js("""
            const ground = (n) => { for (; n; n = n.parentElement) {
                const c = getComputedStyle(n).backgroundColor;
                if (!c.endsWith(', 0)')) return c; } return 'rgb(255, 255, 255)'; };
            return [...document.querySelectorAll('p, h1, h2, h3, td, th, .label, .bar span span, li, button')]
                .filter((n) => n.checkVisibility() && n.textContent.trim() && !n.disabled && !n.closest('.half'))
                .map((n) => [getComputedStyle(n).color, ground(n), n.textContent.slice(0, 30)]);""")
        for ink, ground, text in pairs:
            if not ink.startswith("rgb(") or not ground.startswith("rgb("):
                continue
            a, b = sorted((luminance(ink), luminance(ground)), reverse=True)
            check.assertGreaterEqual((a + 0.05) / (b + 0.05), 4.5,
                                     (text, ink, ground, dark))


def case_hostile_names_are_text(browser):
    trace = page_trace("hostile", 200, 8000, 2)
    r = report(trace)
    path = browser.open(trace)
    browser.find("threads-every").click()
    check_page(browser, r)
    with open(path, encoding="utf-8") as file:
        html = file.read()
    check.assertEqual(html.count("<script"), 3)
    check.assertEqual(html.count("</script>"), 3)
    check.assertNotIn("onerror", html)
    check.assertEqual(browser.driver.title, " ".join(r["command"]) + " · cpartrace")
    check.assertEqual(browser.js("return document.querySelectorAll('b img, td img, img, i b').length"), 0)
    check.assertEqual(browser.js("return document.scripts.length"), 3)
    names = browser.js("return [...document.querySelectorAll('#threads-table tbody th')].map((n) => n.textContent)")
    check.assertEqual(sorted(names), sorted(t["name"] for t in r["threads"]))
    check.assertIn("</script><b>", names)
    check.assertIn("<i>host</i>", browser.text("facts"))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)[1]
    check.assertIn("default-src 'none'", policy)
    check.assertNotIn("unsafe", policy)
    # The policy is at work: what was not built in does not run, and says so on the console.
    browser.js("const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
               "document.body.append(s)")
    check.assertIsNone(browser.js("return window.ran || null"))
    check.assertIn("Content Security Policy", str(browser.driver.get_log("browser")))


def case_narrow_and_wide_pages_do_not_overflow(browser):
    for width in (360, 400, 800, 1280, 1920):
        browser.open(known_trace("mutex"), width=width)
        check.assertLessEqual(browser.js("return document.documentElement.scrollWidth"), width)
        if width in (400, 1280):
            browser.screenshot(f"width-{width}")


def case_paper_has_all_and_no_buttons(browser):
    """As it would be printed, A4 upright: nothing sticks out, nothing asks to be pressed."""
    for dark in (False, True):
        browser.open(known_trace("loops"), width=718, dark=dark)
        browser.drag(0.2, 0.5)
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        browser.js("dispatchEvent(new Event('beforeprint'))")
        check.assertLessEqual(browser.js("return document.documentElement.scrollWidth"), 718)
        check.assertEqual(browser.js("return [...document.querySelectorAll('button, input, select')]"
                                     ".filter((n) => n.checkVisibility() && !n.closest('th') && !n.closest('.stalls'))"
                                     ".map((n) => n.id)"), [])
        check.assertGreater(luminance(browser.js("return getComputedStyle(document.body).backgroundColor")), 0.9)
        check.assertEqual(browser.js("return [...document.querySelectorAll('.track:not([hidden]) canvas')]"
                                     ".filter((n) => n.height < 2 || n.width < 2).length"), 0)
        pdf = base64.b64decode(browser.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"])
        if ARGS.screenshots:
            with open(os.path.join(ARGS.screenshots, f"print-{'dark' if dark else 'light'}.pdf"), "wb") as file:
                file.write(pdf)
        check.assertGreater(len(pdf), 50_000)
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def case_loops_show_what_is_in_flight_and_where_they_stalled(browser):
    trace = known_trace("loops")
    r = report(trace)
    browser.open(trace)
    browser.screenshot("loops")
    flights = browser.js("return [...document.querySelectorAll('.flight canvas')].map((n) => n.getAttribute('aria-label'))")
    known = [e for e in r["epoll_instances"] if e["in_flight"]["integral_ns"]]
    check.assertEqual(len(flights), min(16, len(known)))
    check.assertTrue(known and all("In flight: " in text for text in flights))
    browser.drag(0.3, 0.6)
    figures = browser.figures()
    picked = report(trace, "--time", re.search(r"--time (\S+)", browser.text("picked-command"))[1])
    check.assertEqual(check_flights(figures, picked), len(flights))
    said = browser.js("return [...document.querySelectorAll('[data-instance]')].map((n) => [n.dataset.instance, n.textContent])")
    means = {str(e["id"]): f"{e['in_flight']['average']:.2f}" for e in picked["epoll_instances"] if e["in_flight"]["integral_ns"]}
    check.assertTrue(means)
    check.assertEqual({e: text for e, text in said if e in means}, means)
    stalls = [s for loop in r["event_loops"] for s in loop["stalls"] if not s["rest"]]
    check.assertEqual(browser.js("return cpartrace.timeline.stalls.length"), min(64, len(stalls)))
    for button in browser.driver.find_elements(By.CSS_SELECTOR, ".stalls button.link")[:1]:
        browser.js("arguments[0].click()", button)
        longest = browser.js("return cpartrace.timeline.cursor")
        check.assertTrue(any(abs(longest - s["longest_start_ns"]) <= browser.js("return cpartrace.grid.bin_ns")
                             for s in stalls))
        check.assertTrue(browser.view()[0] <= longest <= browser.view()[1])


def case_phases_are_a_table_and_a_strip(browser):
    trace = page_trace("phases", 20, 8000, 2, 3, 120)
    r = report(trace)
    browser.open(trace)
    check_page(browser, r)
    browser.screenshot("phases")
    browser.js("for (const b of document.querySelectorAll('#phases button')) if (b.textContent === 'Show all') b.click()")
    cells, bars = rows_of(browser, "#phases-table", 10000)
    check.assertGreater(len(r["phases"]), TABLE_ROWS)
    check.assertEqual(cells, [
        [p["name"], f"{p['spans']:,}", short_time(p["span_ns"]), "", f"{p['parallelism']:.2f}", f"{p['concurrency']:.2f}",
         short_time(p["cpu_time_ns"]), p["summary"]] for p in r["phases"]])
    check.assertEqual(bars, [bar_of([(cls, p["ledger_ns"][cls]) for cls in CLASSES], p["span_ns"]) for p in r["phases"]])
    # The strip: what it tells of all of the run is the table, of a part of it what marks say.
    told = browser.js("const s = spans_of_phases(cpartrace.page.report); return [s.length, phases_within(s, 0, arguments[0])]",
                      r["window_ns"])
    whole = {}  # names that are no text can become the same
    for p in r["phases"]:
        whole[p["name"]] = whole.get(p["name"], 0) + p["span_ns"]
    check.assertEqual(told, [len(r["marks"]) + 1, [[name, ns] for name, ns in whole.items() if ns]])
    a, b = r["marks"][3]["at_ns"], r["marks"][4]["at_ns"]
    check.assertEqual(browser.js("return phases_within(spans_of_phases(cpartrace.page.report), arguments[0], arguments[1])",
                                 a - 1, b), [[r["marks"][2]["name"], 1], [r["marks"][3]["name"], b - a]])
    check.assertEqual(browser.js("return document.querySelectorAll('[aria-label=\"Phases over time\"]').length"), 1)
    button = browser.driver.find_element(By.CSS_SELECTOR, "#phases-table tbody tr:nth-child(3) button.link")
    browser.js("arguments[0].click()", button)
    check.assertAlmostEqual(browser.js("return cpartrace.timeline.cursor"), r["phases"][2]["first_ns"],
                            delta=browser.js("return cpartrace.grid.bin_ns"))
    # Of phases that were put together the strip has no place in time.
    browser.open(trace, "--phase", r["phases"][4]["name"], "--phase", r["phases"][6]["name"])
    check.assertEqual(browser.js("return document.querySelectorAll('[aria-label=\"Phases over time\"]').length"), 0)
    check.assertEqual(len(rows_of(browser, "#phases-table")[0]), 2)
    # Without marks there is nothing of it.
    browser.open(known_trace("mutex"))
    check.assertEqual(browser.js("return [document.getElementById('phases').hidden, "
                                 "document.querySelectorAll('[aria-label=\"Phases over time\"]').length]"), [True, 0])


def case_everything_has_a_name_for_who_cannot_see_it(browser):
    browser.open(known_trace("mutex"))
    unnamed = browser.js("""
        return [...document.querySelectorAll('button, input, select, canvas, section, [role=group], svg[role=img]')]
            .filter((n) => n.checkVisibility() && !n.hasAttribute('aria-hidden'))
            .filter((n) => !(n.getAttribute('aria-label') || n.getAttribute('aria-labelledby') || n.textContent.trim() ||
                (n.labels && n.labels.length))).map((n) => n.outerHTML.slice(0, 80));""")
    check.assertEqual(unnamed, [])
    check.assertEqual(browser.js("return [...document.querySelectorAll('[aria-labelledby], [aria-describedby]')]"
                                 ".filter((n) => !document.getElementById(n.getAttribute('aria-labelledby') ||"
                                 "n.getAttribute('aria-describedby'))).length"), 0)
    check.assertEqual(browser.js("return [...document.querySelectorAll('table')].filter((n) => n.checkVisibility() &&"
                                 "n.id !== 'overlap-table' && !n.querySelector('caption')).map((n) => n.id)"), [])
    check.assertEqual(browser.js("return document.documentElement.lang"), "en")


def case_ten_million_switches_open_within_a_second(browser):
    trace = page_trace("large", 300, 10_000_000, 4)
    path = browser.page(trace)
    size = os.path.getsize(path)
    check.assertLess(size, PAGE_SIZE_MAX)
    browser.size(1280, 900)
    # The best of five, or of more while it is none: the machine may be busy with something else.
    ready = min(browser.load(path) for _ in range(5)) / 1000
    for _ in range(15):
        if ready < OPEN_MAX_S:
            break
        time.sleep(1)
        ready = min(ready, browser.load(path) / 1000)
    print(f"  page of 10 M switches: {size} bytes, ready after {ready:.2f} s")
    check.assertLess(ready, OPEN_MAX_S)
    for what, move in (("zooming", "t.zoom(i < 30 ? 1.15 : 1 / 1.15)"), ("moving", "t.pan(i < 30 ? 0.03 : -0.03)")):
        (script, task), draw, frame = browser.frames(move)
        print(f"  {what}: {script:.1f} ms of CPU time a frame, {task:.1f} ms with the browser's; drawn in {draw[1]:.1f} ms"
              f" ({draw[0]:.1f} to {draw[2]:.1f}), a frame every {frame[1]:.1f} ms ({frame[0]:.1f} to {frame[2]:.1f})")
        # Of all frames, slow ones too. By the clock it would depend on what else the machine does.
        check.assertTrue(0 < script < FRAME_MAX_MS, script)
        browser.find("zoom-in").click()
    browser.find("zoom-all").click()
    browser.drag(0.2, 0.6)
    check_selection(browser, trace)


# ---- running -----------------------------------------------------------------------------------

def main():
    global ARGS
    parser = argparse.ArgumentParser()
    parser.add_argument("--cpartrace", required=True)
    parser.add_argument("--page-trace", required=True)
    parser.add_argument("--traces", required=True)
    parser.add_argument("--screenshots")
    parser.add_argument("case", nargs="*", help="part of a case's name")
    ARGS = parser.parse_args()
    cases = [(name[5:], run) for name, run in list(globals().items()) if name.startswith("case_")]
    cases = [c for c in cases if not ARGS.case or any(part in c[0] for part in ARGS.case)]
    if not cases:
        sys.exit("browser: no such case")
    if ARGS.screenshots:
        os.makedirs(ARGS.screenshots, exist_ok=True)
    failed = []
    with tempfile.TemporaryDirectory(prefix="cpartrace-browser-") as ARGS.scratch:
        os.environ.setdefault("HOME", ARGS.scratch)
        browser = Browser()
        try:
            for name, run in cases:
                try:
                    run(browser)
                    browser.quiet()
                    print("ok    ", name, flush=True)
                except Exception:  # one that fails says why, and the next one runs
                    traceback.print_exc()
                    browser.screenshot("failed-" + name)
                    browser.driver.get_log("browser")
                    failed.append(name)
                    print("FAILED", name, flush=True)
        finally:
            browser.driver.quit()
    print(f"{len(cases) - len(failed)} of {len(cases)} cases passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
