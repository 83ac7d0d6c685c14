# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The loads of the benchmark: command lines, and how each tells the time it took.

Owns: sizes, chosen so that an untraced run takes 0.2 to 0.6 s on a machine of today: others' work
comes in bursts, and many short rounds lose fewer of them than few long ones. Every load does a fixed
number of operations and times itself, so that starting and ending it does not count.
"""

import re
import shutil

NS = 1_000_000_000


class Load:
    """A command of a fixed number of operations.

    unit: what `per_op` of make up one operation; added time is given per unit. None where time on
    the wall cannot be shared out so: several CPUs work at once."""

    def __init__(self, key, label, argv, read_ns, ops, *, unit=None, per_op=1, rounds=15,
                 caveat=None):
        self.key, self.label, self.argv = key, label, argv
        self._read_ns, self.ops = read_ns, ops
        self.unit, self.per_op, self.rounds, self.caveat = unit, per_op, rounds, caveat

    def missing(self):
        """The program that is not installed, or None."""
        for program in (self.argv[0], self.argv[3] if self.argv[0] == "taskset" else None):
            if program and not shutil.which(program):
                return program
        return None

    def units(self):
        return self.ops * self.per_op

    def elapsed_ns(self, output):
        """Time the operations took by the load's own word. ValueError if it has none."""
        return self._read_ns(output)


def _perf_bench_ns(ops):
    def read(output):
        match = re.search(r"([\d.]+) usecs/op", output)
        if not match:
            raise ValueError(f"perf bench said no time: {output[-200:]!r}")
        return float(match[1]) * 1000 * ops
    return read


def own_ns(output):
    """The time bench_load says its operations took."""
    match = re.search(r"^ops (\d+) ns (\d+)$", output, re.M)
    if not match:
        raise ValueError(f"bench_load said no time: {output[-200:]!r}")
    return float(match[2])


def _hackbench_ns(output):
    match = re.search(r"^Time: ([\d.]+)", output, re.M)
    if not match:
        raise ValueError(f"hackbench said no time: {output[-200:]!r}")
    return float(match[1]) * NS


def all_loads(bench_load, scale, cpus):
    """Every load, in the order of the results. bench_load: path of our own program; scale: 1 for
    the full size; cpus: to use for what wants one thread per CPU."""
    def size(count):
        return max(100, int(count * scale))

    pinned, free = size(100_000), size(40_000)
    echo, steps, forks, calls = (size(100_000), size(80_000_000), size(500), size(3_000_000))
    loops = size(300)
    return [
        Load("pipe", "`perf bench sched pipe`, pinned to one CPU",
             ["taskset", "-c", "0", "perf", "bench", "sched", "pipe", "-l", str(pinned)],
             _perf_bench_ns(pinned), pinned, unit="switch", per_op=2, rounds=23),
        Load("pipe-free", "`perf bench sched pipe`, unpinned",
             ["perf", "bench", "sched", "pipe", "-l", str(free)],
             _perf_bench_ns(free), free, unit="operation", rounds=15,
             caveat="bimodal: its two processes share a CPU or wake each other's from idle"),
        Load("hackbench", "`hackbench -g 4`: 160 processes on sockets",
             ["hackbench", "-g", "4", "-l", str(loops)], _hackbench_ns, 4 * 400 * loops, rounds=30),
        Load("echo", "epoll echo, 64 connections",
             [bench_load, "echo", str(echo), "64"], own_ns, echo, unit="request", rounds=15),
        Load("cpu", f"{cpus} CPU-bound threads",
             [bench_load, "cpu", str(steps), str(cpus)], own_ns, steps, rounds=15),
        Load("fork", "fork, exec, wait",
             [bench_load, "fork", str(forks)], own_ns, forks, unit="fork", rounds=30),
        Load("getppid", "`getppid` in a loop",
             [bench_load, "getppid", str(calls)], own_ns, calls, unit="call", rounds=15),
    ]
