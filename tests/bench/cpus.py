# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How recording grows with CPUs: guests of 1 to 16 that qemu emulates (tests/kernels makes them).

Owns: what runs in such a guest, and what is counted there. Its CPUs take turns on one of ours, so no
time of a guest means anything, nor does what CPUs do to each other's caches: counts and memory do.

    pipes      a pair of processes on each CPU passes a byte to and fro, as often over all CPUs in each
               guest: bytes a switch, what was lost
    idle       a recorder of a `sleep`: its peak memory, how often it wakes
    stat       the pipes again, under `stat`: changes of the one shared word that were given up
"""

import json
import os
import re
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kernels"))

import image  # noqa: E402
import packages  # noqa: E402

CPUS = (1, 2, 4, 8, 16)
KERNEL = "6.12"
PASSES = 24_000  # of all pairs
IDLE_SECONDS = 4
PROGRAMS = ("cpartrace", "tests/bench/bench_load")
CASES = {
    "pipes": f"cpartrace record -v -o t.data bench_load pipes $(({PASSES} / $(nproc))) $(nproc) 2> said;"
             " status=$?; wc -c < t.data > size; exit $status",
    "idle": f"bench_load stamp load cpartrace record -q -o i.data sleep {IDLE_SECONDS}",
    "stat": f"cpartrace stat --json -o s.json bench_load pipes $(({PASSES} / $(nproc))) $(nproc)",
}


class Failed(Exception):
    """A guest that did not say what was asked."""


def count(pattern, text):
    match = re.search(pattern, text)
    if not match:
        raise Failed(f"a guest's recorder did not say {pattern}: {text[-200:]!r}")
    return int(match[1].replace(",", ""))


def facts(cpus, results):
    """What the cases of one guest left."""
    for name in CASES:
        if results.get(name, {}).get("status") != 0:
            raise Failed(f"{cpus} CPUs, {name}: {results.get(name)}"[:600])
    said = results["pipes"]["said"].decode("utf-8", "replace")
    switches = count(r"recorded ([\d,]+) context switches", said)
    idle = json.loads(results["idle"]["load.stamp"])
    stat = json.loads(results["stat"]["s.json"])
    return {"cpus": cpus, "switches": switches,
            "bytes_per_switch": int(results["pipes"]["size"]) / switches,
            "lost": count(r"records lost: ([\d,]+)", said),
            "idle_rss_kb": idle["load_rss_kb"],
            "wakes_per_s": idle["load_switches"] / IDLE_SECONDS,
            "stat_switches": stat["switches"],
            "stat_given_up": stat["data_quality"]["late_changes"]
            + stat["data_quality"]["bad_changes"]}


def measure(build, cache, say):
    """A list of facts, one for each number of CPUs. Raises Failed, packages.Unavailable, OSError."""
    vmlinuz = packages.kernels([KERNEL], cache)[KERNEL][1]
    found = []
    for cpus in CPUS:
        say(f"a guest of {cpus} CPUs")
        with tempfile.TemporaryDirectory(prefix="cpartrace-cpus-") as directory:
            initrd = image.build(directory, [os.path.join(build, path) for path in PROGRAMS], CASES)
            results, closed, console = image.boot(
                directory, vmlinuz, initrd, ("-smp", f"{cpus},sockets=1,cores={cpus},threads=1"))
        if not closed:
            raise Failed(f"the guest of {cpus} CPUs did not get to its end: {console[-300:]}")
        found.append(facts(cpus, results))
    return found
