#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What recording costs, and what reading a recording costs, beside the other recorders.

    sudo tests/bench/bench.py [--quick] [--cpartrace build/cpartrace]
                              [--load-program build/tests/bench/bench_load]
                              [--json results.json] [--table results.md] [--publish]

Each round runs every load untraced, under each recorder, and untraced once more (the noise floor),
one after another, in an order drawn anew for each round: nobody always runs after the one that has
just written the most. A recorder's figure is the median over rounds of its ratio to (or difference
from) the untraced run of the same round, with the 95 % interval of the sign test. A full run takes
up to 15 minutes on a quiet machine and needs nobody else on it; --quick takes about 2 and shows orders of magnitude. --from RESULTS.json prints the
tables of an earlier run; --publish puts the tables into README.md and what they are made of into
tests/bench/results.json, of whole runs only; --check says whether the one is what the other makes.
Progress goes to standard error, the tables (Markdown) to standard output or --table, everything
measured to --json.

What is measured, per recorder: slowdown; ns added per switch, request, fork or call, on the wall
and in the load's own CPU time (which says the same on a noisy machine, but not what the recorder
takes from the load by running itself); its own CPU time before, during and after the load; time
from its start to the release of the load, and from the load's end to its own; peak memory and bytes
per switch (in a run of their own); events seen and lost. Then cpartrace alone: a minute at the
highest rate a pipe on each CPU reaches, and a steady 100,000 switches a second. Then every reader on
those recordings: switches per second on one CPU and on all, peak memory.

Debian packages: linux-perf, rt-tests, and for the others trace-cmd, libbpf-tools. A recorder that
does not run on this machine is named in the results, with the reason.
"""

import argparse
import datetime
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import figures  # noqa: E402
import loads  # noqa: E402
import measure  # noqa: E402
import offline  # noqa: E402
import recorders  # noqa: E402
import tables  # noqa: E402

RESULTS_VERSION = 2
PUBLISHED = os.path.join(HERE, "results.json")
README = os.path.join(HERE, "../../README.md")
QUICK_ROUNDS = 3
QUICK_SCALE = 0.3
RESOURCE_OPS = 500_000  # two switches each
OFFLINE_ROUNDS = 5
LONG_SECONDS = 60
PACED_RATE = 100_000
PROBE_OPS = 200_000


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def read_whole(path):
    with open(path, encoding="utf-8") as source:
        return source.read()


def read_text(path):
    try:
        with open(path, encoding="utf-8") as source:
            return source.read().strip()
    except OSError:
        return ""


# ---------------------------------------------------------------- the machine


def machine_facts():
    model = [line.partition(":")[2].strip() for line in read_text("/proc/cpuinfo").split("\n")
             if line.startswith("model name")]
    return {"kernel": platform.release(), "machine": platform.machine(),
            "cpus": os.cpu_count(), "cpu": model[0] if model else "unknown CPU",
            "load_average": read_text("/proc/loadavg"),
            "bpf_stats_enabled": read_text("/proc/sys/kernel/bpf_stats_enabled")}


def machine_notes(facts):
    notes = []
    if facts["bpf_stats_enabled"] not in ("0", ""):
        notes.append("kernel.bpf_stats_enabled was not 0: every BPF program cost about 66 ns more")
    if float(facts["load_average"].split()[0]) > 0.5:
        notes.append("the machine was not quiet when this began: load average "
                     + facts["load_average"].split()[0])
    return notes


def program_version(cpartrace):
    said = subprocess.run([cpartrace, "version"], check=True, text=True, stdout=subprocess.PIPE)
    return said.stdout.split("\n")[0]


def cpu_totals():
    """(busy, steal) jiffies of all CPUs since boot."""
    fields = list(map(int, read_text("/proc/stat").split("\n")[0].split()[1:9]))
    return sum(fields[:3]) + fields[5] + fields[6], fields[7]


# ---------------------------------------------------------------- rounds


class Untraced:
    """The two untraced runs of a round: the base of all ratios, and the noise floor."""

    def __init__(self):
        self.base = recorders.Untraced("untraced", "untraced")
        self.floor = recorders.Untraced("floor", "untraced again")


def one_run(recorder, load, bench_load, directory):
    """Facts with the load's time, or None after having said why not."""
    try:
        facts = measure.run(recorder, load.argv, bench_load, directory)
        facts["elapsed_ns"] = load.elapsed_ns(facts.pop("output"))
        return facts
    except (measure.Failed, ValueError) as err:
        say(f"{load.key}, {recorder.label}: {err}")
        return None
    finally:
        recorder.clean_up(directory)


