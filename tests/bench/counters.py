#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""counters.py - what a switch costs in counts that hardly vary from run to run, each with a bound.

    sudo tests/bench/counters.py --build build [--run-time]

Times on a shared machine tell of others; these tell of the code: instructions the verifier walks
and the kernel runs, bytes a switch takes on disk, instructions per switch of merging, encoding,
decoding and analysing, system calls of the collector. A bound is where a change must be argued
for, not a wish: whoever has a reason to spend more raises it here and says why. One line per
counter; status 1 if one is over its bound.

--run-time prints instead what the kernel measures of each program (run_time_ns / run_cnt, about
66 ns of them the measuring itself) under a pinned pipe, for which it turns kernel.bpf_stats_enabled
on, for everybody on the machine, and off again. Those are times: they have no bounds.

Debian packages: valgrind, bpftool, linux-perf. Root.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

SWITCHES = 40_000  # of a synthetic stream; counted again with twice as many, and subtracted
BLOCKS = 10
LIVE_OPS = 200_000
STORM = 'timeout 30 "$1" echo 100000000 64 >/dev/null & exec timeout 30 "$1" fork 10000000'
WATCH_SECONDS = 2

# Instructions the verifier walked, a measure of the paths through a program: (bound, why). The kernel
# gives up at 1,000,000. Values are of Linux 6.18; other verifiers prune otherwise, and some programs
# grow with what a kernel has, which is what the room is for.
VERIFIED = {
    "cpt_sched_switch": (27_000, "24,571 with wait reasons, mends and occupancy; 1,400 of them for "
                                 "the condition variables of glibc 2.41, 2,500 for which of two wake-ups it "
                                 "was that a task came in by unseen"),
    "cpt_cell_check": (6_500, "5,458: rebuilding a missed switch"),
    "cpt_sched_waking": (580, "566: it runs with every wake-up of the machine, and has no loops; 290 "
                              "of them only where a futex call wakes"),
    "cpt_task_newtask": (450, "364: one record per task"),
    "cpt_exec": (800, "517: one record per exec, its arguments copied in pieces"),
    "cpt_rename": (900, "696: one record per rename, or a mark; whose that is, by up to 32 ancestors, 200"),
    "cpt_mark_learn": (50, "37: run once"),
    "cpt_affinity_read": (250, "153: run ten times a second"),
    "cpt_tasks_read": (80, "46: run at both ends"),
    "cpt_switch_stk": (35_000, "32,242: the switch program with --stacks"),
    "cpt_waking_stk": (1_700, "1,195: likewise"),
    "cpt_sample": (600, "390: one record per sample"),
    "cpt_stat_switch": (52_000, "37,273: up to eight tries to win the word, three times over"),
    "cpt_stat_check": (20_000, "14,054: mends"),
    "cpt_stat_control": (3_100, "2,213"),
    "cpt_stat_exec": (160, "114"),
    "cpt_stat_free": (260, "183: a last word"),
    "cpt_stat_newtask": (140, "94"),
    "cpt_stat_read": (310, "226 with a cgroup: one record per task and look"),
    "cpt_stat_seed": (170, "121: run at the start"),
    "cpt_stat_find_group": (30, "13: run once"),
    # Of event loops, loaded once one is met.
    "cpt_sys_exit": (90_000, "64,140: every call that opens or ends an operation"),
    "cpt_loop_seed": (1_500, "1,061: a descriptor found in /proc"),
    "cpt_loop_forget": (3_900, "2,742: what a file that is closed leaves"),
    "cpt_mark_hit": (800, "598: loaded where a file has marks; the ancestors are a loop that is verified once"),
    "cpt_ring_create": (50, "29"),
    "cpt_ring_submit": (2_300, "1,591"),
    "cpt_ring_arm": (80, "46"),
    "cpt_ring_punt": (80, "47"),
    "cpt_ring_complete": (1_500, "1,060"),
}

