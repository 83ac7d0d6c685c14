#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How cost grows: with tasks, with a trace's length, with load that is not the workload's, with CPUs.

    sudo tests/bench/growth.py [--build build] [--quick] [--json growth.json] [--publish]

Times are CPU times, which a busy machine changes less than those on the wall, but does; memory and
bytes do not depend on it. Switches of others are timed by a pinned pipe outside of the workload (two
processes that wake each other, of a class that is served before others), untraced and under each
watcher in an order drawn anew for each round: the median difference within rounds, with the 95 %
interval of the sign test. CPUs are those of guests that qemu emulates (cpus.py): counts alone, no
times; that needs Debian's qemu-system-x86, busybox-static and cpio. Markdown goes to standard
output; --publish puts it into README.md and what it is made of into tests/bench/growth.json; --check, which
a test runs, says whether the one is what the other makes.
"""

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import cpus  # noqa: E402
import figures  # noqa: E402

PUBLISHED = os.path.join(HERE, "growth.json")
README = os.path.join(HERE, "../../README.md")
BEGIN, END = "<!-- growth -->\n", "<!-- /growth -->\n"
TASKS = (10, 100, 1000, 10_000, 100_000)
SWITCHES = 2_000_000
LENGTHS = (1_000_000, 10_000_000, 100_000_000)  # the last: an hour at 28,000 a second
LENGTH_TASKS = 500
LIVE_THREADS = (10, 1000, 10_000, 100_000)
PIPE_OPS = 60_000
ROUNDS = 25
WATCHERS = {
    "record": ["record", "-q", "-o", "{dir}/watch.trace", "--", "sleep", "60"],
    "record --no-budget": ["record", "-q", "--no-budget", "-o", "{dir}/watch.trace", "--", "sleep",
                           "60"],
    "stat": ["stat", "-q", "-o", "{dir}/watch.txt", "--", "sleep", "60"],
    "stat -a": ["stat", "-q", "-o", "{dir}/watch.txt", "-a"],
}


class Failed(Exception):
    """A measurement that did not come about; the message says why."""


def run(build, argv):
    """(CPU seconds, peak memory in KB) of a command that must succeed. It is started by a small
    program: a process' peak includes what the one that forked it had."""
    with tempfile.TemporaryDirectory() as directory:
        prefix = os.path.join(directory, "run")
        done = subprocess.run([f"{build}/tests/bench/bench_load", "stamp", prefix, *map(str, argv)],
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode:
            raise Failed(f"{argv[0]}: status {done.returncode}: {done.stderr[-200:]!r}")
        with open(f"{prefix}.stamp", encoding="utf-8") as source:
            stamp = json.load(source)
    return stamp["load_cpu_ns"] / 1e9, stamp["load_rss_kb"]


def of_trace(build, trace, tasks, switches):
    write_s, write_kb = run(build, [f"{build}/tests/bench/bench_grow", trace, tasks, switches])
    read_s, read_kb = run(build, [f"{build}/cpartrace", "report", "-i", trace])
    return {"tasks": tasks, "switches": switches, "write_kb": write_kb, "read_kb": read_kb,
            "bytes_per_switch": os.stat(trace).st_size / switches,
            "write_ns": write_s * 1e9 / switches, "read_ns": read_s * 1e9 / switches}


def of_threads(build, trace, threads):
    """Recording a process that starts and ends so many threads, 32 at a time."""
    seconds, peak = run(build, [f"{build}/cpartrace", "record", "-q", "-o", trace, "--",
                         f"{build}/tests/live/helpers/many_threads", threads])
    read_s, read_kb = run(build, [f"{build}/cpartrace", "report", "-i", trace])
    return {"threads": threads, "record_kb": peak, "read_kb": read_kb, "read_s": read_s,
            "both_s": seconds, "bytes": os.stat(trace).st_size}


# ---------------------------------------------------------------- load that is not the workload's


def pipe_ns(build):
    # Before all others: what they take from a CPU would be far more than what is measured.
    said = subprocess.run(["chrt", "-f", "10", "taskset", "-c", "0", f"{build}/tests/bench/bench_load", "pipe",
                           str(PIPE_OPS)], capture_output=True, text=True, check=True).stdout
    return int(re.search(r"ns (\d+)", said)[1]) / PIPE_OPS / 2


def watched_ns(build, directory, watcher):
    argv = [arg.format(dir=directory) for arg in WATCHERS[watcher]]
    process = subprocess.Popen([f"{build}/cpartrace", *argv], stdin=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        time.sleep(0.6)
        if process.poll() is not None:
            raise Failed(f"cpartrace {argv[0]} ended early")
        return pipe_ns(build)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait()


def of_others(build, directory, rounds):
    found = {name: [] for name in ["untraced again", *WATCHERS]}
    for number in range(rounds):
        names = ["untraced", *found]
        ns = {name: watched_ns(build, directory, name) if name in WATCHERS else pipe_ns(build)
              for name in random.Random(number).sample(names, len(names))}
        for name, added in found.items():
            added.append(ns[name] - ns["untraced"])
    return {name: figures.summary(added) for name, added in found.items()}


# ---------------------------------------------------------------- the whole


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def markdown(found):
    def trace_row(one, key):
        return [f"{one[key]:,}", f"{one['bytes_per_switch']:.2f}", f"{one['write_ns']:.0f}",
                f"{one['read_ns']:.0f}", f"{one['write_kb'] / 1024:.1f}",
                f"{one['read_kb'] / 1024:.1f}"]
    head = ["bytes per switch", "ns to write one", "ns to report one", "writer's peak MB",
            "report's peak MB"]
    parts = [
        table([f"tasks ({found['tasks'][0]['switches']:,} switches)", *head],
              [trace_row(one, "tasks") for one in found["tasks"]]),
        table([f"switches ({LENGTH_TASKS} tasks)", *head],
              [trace_row(one, "switches") for one in found["length"]]),
        table(["threads that ran, live", "recorder's peak MB", "trace, bytes per thread",
               "report's peak MB"],
              [[f"{one['threads']:,}", f"{one['record_kb'] / 1024:.1f}",
                f"{one['bytes'] / one['threads']:,.0f}", f"{one['read_kb'] / 1024:.1f}"]
               for one in found["threads"]]),
        table(["while a `sleep` is watched by", "ns added to a switch of others"],
              [[name, f"{ns['median']:.0f} ({ns['low']:.0f} to {ns['high']:.0f})"]
               for name, ns in found["others"].items()]),
        table(["CPUs (guests)", "recorder's peak MB", "its wake-ups per second, idle",
               "bytes per switch", "switches", "lost", "`stat`'s changes given up"],
              [[str(one["cpus"]), f"{one['idle_rss_kb'] / 1024:.1f}", f"{one['wakes_per_s']:.0f}",
                f"{one['bytes_per_switch']:.2f}", f"{one['switches']:,}", f"{one['lost']:,}",
                f"{one['stat_given_up']} of {one['stat_switches']:,} switches"]
               for one in found["cpus"]]),
    ]
    return "\n\n".join(parts) + "\n"


def in_readme(found):
    """(the README as it is, and with these tables in their place)."""
    with open(README, encoding="utf-8") as source:
        text = source.read()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise Failed(f"the README has no place for this: {BEGIN.strip()}, {END.strip()}")
    return text, before + begin + markdown(found) + end + after


def publish(found):
    with open(PUBLISHED, "w", encoding="utf-8") as target:
        json.dump(found, target, indent=1)
        target.write("\n")
    _, text = in_readme(found)
    with open(README, "w", encoding="utf-8") as target:
        target.write(text)


def check():
    """Status: 0 if the README shows what growth.json makes."""
    with open(PUBLISHED, encoding="utf-8") as source:
        text, wanted = in_readme(json.load(source))
    if text == wanted:
        return 0
    print("growth: README.md does not show tests/bench/growth.json", file=sys.stderr)
    return 1


def say(text):
    print(f"growth: {text}", file=sys.stderr, flush=True)


def measure(build, less, rounds, cache):
    with tempfile.TemporaryDirectory(prefix="cpartrace-growth-") as directory:
        trace = os.path.join(directory, "trace")
        found = {"cpus": cpus.measure(build, cache, say)}
        say("tasks")
        found["tasks"] = [of_trace(build, trace, tasks, SWITCHES // less) for tasks in TASKS]
        say("lengths")
        found["length"] = [of_trace(build, trace, LENGTH_TASKS, switches // less)
                           for switches in LENGTHS]
        say("threads")
        found["threads"] = [of_threads(build, trace, threads) for threads in LIVE_THREADS]
        say("load of others")
        found["others"] = of_others(build, directory, rounds)
    return found


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", default=os.path.join(HERE, "../../build"), metavar="DIR")
    parser.add_argument("--quick", action="store_true", help="smaller, for a first look")
    parser.add_argument("--json", metavar="FILE", help="write everything measured to FILE")
    parser.add_argument("--publish", action="store_true", help="put the tables into the README")
    parser.add_argument("--check", action="store_true",
                        help="measure nothing: are the README's tables those of growth.json?")
    parser.add_argument("--cache", metavar="DIR", help="where the guests' kernel is kept (default: "
                        "BUILD/kernels)")
    args = parser.parse_args(argv)
    if args.check:
        return check()
    if os.geteuid() != 0:
        say("recording needs root")
        return 2
    if args.publish and args.quick:
        say("what is quick is not published")
        return 2
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background may ignore it
    build, less = os.path.abspath(args.build), 10 if args.quick else 1
    try:
        found = measure(build, less, ROUNDS // (5 if args.quick else 1),
                        os.path.abspath(args.cache or os.path.join(build, "kernels")))
    except (Failed, cpus.Failed, cpus.packages.Unavailable, OSError,
            subprocess.SubprocessError) as err:
        say(err)
        return 1
    if args.json:
        with open(args.json, "w", encoding="utf-8") as target:
            json.dump(found, target, indent=1)
    if args.publish:
        publish(found)
    else:
        sys.stdout.write(markdown(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