def run_rounds(load, usable, rounds, bench_load, directory):
    """One dict per round: recorder key -> facts."""
    untraced = Untraced()
    order = [untraced.base, untraced.floor, *usable]
    found = []
    for number in range(rounds):
        begun = time.monotonic()
        drawn = random.Random(number).sample(order, len(order))
        found.append({recorder.key: one_run(recorder, load, bench_load, directory)
                      for recorder in drawn})
        if number == 0 or number == rounds - 1:
            say(f"{load.key}: round {number + 1} of {rounds}, {len(order)} runs, "
                f"{time.monotonic() - begun:.1f} s")
    return found


def paired(rounds, key, value):
    """value(facts, base) of each round in which both ran."""
    return [value(facts[key], facts["untraced"]) for facts in rounds
            if facts.get(key) and facts.get("untraced")]


def series(rounds, key, name):
    return figures.summary([facts[key].get(name) for facts in rounds if facts.get(key)])


def recorder_entry(load, recorder, rounds):
    units = load.units()
    entry = {
        "key": recorder.key,
        "label": recorder.label,
        "slowdown": figures.summary(paired(
            rounds, recorder.key, lambda mine, base: mine["elapsed_ns"] / base["elapsed_ns"])),
        "added_ns": figures.summary(paired(
            rounds, recorder.key,
            lambda mine, base: (mine["elapsed_ns"] - base["elapsed_ns"]) / units))
        if load.unit else None,
        # The load's own CPU time: what it costs where time on the wall is others', too.
        "cpu_ratio": figures.summary(paired(
            rounds, recorder.key, lambda mine, base: mine["load_cpu_ns"] / base["load_cpu_ns"])),
        "added_cpu_ns": figures.summary(paired(
            rounds, recorder.key,
            lambda mine, base: (mine["load_cpu_ns"] - base["load_cpu_ns"]) / units))
        if load.unit else None,
        "failed_runs": sum(facts.get(recorder.key) is None for facts in rounds),
    }
    for name in ("start_ns", "stop_ns", "cpu_before_ns", "cpu_during_ns", "cpu_after_ns", "bytes",
                 "events", "load_switches"):
        entry[name] = series(rounds, recorder.key, name)
    lost = [facts[recorder.key]["lost"] for facts in rounds
            if facts.get(recorder.key) and facts[recorder.key].get("lost") is not None]
    entry["lost"] = sum(lost) if lost else None
    return entry


def shares_of_perf_sched(rounds, key):
    """What a recorder adds, as a share of what perf sched adds in the same round."""
    shares = []
    for facts in rounds:
        if facts.get(key) and facts.get("perf-sched") and facts.get("untraced"):
            base = facts["untraced"]["elapsed_ns"]
            theirs = facts["perf-sched"]["elapsed_ns"] - base
            if theirs > 0:
                shares.append((facts[key]["elapsed_ns"] - base) / theirs)
    return figures.summary(shares)


def load_results(load, usable, rounds):
    untraced = Untraced()
    entries = []
    for recorder in [untraced.floor, *usable]:
        entry = recorder_entry(load, recorder, rounds)
        if load.key == "pipe" and recorder.key.startswith("cpartrace"):
            entry["share_of_perf_sched"] = shares_of_perf_sched(rounds, recorder.key)
        entries.append(entry)
    return {"key": load.key, "label": load.label, "caveat": load.caveat,
            "command": [os.path.basename(load.argv[0]), *load.argv[1:]],
            "operations": load.ops, "unit": load.unit, "rounds": len(rounds),
            "switches": load.units() if load.unit == "switch" else None,
            "untraced_per_unit_ns": figures.summary(
                [facts["untraced"]["elapsed_ns"] / load.units() for facts in rounds
                 if facts.get("untraced")]),
            "untraced_switches": series(rounds, "untraced", "load_switches"),
            "recorders": entries,
            "runs": [{key: facts and {name: value for name, value in facts.items()}
                      for key, facts in one.items()} for one in rounds]}


# ---------------------------------------------------------------- memory and size