# Translated size in bytes, what the kernel keeps and runs: (bound, why).
TRANSLATED = {
    "cpt_sched_switch": (23_000, "22,536, of which a usual switch walks a tenth; 552 for the condition "
                                 "variables of glibc 2.41, read only where older ones are not found, and "
                                 "some 1,100 for what attaching and loops of poll ask of it"),
    "cpt_cell_check": (12_500, "11,536: shares its code with the switch program"),
    "cpt_sched_waking": (1_950, "1,944: a third of it only where a futex call wakes"),
    "cpt_task_newtask": (2_600, "2,456"),
    "cpt_exec": (4_500, "4,072: fills in a program by the code that found ones share"),
    "cpt_rename": (3_300, "2,624, of which what is no mark walks a fifth"),
    "cpt_mark_learn": (450, "352"),
    "cpt_affinity_read": (1_300, "1,040"),
    "cpt_tasks_read": (450, "360"),
    "cpt_switch_stk": (25_000, "24,272"),
    "cpt_waking_stk": (3_000, "2,584"),
    "cpt_sample": (2_200, "1,760"),
    "cpt_stat_switch": (11_500, "9,304, of which a usual switch walks a sixth"),
    "cpt_stat_check": (7_000, "5,608"),
    "cpt_stat_control": (1_650, "1,304"),
    "cpt_stat_exec": (1_050, "832"),
    "cpt_stat_free": (1_100, "872"),
    "cpt_stat_newtask": (650, "520"),
    "cpt_stat_read": (1_850, "1,488 with a cgroup"),
    "cpt_stat_seed": (900, "696"),
    "cpt_stat_find_group": (150, "104"),
    "cpt_sys_exit": (42_000, "32,584, of which a call outside the loops walks a fortieth"),
    "cpt_loop_seed": (7_500, "5,768"),
    "cpt_loop_forget": (11_500, "8,688"),
    "cpt_mark_hit": (2_650, "2,128"),
    "cpt_ring_create": (330, "240"),
    "cpt_ring_submit": (11_000, "8,336"),
    "cpt_ring_arm": (480, "352"),
    "cpt_ring_punt": (480, "360"),
    "cpt_ring_complete": (4_700, "3,600"),
}

# What sits at instructions of programs, or counts: the kernel waits for all CPUs when it comes and when it goes, which
# takes 20 to 40 ms of a start and 100 ms of an end.
EVENTS = (0, "0: `cpartrace mark` is heard by probes that are there anyway")

# Bytes of trace per switch: (bound, why). At most 8 is what the format promises.
BYTES = {
    "pipe": (2.7, "2.38: nearly all of it times"),
    "hack": (7.0, "6.32: 400 tasks in random order, the worst of the four"),
    "loop": (3.3, "2.89"),
    "locks": (6.2, "5.51: a futex word that counts up"),
    "live": (3.0, "1.95: the clock of a real machine is more regular than the synthetic one"),
}

# Instructions per switch, its wake-up included: (stream, stage) -> (bound, why). A tenth of room for
# what compilers differ in.
INSTRUCTIONS = {
    ("pipe", "merge"): (780, "709"),
    ("pipe", "write"): (840, "759: columns, deflate of all but the times' low bytes"),
    ("pipe", "read"): (470, "425, built with -O3"),
    ("hack", "merge"): (1_045, "948"),
    ("hack", "write"): (1_510, "1,365"),
    ("hack", "read"): (565, "513, likewise"),
    ("pingpong", "analysis"): (1_075, "976: a fifth of them chains, span and wake graph, all at the "
                                      "wake-up; the switch is one step for both tasks"),
    ("twocpus", "analysis"): (1_185, "1,078: each switch begins or ends a stretch of the accounts"),
    ("manytasks", "analysis"): (1_475, "1,338: a quarter of its waits is for a lock that keeps "
                                       "accounts; each name that stops running meets seven others; "
                                       "chains of 62 tasks each"),
}

# System calls of the collector in a second: (bound, why). It looks at the rings 20 times a second.
SYSCALLS = {
    "idle": (25 * (2 + min(os.cpu_count(), 8)) + 10 * 5,
             "each look is a poll and a check of every still CPU, at most 8 of them idle; reading the "
             "masks of tasks that sleep, ten times a second, is four calls more"),
    "pipe": (400, "160 at 500,000 switches a second: looks, half-full rings, two writes a block"),
    "storm": (1_500, "100 to 500 beside an event loop and a storm of forks, by how many there are: processes are "
                     "looked at in /proc, and looks come every 10 ms where much comes. A recorder that each "
                     "record wakes makes thousands"),
}


class Failed(Exception):
    """A counter that cannot be read; the message says why."""


def run(argv, **popen):
    result = subprocess.run([str(arg) for arg in argv], stdin=subprocess.DEVNULL,
                            capture_output=True, encoding="utf-8", errors="replace", timeout=300,
                            check=False, **popen)
    if result.returncode:
        raise Failed(f"{' '.join(map(str, argv))}: status {result.returncode}: "
                     f"{(result.stdout + result.stderr).strip()[-300:]}")
    return result


