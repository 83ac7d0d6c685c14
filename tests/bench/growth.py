#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How cost grows: with tasks, with a trace's length, with load that is not the workload's.

    sudo tests/bench/growth.py [--build build] [--quick] [--json growth.json] [--publish]

Times are CPU times, which a busy machine changes less than those on the wall, but does; memory and
bytes do not depend on it. Switches of others are timed by a pinned pipe outside of the workload (two
processes that wake each other, of a class that is served before others), untraced and traced in turn:
the median difference within rounds. Markdown goes to standard output.
"""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
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
        order = list(found)
        order = order[number % len(order):] + order[:number % len(order)]
        base = pipe_ns(build)
        for name in order:
            ns = watched_ns(build, directory, name) if name in WATCHERS else pipe_ns(build)
            found[name].append(ns - base)
    return {name: statistics.median(added) for name, added in found.items()}


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
              [[name, f"{ns:.0f}"] for name, ns in found["others"].items()]),
    ]
    return "\n\n".join(parts) + "\n"


def publish(text):
    with open(README, encoding="utf-8") as source:
        before, begin, rest = source.read().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise Failed(f"the README has no place for this: {BEGIN.strip()}, {END.strip()}")
    with open(README, "w", encoding="utf-8") as target:
        target.write(before + begin + text + end + after)


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", default=os.path.join(HERE, "../../build"), metavar="DIR")
    parser.add_argument("--quick", action="store_true", help="smaller, for a first look")
    parser.add_argument("--json", metavar="FILE", help="write everything measured to FILE")
    parser.add_argument("--publish", action="store_true", help="put the tables into the README")
    args = parser.parse_args(argv)
    if os.geteuid() != 0:
        print("growth: recording needs root", file=sys.stderr)
        return 2
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background may ignore it
    build, less = os.path.abspath(args.build), 10 if args.quick else 1
    with tempfile.TemporaryDirectory(prefix="cpartrace-growth-") as directory:
        trace = os.path.join(directory, "trace")
        try:
            found = {
                "tasks": [of_trace(build, trace, tasks, SWITCHES // less) for tasks in TASKS],
                "length": [of_trace(build, trace, LENGTH_TASKS, switches // less)
                           for switches in LENGTHS],
                "threads": [of_threads(build, trace, threads) for threads in LIVE_THREADS],
                "others": of_others(build, directory, ROUNDS // (5 if args.quick else 1)),
            }
        except (Failed, OSError, subprocess.SubprocessError) as err:
            print(f"growth: {err}", file=sys.stderr)
            return 1
    if args.json:
        with open(args.json, "w", encoding="utf-8") as target:
            json.dump(found, target, indent=1)
    if args.publish:
        publish(markdown(found))
    else:
        sys.stdout.write(markdown(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