def measure_resources(usable, bench_load, directory):
    """recorder key -> peak memory, bytes per switch, events and losses of one run; and recordings
    that are kept: recorder key -> (file, switches)."""
    found, recordings = {}, {}
    for recorder in usable:
        say(f"memory and size: {recorder.label}")
        try:
            facts = measure.run(recorder, ["taskset", "-c", "0", bench_load, "pipe",
                                           str(RESOURCE_OPS)], bench_load, directory,
                                memory=True)
        except measure.Failed as err:
            say(str(err))
            continue
        switches = facts["load_switches"]
        kept = None
        if recorder.trace_name and recorder.key != "cpartrace-run":
            kept = os.path.join(directory, f"kept-{recorder.key}")
            os.rename(os.path.join(directory, recorder.trace_name), kept)
            recordings[recorder.key] = (kept, switches)
            lost, events = offline.complete(recorder.key, kept, directory)
            facts["lost"] = lost if lost is not None else facts.get("lost")
            facts["events"] = events if events is not None else facts.get("events")
        recorder.clean_up(directory)
        bytes_written = facts.get("bytes")
        found[recorder.key] = {
            "switches": switches, "rss_kb": facts["rss_kb"],
            "bytes": bytes_written, "events": facts.get("events"), "lost": facts.get("lost"),
            "bytes_per_switch": bytes_written / switches if bytes_written else None,
            "cpu_during_ns": facts["cpu_during_ns"]}
    return found, recordings


# ---------------------------------------------------------------- long runs


