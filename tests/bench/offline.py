# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What reads a recording afterwards: switches per second, CPU time and peak memory of each reader.

Owns: the readers' command lines. All read recordings of the same load; a rate is the load's
switches (as counted by the kernel) over the reader's time on the wall, from a cold process.
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
    ("script", "cpartrace script", "cpartrace-record", ["{cpartrace}", "script", "-i", "{}"]),
    ("perf-latency", "perf sched latency", "perf-sched", ["perf", "sched", "latency", "-i", "{}"]),
    ("perf-timehist", "perf sched timehist -s", "perf-sched",
     ["perf", "sched", "timehist", "-s", "-i", "{}"]),
    ("perf-script", "perf script", "perf-sched", ["perf", "script", "-i", "{}"]),
    ("trace-cmd-report", "trace-cmd report", "trace-cmd", ["trace-cmd", "report", "-i", "{}"]),
]


def read_all(cpartrace, recordings, rounds, directory, say):
    """recordings: recorder key -> (file, switches of its load). A list of results."""
    found = []
    for key, label, recorder, argv in READERS:
        if recorder not in recordings:
            continue
        path, switches = recordings[recorder]
        argv = [arg.format(path, cpartrace=cpartrace) for arg in argv]
        result = {"key": key, "label": label, "switches": switches}
        for name, prefix in (("one_cpu", ["taskset", "-c", "0"]), ("all_cpus", [])):
            say(f"offline: {label}, {name.replace('_', ' ')}")
            try:
                result[name] = _read(prefix + argv, switches, rounds, directory)
            except measure.Failed as err:
                result["failed"] = str(err)
                break
        found.append(result)
    return found


def _read(argv, switches, rounds, directory):
    wall, cpu = [], []
    for _ in range(rounds):
        process = measure.Process(argv, directory, stdout=subprocess.DEVNULL)
        finished = process.wait()
        if finished.status != 0:
            raise measure.Failed(f"status {finished.status}: {finished.text.strip()[-200:]}")
        wall.append(finished.ended_ns - process.started_ns)
        cpu.append(finished.cpu_ns)
    watched = measure.Process(argv, directory, stdout=subprocess.DEVNULL)
    watched.watch_memory()
    watched.wait()
    return {"switches_per_s": figures.summary([switches * 1e9 / ns for ns in wall]),
            "cpu_ns": figures.summary(cpu), "rss_kb": watched.peak_kb}


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