class Build:
    """Where the programs are."""

    def __init__(self, directory, scratch):
        self.cpartrace = os.path.join(directory, "cpartrace")
        self.bench = os.path.join(directory, "tests/bench")
        self.marks = os.path.join(directory, "tests/live/helpers/marks")  # a program with CPT_MARK
        self.scratch = scratch
        self.trace = os.path.join(scratch, "counters.trace")

    def program(self, name):
        return os.path.join(self.bench, name)

    def record(self, *load):
        """A recording that has begun, and goes on until the load ends."""
        return subprocess.Popen([self.cpartrace, "record", "-v", "-o", self.trace, "--", *load],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, encoding="utf-8")


def end(process):
    _, said = process.communicate(timeout=60)
    if process.returncode:
        raise Failed(f"cpartrace record: status {process.returncode}: {said.strip()[-300:]}")
    return said


# ---------------------------------------------------------------- programs in the kernel


def programs_of(pid):
    """BPF programs a process holds: name -> (id, verified instructions, recursion misses)."""
    found = {}
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as info:
                facts = dict(re.findall(r"^(\w+):\s+(\S+)", info.read(), re.M))
        except OSError:
            continue
        if "prog_id" in facts and "verified_insns" in facts:
            found[int(facts["prog_id"])] = int(facts["verified_insns"])
    return found


def attached(process, still=0.3):
    """Its programs once their number has not changed for so many seconds."""
    known, since = {}, time.monotonic()
    while not known or time.monotonic() - since < still:
        now = programs_of(process.pid)
        if now != known:
            known, since = now, time.monotonic()
        if process.poll() is not None:
            raise Failed(f"cpartrace ended early: {process.stderr.read().strip()[-300:]}")
        time.sleep(0.02)
    return known


@contextlib.contextmanager
def cgroup(scratch):
    """A folder of cgroups, version 2; mounted there if it is nowhere."""
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            if line.split()[2] == "cgroup2":
                yield line.split()[1]
                return
    mount = os.path.join(scratch, "cgroup2")
    os.mkdir(mount)
    run(["mount", "-t", "cgroup2", "none", mount])
    try:
        yield mount
    finally:
        run(["umount", mount])


def programs(build):
    command = ["--", "sleep", "60"]
    said, met = {}, set()
    with cgroup(build.scratch) as group:
        for argv in (["record", *command], ["stat", *command], ["record", "--stacks", *command],
                     ["record", "--loops", "on", *command],
                     ["record", "--mark-usdt", build.marks, *command], ["stat", "-a"],
                     ["stat", "--cgroup", group]):
            where = " ".join(argv[:1] + [arg for arg in argv[1:] if arg.startswith("-")][:1])
            process = subprocess.Popen([build.cpartrace, *argv[:1], "-o", build.trace, *argv[1:]],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.PIPE, encoding="utf-8")
            for what, value, bound in programs_held(process, argv[1:] == command):
                met.add(what.split(":")[0])
                if said.get(what) != value:  # what differs with the options is told again
                    yield what if what not in said else f"{what}, {where}", value, bound
                said.setdefault(what, value)
    for name in sorted((set(VERIFIED) | set(TRANSLATED)) - met):
        raise Failed(f"{name} has a bound, and was not loaded by anything")


def perf_events(process):
    """How many of them it holds."""
    fds, cnt = f"/proc/{process.pid}/fd", 0
    for fd in os.listdir(fds):
        with contextlib.suppress(FileNotFoundError):  # it opens and closes others meanwhile
            cnt += "perf_event" in os.readlink(os.path.join(fds, fd))
    return cnt


def programs_held(process, plain):
    try:
        found = attached(process, 1.5)  # those of event loops are loaded after the others
        events = perf_events(process)
        shown = json.loads(run(["bpftool", "prog", "show", "-j"]).stdout)
    finally:
        process.terminate()
        process.wait()
    if plain:
        yield "perf events of a recording", events, EVENTS
    for entry in sorted(shown, key=lambda entry: entry.get("name", "")):
        if entry["id"] in found and entry.get("name", "").startswith("cpt_"):
            yield (f"{entry['name']}: verified instructions", found[entry["id"]],
                   VERIFIED.get(entry["name"]))
            yield (f"{entry['name']}: translated bytes", entry["bytes_xlated"],
                   TRANSLATED.get(entry["name"]))


# ---------------------------------------------------------------- bytes


def synthetic_bytes(build):
    said = run([build.program("bench_trace"), str(SWITCHES * 5)]).stdout
    for stream, size in re.findall(r"^(\w+) .* ([\d.]+) bytes", said, re.M):
        yield f"stream {stream}: bytes per switch", float(size), BYTES.get(stream)


def live_bytes(build):
    said = end(build.record("taskset", "-c", "0", build.program("bench_load"), "pipe",
                            str(LIVE_OPS)))
    switches = int(re.search(r"recorded ([\d,]+) context", said)[1].replace(",", ""))
    yield ("live pinned pipe: bytes per switch", os.stat(build.trace).st_size / switches,
           BYTES["live"])


