# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The results as Markdown, for the README.

Owns: which figures stand where, and their rounding. Everything comes from the results alone, so a
table can be made again from a results file: bench.py --from RESULTS.json. README.md shows those of
results.json, beside this file; a test compares.
"""


def _cell(series, form, scale=1.0):
    """median (low to high), or a dash."""
    if not series:
        return "–"
    return (f"{form(series['median'] * scale)} ({form(series['low'] * scale)} to "
            f"{form(series['high'] * scale)})")


def _plain(series, form, scale=1.0):
    return form(series["median"] * scale) if series else "–"


def ratio(value):
    return f"{value:.3f}"


def whole(value):
    return f"{value:,.0f}"


def tenth(value):
    return f"{value:,.1f}"


def percent(share):
    return f"{100 * share:.1f}"


def two(value):
    return f"{value:.2f}"


def _table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def _lost(entry, resources):
    """Of the timed runs and of the one that was looked at closely."""
    known = [lost for lost in (entry["lost"], resources.get("lost")) if lost is not None]
    return whole(sum(known)) if known else "–"


def recording(results):
    """Everyone on the pinned pipe."""
    load = next((load for load in results["loads"] if load["key"] == "pipe"), None)
    if not load:
        return ""
    rows = []
    for entry in load["recorders"]:
        resources = entry.get("resources", {})
        rows.append([
            entry["label"],
            _cell(entry["slowdown"], ratio),
            _cell(entry["added_ns"], whole),
            _cell(entry["added_cpu_ns"], whole),
            _cell(entry.get("share_of_perf_sched"), two),
            tenth(resources["bytes_per_switch"]) if resources.get("bytes_per_switch") else "–",
            _plain(entry["start_ns"], two, 1e-9), _plain(entry["stop_ns"], two, 1e-9),
            _plain(entry["cpu_during_ns"], two, 1e-9), _plain(entry["cpu_after_ns"], two, 1e-9),
            tenth(resources["rss_kb"] / 1024) if resources.get("rss_kb") else "–",
            whole(resources["events"]) if resources.get("events") else "–",
            _lost(entry, resources),
        ])
    return (f"{load['label']}: {load['switches']:,} switches, {load['rounds']} rounds, untraced "
            f"{_plain(load['untraced_per_unit_ns'], whole)} ns per switch\n\n"
            + _table(["recorder", "slowdown", "ns added per switch", "in CPU time", "of perf sched's",
                      "bytes per switch", "start s", "stop s", "own CPU s during", "after",
                      "peak RSS MB", "events seen", "lost"], rows))


def other_loads(results):
    rows = []
    for load in results["loads"]:
        if load["key"] == "pipe":
            continue
        for entry in load["recorders"]:
            added = _cell(entry["added_ns"], whole)
            rows.append([load["label"], _plain(load["untraced_switches"], whole), entry["label"],
                         _cell(entry["slowdown"], ratio),
                         f"{added} per {load['unit']}" if load["unit"] and entry["added_ns"]
                         else "–", _cell(entry["cpu_ratio"], ratio),
                         str(entry["slowdown"]["n"]) if entry["slowdown"] else "–"])
    if not rows:
        return ""
    return _table(["load", "its switches", "recorder", "slowdown", "ns added", "CPU time", "rounds"],
                  rows)


def long_runs(results):
    rows = [[one["label"], tenth(one["elapsed_ns"] / 1e9), whole(one["switches"]),
             two(one["switches"] / one["elapsed_ns"] * 1e3), whole(one["events"]),
             whole(one["lost"]), percent(one["cpu_share"]), tenth(one["rss_kb"] / 1024)]
            for one in results.get("long", [])]
    return _table(["cpartrace record, as it comes", "s", "its switches", "M switches/s",
                   "events seen", "lost", "own CPU, % of one", "peak RSS MB"], rows) if rows else ""


def reading(results):
    rows = []
    for entry in results["offline"]:
        if "failed" in entry:
            rows.append([entry["label"], entry["failed"], "–", "–", "–"])
            continue
        lines = entry.get("lines")
        rows.append([entry["label"],
                     _cell(entry["one_cpu"]["switches_per_s"], two, 1e-6),
                     _cell(entry["all_cpus"]["switches_per_s"], two, 1e-6),
                     _plain(entry["one_cpu"]["switches_per_s"], two,
                            1e-6 * lines / entry["switches"]) if lines else "–",
                     tenth(entry["all_cpus"]["rss_kb"] / 1024)])
    return _table(["reader", "M switches/s, one CPU", "all CPUs", "M lines/s, one CPU",
                   "peak RSS MB"], rows) if rows else ""


BEGIN, END = "<!-- bench -->\n", "<!-- /bench -->\n"


def in_readme(text, results):
    """The README with these results in their place."""
    before, begin, rest = text.partition(BEGIN)
    old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the README has no place for results: {BEGIN.strip()}, {END.strip()}")
    return before + begin + markdown(results) + end + after


def coverage(results):
    """How sure the widest intervals of recorders are: few rounds give less than 95 %."""
    known = [entry["slowdown"]["coverage"] for load in results["loads"]
             for entry in load["recorders"] if entry["slowdown"]]
    least = min(known, default=0)
    return "95 %" if least >= 0.95 else f"{100 * least:.0f} %"


def markdown(results):
    machine = results["machine"]
    parts = [f"{results['program']}, {machine['cpus']} CPUs, {machine['cpu']}, Linux "
             f"{machine['kernel']}, {results['date'][:10]}, {results['seconds'] / 60:.0f} minutes; "
             f"medians with the {coverage(results)} interval of the sign test, paired with the "
             "untraced run of the same round. `untraced again` is the noise floor.",
             recording(results), other_loads(results), long_runs(results), reading(results)]
    notes = [f"- {note}" for note in results["notes"]]
    if notes:
        parts.append("\n".join(notes))
    return "\n\n".join(part for part in parts if part) + "\n"