def long_runs(recorder, bench_load, directory, seconds):
    """What a recorder loses and uses at the highest rate of a pipe on each CPU, for so long, and at
    PACED_RATE switches a second."""
    cpus = os.cpu_count()
    say(f"{seconds} s at the highest rate: {recorder.label}")
    probe = measure.run(recorder, [bench_load, "pipes", str(PROBE_OPS), str(cpus)], bench_load,
                        directory)
    recorder.clean_up(directory)
    per_pair_ns = loads.own_ns(probe["output"]) / PROBE_OPS
    ops = int(seconds * 1e9 / per_pair_ns)
    found = []
    for label, load in (
            (f"a pipe on each of {cpus} CPUs, as fast as it goes",
             [bench_load, "pipes", str(ops), str(cpus)]),
            (f"a pipe on one CPU, {PACED_RATE:,} switches a second",
             ["taskset", "-c", "0", bench_load, "paced", str(PACED_RATE),
              str(max(2, seconds // 4))])):
        facts = measure.run(recorder, load, bench_load, directory, memory=True)
        recorder.clean_up(directory)
        elapsed_ns = loads.own_ns(facts["output"])
        found.append({"label": label, "elapsed_ns": elapsed_ns, "switches": facts["load_switches"],
                      "events": facts["events"], "lost": facts["lost"], "bytes": facts["bytes"],
                      "cpu_share": facts["cpu_during_ns"] / elapsed_ns, "rss_kb": facts["rss_kb"]})
    return found


# ---------------------------------------------------------------- the whole


def usable_recorders(cpartrace, bench_load, directory, wanted, notes):
    found = []
    for recorder in recorders.all_recorders(cpartrace):
        if wanted and recorder.key not in wanted:
            continue
        reason = recorder.probe(bench_load, directory)
        if reason:
            notes.append(f"{recorder.label} did not run here: {reason}")
        else:
            found.append(recorder)
            if recorder.note:
                notes.append(f"{recorder.label}: {recorder.note}")
    return found


def chosen(load, usable, wanted):
    if load.key == "pipe" or wanted:
        return usable
    return [recorder for recorder in usable if recorder.key in recorders.CHOSEN[load.key]]


def bench(args, directory):
    facts = machine_facts()
    notes = machine_notes(facts)
    begun, (busy, steal) = time.monotonic(), cpu_totals()
    usable = usable_recorders(args.cpartrace, args.load_program, directory, args.recorder, notes)
    results = {"version": RESULTS_VERSION, "quick": args.quick, "machine": facts,
               "whole": not (args.quick or args.rounds or args.scale or args.load or args.recorder),
               "program": program_version(args.cpartrace),
               "date": datetime.datetime.now(datetime.timezone.utc).isoformat(),
               "loads": [], "offline": [], "notes": notes}
    scale = args.scale or (QUICK_SCALE if args.quick else 1)
    for load in loads.all_loads(args.load_program, scale, os.cpu_count()):
        if args.load and load.key not in args.load:
            continue
        missing = load.missing()
        if missing:
            notes.append(f"load {load.key} did not run here: {missing} is not installed")
            continue
        rounds = args.rounds or (QUICK_ROUNDS if args.quick else load.rounds)
        who = chosen(load, usable, args.recorder)
        found = run_rounds(load, who, rounds, args.load_program, directory)
        results["loads"].append(load_results(load, who, found))
        if load.caveat:
            notes.append(f"{load.label}: {load.caveat}")
    if not args.load:
        results["long"] = [one for recorder in usable if recorder.key == "cpartrace-record"
                           for one in long_runs(recorder, args.load_program, directory,
                                                LONG_SECONDS // 10 if args.quick else LONG_SECONDS)]
        resources, recordings = measure_resources(usable, args.load_program, directory)
        results["resources"] = resources
        for entry in [entry for load in results["loads"] if load["key"] == "pipe"
                      for entry in load["recorders"]]:
            entry["resources"] = resources.get(entry["key"], {})
        results["offline"] = offline.read_all(args.cpartrace, recordings,
                                              1 if args.quick else OFFLINE_ROUNDS, directory, say)
    busy_end, steal_end = cpu_totals()
    results["steal_share"] = (steal_end - steal) / max(1, busy_end - busy + steal_end - steal)
    if results["steal_share"] > 0.01:
        notes.append(f"the hypervisor took {100 * results['steal_share']:.1f} % of the CPU time")
    results["seconds"] = round(time.monotonic() - begun, 1)
    return results


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0],
                                     epilog=__doc__.partition("\n\n")[2].partition("\n\n")[2],
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true",
                        help=f"{QUICK_ROUNDS} rounds of smaller loads, about 2 minutes")
    parser.add_argument("--rounds", type=int, help="rounds of every load (default: 15 to 30)")
    parser.add_argument("--scale", type=float, help="size of the loads, 1 is 0.2 to 0.6 s each")
    parser.add_argument("--load", action="append", metavar="KEY", help="only this load (repeat); "
                        "recordings are then not read")
    parser.add_argument("--recorder", action="append", metavar="KEY",
                        help="only this recorder (repeat), with every load")
    parser.add_argument("--cpartrace", default=os.path.join(HERE, "../../build/cpartrace"),
                        metavar="FILE", help="the program to measure (default: build/cpartrace)")
    parser.add_argument("--load-program", metavar="FILE",
                        default=os.path.join(HERE, "../../build/tests/bench/bench_load"),
                        help="default: build/tests/bench/bench_load")
    parser.add_argument("--json", metavar="FILE", help="write everything measured to FILE")
    parser.add_argument("--table", metavar="FILE", help="write the tables to FILE")
    parser.add_argument("--publish", action="store_true",
                        help="put the results into the README and beside this program")
    parser.add_argument("--check", action="store_true",
                        help="measure nothing: is the README's table that of the results there?")
    parser.add_argument("--from", dest="results", metavar="FILE",
                        help="measure nothing: print the tables of these results")
    args = parser.parse_args(argv)
    args.cpartrace = os.path.abspath(args.cpartrace)
    args.load_program = os.path.abspath(args.load_program)
    return args


def write_out(path, text):
    if path:
        with open(path, "w", encoding="utf-8") as target:
            target.write(text)
    else:
        sys.stdout.write(text)


def publish(results):
    """Into the README, with the summaries it is made of; single runs stay in --json. Its status."""
    if not results["whole"]:
        say("not published: it is part of a run, or a quick one")
        return 1
    kept = {**results, "loads": [{key: value for key, value in load.items() if key != "runs"}
                                 for load in results["loads"]]}
    write_out(PUBLISHED, json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    write_out(README, tables.in_readme(read_whole(README), kept))
    return 0


def check():
    """Status: 0 if the README shows what the results beside this program make."""
    text = read_whole(README)
    if tables.in_readme(text, json.loads(read_whole(PUBLISHED))) == text:
        return 0
    say(f"README.md does not show {PUBLISHED}: run bench.py --publish --from {PUBLISHED}")
    return 1


def main(argv):
    args = arguments(argv)
    if args.check:
        return check()
    if args.results and args.publish:
        return publish(json.loads(read_whole(args.results)))
    if args.results:
        write_out(args.table, tables.markdown(json.loads(read_text(args.results))))
        return 0
    if os.geteuid() != 0:
        say("recording the scheduler needs root: run it with sudo")
        return 2
    for path in (args.cpartrace, args.load_program):
        if not os.access(path, os.X_OK):
            say(f"{path} is not there; build the project, or say where it is (see --help)")
            return 2
    directory = tempfile.mkdtemp(prefix="cpartrace-bench-")
    try:
        results = bench(args, directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    say(f"{results['seconds']:.0f} s in all")
    if args.json:
        write_out(args.json, json.dumps(results, indent=1) + "\n")
    write_out(args.table, tables.markdown(results))
    return publish(results) if args.publish else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
