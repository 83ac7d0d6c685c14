# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The recorders that are compared: how each is told to record a command, what its output says of
events and losses, and what reads its recording afterwards.

Owns: the command lines. Every recorder is used as its manual says, with its own defaults.

Must not: leave a machine otherwise than it was (tracefs: trace-cmd's settings are undone).
"""

import os
import re
import shutil

import measure

TRACEFS = "/sys/kernel/tracing"
PERF_EVENTS = ",".join("sched:" + name for name in (
    "sched_switch", "sched_waking", "sched_wakeup_new", "sched_process_fork",
    "sched_process_exit"))


def _count(text):
    return int(text.replace(",", ""))


def _size(path):
    try:
        return os.stat(path).st_size
    except OSError:
        return None


class Recorder:
    """One way to record. `beside`: runs beside the load instead of starting it; `mute`: its
    standard output is not wanted; `traces`: whether it is one at all."""

    beside = mute = False
    traces = True
    program = None
    trace_name = None
    note = None  # what readers of its figures must know

    def __init__(self, key, label):
        self.key, self.label = key, label

    def command(self, directory, load):
        raise NotImplementedError

    def look_at(self, directory, text):
        """Facts of a finished run: bytes, events, lost where it tells."""
        found = self.counts(text)
        if self.trace_name:
            found["bytes"] = _size(os.path.join(directory, self.trace_name))
        return found

    def counts(self, text):
        return {}

    def clean_up(self, directory):
        if self.trace_name:
            for name in os.listdir(directory):
                if name.startswith(self.trace_name):
                    os.unlink(os.path.join(directory, name))

    def probe(self, bench_load, directory):
        """Why it cannot be used here, in words, or None. Leaves its settings as they were."""
        if self.program and not shutil.which(self.program):
            return "not installed"
        try:
            measure.run(self, [bench_load, "pipe", "1000"], bench_load, directory)
        except measure.Failed as err:
            return str(err)
        finally:
            self.clean_up(directory)
        return None


class Untraced(Recorder):
    traces = False

    def command(self, directory, load):
        return load


class Cpartrace(Recorder):
    trace_name = "cpartrace.data"

    def __init__(self, program, verb):
        super().__init__(f"cpartrace-{verb}", f"cpartrace {verb}")
        self.program, self.verb = program, verb
        if verb == "stat":
            self.trace_name = None

    def command(self, directory, load):
        argv = [self.program, self.verb]
        if self.verb != "stat":
            argv += ["-v", "-o", os.path.join(directory, self.trace_name)]
        return [*argv, "--", *load]

    def counts(self, text):
        if self.verb == "stat":
            return self.counts_of_stat(text)
        switches = re.search(r"recorded ([\d,]+) context switches of", text)
        lost = re.search(r"records lost: ([\d,]+)", text)
        return {"events": _count(switches[1]) if switches else None,
                "lost": _count(lost[1]) if lost else None}


    @staticmethod
    def counts_of_stat(text):
        """It writes no events; those it has counted, and whether it says that all is there."""
        data = re.search(r"Data: (complete, )?.*?([\d,]+)\s+context\s+switches", text, re.S)
        return {"events": _count(data[2]) if data else None,
                "lost": 0 if data and data[1] else None}


class PerfRecord(Recorder):
    program = "perf"
    trace_name = "perf.data"

    def __init__(self, key, label, how):
        super().__init__(key, label)
        self.how = how

    def command(self, directory, load):
        return ["perf", *self.how, "-o", os.path.join(directory, self.trace_name), "--", *load]

    def counts(self, text):
        samples = re.search(r"\((\d+) samples\)", text)
        lost = re.search(r"lost (\d+) (?:chunks|samples)", text)
        return {"events": int(samples[1]) if samples else None,
                "lost": int(lost[1]) if lost else 0}


class TraceCmd(Recorder):
    program = "trace-cmd"
    trace_name = "trace.dat"
    keep = False

    def command(self, directory, load):
        how = ["-k", "-d"] if self.keep else []
        return ["trace-cmd", "record", *how, "-e", "sched",
                "-o", os.path.join(directory, self.trace_name), *load]

    def counts(self, text):
        overruns = re.findall(r"(?:overrun|dropped events): (\d+)", text)
        return {"events": None, "lost": sum(map(int, overruns)) if overruns else None}

    def probe(self, bench_load, directory):
        reason = super().probe(bench_load, directory)
        if reason and reason != "not installed":
            # Where the kernel lets nobody touch the function tracer, it can still record events.
            self.keep = True
            if super().probe(bench_load, directory) is None:
                self.note = ("started with -k -d: this machine refuses changes to the function "
                             "tracer; what it then leaves on is turned off after its time is taken")
                return None
        return reason

    def clean_up(self, directory):
        super().clean_up(directory)
        if not self.keep:
            return
        for name, value in (("events/enable", "0"), ("trace", ""), ("tracing_on", "1")):
            try:
                with open(os.path.join(TRACEFS, name), "w", encoding="ascii") as target:
                    target.write(value)
            except OSError:
                pass


class BpfTool(Recorder):
    beside = True

    def __init__(self, program, args, note):
        super().__init__(program, f"libbpf-tools {program}")
        self.program, self.args, self.note = program, args, note

    def command(self, directory, load):
        return [self.program, *self.args]


def all_recorders(cpartrace):
    """In the order of the results; the untraced runs are not among them."""
    return [
        Cpartrace(cpartrace, "record"),
        Cpartrace(cpartrace, "run"),
        Cpartrace(cpartrace, "stat"),
        PerfRecord("perf-sched", "perf sched record", ["sched", "record"]),
        PerfRecord("perf-record", "perf record -e 5 sched events",
                   ["record", "-a", "-e", PERF_EVENTS]),
        TraceCmd("trace-cmd", "trace-cmd record -e sched"),
        BpfTool("runqlat", [], "a histogram of the whole machine, no events"),
        BpfTool("offcputime", [], "sums of the whole machine by stack, user and kernel; no events"),
    ]


# Beside the pinned pipe, which everybody records, each load is recorded by these.
CHOSEN = {
    "pipe-free": ("cpartrace-record", "cpartrace-stat", "perf-sched"),
    "hackbench": ("cpartrace-record", "cpartrace-stat", "perf-sched"),
    "echo": ("cpartrace-record", "cpartrace-stat", "perf-sched", "trace-cmd"),
    "cpu": ("cpartrace-record", "cpartrace-stat", "perf-sched"),
    "fork": ("cpartrace-record", "cpartrace-stat", "perf-sched"),
    "getppid": ("cpartrace-record", "cpartrace-stat", "perf-sched"),
}
