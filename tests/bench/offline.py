# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What reads a recording afterwards: switches per second, CPU time and peak memory of each reader.

Owns: the readers' command lines. All read recordings of the same load; a rate is the load's
switches (as counted by the kernel) over the reader's time on the wall, from a cold process whose
recording is in the page cache. Readers take turns, on one CPU and on all, so that none has the
quiet minutes to itself. Of those that print a row for each event the rows are counted, too.
"""

import os
import re
import subprocess

import figures
import measure

# key, what it is called, the recorder whose recording it reads, arguments ({} is the recording).
READERS = [
    ("report", "cpartrace report", "cpartrace-record", ["{cpartrace}", "report", "-i", "{}"]),
    ("report-json", "cpartrace report --json", "cpartrace-record",
     ["{cpartrace}", "report", "--json", "-i", "{}"]),
    ("export-ledger", "cpartrace export, table ledger", "cpartrace-record",
     ["{cpartrace}", "export", "-f", "csv", "--table", "ledger", "-i", "{}"]),
    ("export-intervals", "cpartrace export, table intervals", "cpartrace-record",
     ["{cpartrace}", "export", "-f", "csv", "--table", "intervals", "-i", "{}"]),
    ("export-jsonl", "cpartrace export -f jsonl, table intervals", "cpartrace-record",
     ["{cpartrace}", "export", "-f", "jsonl", "--table", "intervals", "-i", "{}"]),
    ("script", "cpartrace script", "cpartrace-record", ["{cpartrace}", "script", "-i", "{}"]),
    ("perf-latency", "perf sched latency", "perf-sched", ["perf", "sched", "latency", "-i", "{}"]),
    ("perf-timehist", "perf sched timehist", "perf-sched",
     ["perf", "sched", "timehist", "-i", "{}"]),
    ("perf-script", "perf script", "perf-sched", ["perf", "script", "-i", "{}"]),
    ("trace-cmd-report", "trace-cmd report", "trace-cmd", ["trace-cmd", "report", "-i", "{}"]),
]


# Their output has a line for each event or interval.
PRINTERS = {"export-intervals", "export-jsonl", "script", "perf-timehist", "perf-script",
            "trace-cmd-report"}

WAYS = (("one_cpu", ["taskset", "-c", "0"]), ("all_cpus", []))


class Reader:
    """One reader, and what its runs have shown so far."""

    def __init__(self, key, label, argv, path, switches):
        self.key, self.argv, self.path, self.switches = key, argv, path, switches
        self.result = {"key": key, "label": label, "switches": switches}
        self.wall = {way: [] for way, _ in WAYS}
        self.cpu = {way: [] for way, _ in WAYS}

    def run(self, way, prefix, directory):
        _warm(self.path)
        process = measure.Process(prefix + self.argv, directory, stdout=subprocess.DEVNULL)
        finished = process.wait()
        if finished.status != 0:
            raise measure.Failed(f"status {finished.status}: {finished.text.strip()[-200:]}")
        self.wall[way].append(finished.ended_ns - process.started_ns)
        self.cpu[way].append(finished.cpu_ns)

    def finish(self, directory):
        for way, prefix in WAYS:
            watched = measure.Process(prefix + self.argv, directory, stdout=subprocess.DEVNULL)
            watched.watch_memory()
            watched.wait()
            self.result[way] = {
                "switches_per_s": figures.summary([self.switches * 1e9 / ns
                                                   for ns in self.wall[way]]),
                "cpu_ns": figures.summary(self.cpu[way]), "rss_kb": watched.peak_kb}
        if self.key in PRINTERS:
            self.result["lines"] = _count_lines(self.argv)


def read_all(cpartrace, recordings, rounds, directory, say):
    """recordings: recorder key -> (file, switches of its load). A list of results."""
    readers = []
    for key, label, recorder, argv in READERS:
        if recorder in recordings:
            path, switches = recordings[recorder]
            argv = [arg.format(path, cpartrace=cpartrace) for arg in argv]
            readers.append(Reader(key, label, argv, path, switches))
    for number in range(rounds):
        say(f"offline: round {number + 1} of {rounds}")
        for reader in readers:
            try:
                for way, prefix in WAYS:
                    if "failed" not in reader.result:
                        reader.run(way, prefix, directory)
            except measure.Failed as err:
                reader.result["failed"] = str(err)
    for reader in readers:
        if "failed" not in reader.result:
            reader.finish(directory)
    return [reader.result for reader in readers]


def _warm(path):
    with open(path, "rb") as recording:
        while recording.read(1 << 20):
            pass


def _count_lines(argv):
    lines = 0
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as process:
        while piece := process.stdout.read(1 << 20):
            lines += piece.count(b"\n")
    return lines


def lost_of_perf(path, directory):
    """Events perf lost by its own recording, and samples in it."""
    finished = measure.Process(["perf", "report", "--stats", "-i", path], directory).wait()
    lost = sum(int(n) for n in re.findall(r"LOST\w* events: +(\d+)", finished.text))
    samples = re.search(r"SAMPLE events: +(\d+)", finished.text)
    return lost, int(samples[1]) if samples else None


def lost_of_trace_cmd(path, directory):
    finished = measure.Process(["trace-cmd", "report", "--stat", "-i", path], directory).wait()
    lost = re.findall(r"(?:overrun|dropped events): (\d+)", finished.text)
    return (sum(map(int, lost)) if lost else None), None


def complete(recorder, path, directory):
    """lost, events by the recording itself; (None, None) where the recorder told already."""
    if not os.path.exists(path):
        return None, None
    if recorder.startswith("perf"):
        return lost_of_perf(path, directory)
    if recorder == "trace-cmd":
        return lost_of_trace_cmd(path, directory)
    return None, None