# ---------------------------------------------------------------- instructions


def count(argv):
    said = run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *argv]).stderr
    return int(re.search(r"Collected : (\d+)", said)[1])


def per_switch(program, sizes, switches, *rest):
    """What each further switch takes: starting and ending cancel out."""
    less, more = (count([program, str(size), *rest]) for size in sizes)
    return (more - less) / switches


def instructions(build):
    program = build.program("bench_trace")
    for stream in ("pipe", "hack"):
        before = None
        for stage in ("fill", "merge", "write", "read"):
            total = per_switch(program, (SWITCHES, 2 * SWITCHES), SWITCHES, stream, stage)
            if before is not None:
                yield (f"stream {stream}, {stage}: instructions per switch", total - before,
                       INSTRUCTIONS.get((stream, stage)))
            before = total
    program = build.program("bench_analysis")
    for stream in ("pingpong", "twocpus", "manytasks"):
        switches = int(run([program, str(BLOCKS), stream]).stdout)
        yield (f"stream {stream}, analysis: instructions per switch",
               per_switch(program, (BLOCKS, 2 * BLOCKS), switches, stream),
               INSTRUCTIONS.get((stream, "analysis")))


# ---------------------------------------------------------------- system calls


def system_calls(build):
    loads = {"idle": ["sleep", str(WATCH_SECONDS + 2)],
             "pipe": ["taskset", "-c", "0", build.program("bench_load"), "pipe", "10000000"],
             "storm": ["sh", "-c", STORM, "sh", build.program("bench_load")]}
    for name, load in loads.items():
        process = build.record(*load)
        try:
            attached(process)
            said = run(["perf", "stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-p",
                        str(process.pid), "--", "sleep", str(WATCH_SECONDS)]).stderr
        finally:
            process.terminate()
            process.wait()
        calls = re.search(r"^(\d+),,raw_syscalls:sys_enter", said, re.M)
        if not calls:
            raise Failed(f"perf stat counted no system calls: {said.strip()[-200:]}")
        yield (f"collector, {name}: system calls per second", int(calls[1]) / WATCH_SECONDS,
               SYSCALLS[name])


# ---------------------------------------------------------------- time in the kernel, printed only


def set_bpf_stats(value):
    with open("/proc/sys/kernel/bpf_stats_enabled", "w", encoding="ascii") as target:
        target.write(value)


def run_time(build):
    process = build.record("taskset", "-c", "0", build.program("bench_load"), "pipe", "10000000")
    try:
        held = attached(process)
        set_bpf_stats("1")
        time.sleep(WATCH_SECONDS)
        shown = json.loads(run(["bpftool", "prog", "show", "-j"]).stdout)
    finally:
        set_bpf_stats("0")
        process.terminate()
        process.wait()
    for entry in shown:
        if entry["id"] in held and entry.get("run_cnt"):
            print(f"{entry['name']}: {entry['run_time_ns'] / entry['run_cnt']:.0f} ns per run, "
                  f"{entry['run_cnt']:,} runs")


# ---------------------------------------------------------------- the whole


def say(name, value, bound):
    shown = f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
    if bound is None:
        print(f"FAIL {name}: {shown}, and no bound is known: give it one")
        return False
    good = value <= bound[0]
    print(f"{'ok  ' if good else 'FAIL'} {name}: {shown} (at most {bound[0]:,}: {bound[1]})",
          flush=True)
    return good


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", default="build", metavar="DIR", help="default: build")
    parser.add_argument("--run-time", action="store_true",
                        help="print the time of each program by kernel.bpf_stats_enabled")
    args = parser.parse_args(argv)
    if os.geteuid() != 0:
        print("counters: loading eBPF programs needs root", file=sys.stderr)
        return 2
    missing = [tool for tool in ("valgrind", "bpftool", "perf") if not shutil.which(tool)]
    if missing:
        print(f"counters: not installed: {', '.join(missing)}", file=sys.stderr)
        return 2
    over = 0
    with tempfile.TemporaryDirectory(prefix="cpartrace-counters-") as scratch:
        build = Build(os.path.abspath(args.build), scratch)
        try:
            if args.run_time:
                run_time(build)
                return 0
            for group in (programs, synthetic_bytes, live_bytes, system_calls, instructions):
                over += sum(not say(*counter) for counter in group(build))
        except (Failed, OSError, subprocess.TimeoutExpired) as err:
            print(f"FAIL {err}")
            return 1
    print(f"{over} over their bounds" if over else "all within their bounds")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
